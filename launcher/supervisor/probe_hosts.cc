#include "launcher/supervisor/probe_hosts.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "launcher/supervisor/child_process.h"
#include "launcher/supervisor/link_probe.h"

namespace perdure {
namespace {

using Clock = std::chrono::steady_clock;

// How a shell says that there is no such program.
constexpr int kNotFound = 127;
constexpr int kPollMilliseconds = 5;

// A program started on a host, until it has printed what is awaited.
class RemoteProbe {
 public:
  RemoteProbe(const ProbeOptions& options, const std::string& host,
              const std::vector<std::string>& words)
      : host_(host) {
    absl::StatusOr<ChildProcess> child = ChildProcess::Start(
        RemoteCommand(options.access, host, options.start_seconds, words), {});
    if (child.ok()) child_.emplace(std::move(*child));
  }

  const std::string& host() const { return host_; }
  const std::string& output() const { return output_; }
  bool not_found() const {
    return exit_.has_value() && exit_->code == kNotFound;
  }
  bool ended() const { return !child_.has_value() || exit_.has_value(); }

  // Takes in what it has printed so far.
  void Turn() {
    if (ended()) return;
    exit_ = child_->Poll();
    ReadAvailable(child_->output(), &output_);
  }

 private:
  std::string host_;
  std::optional<ChildProcess> child_;
  std::optional<ExitState> exit_;
  std::string output_;
};

// Until `done` holds for all of them, or `seconds` have passed.
template <typename Done>
void Await(std::vector<RemoteProbe>* probes, double seconds,
           const std::stop_token& stop, const Done& done) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  while (true) {
    bool all = true;
    for (RemoteProbe& probe : *probes) {
      probe.Turn();
      all = all && (probe.ended() || done(probe));
    }
    if (all || stop.stop_requested() || Clock::now() > deadline) return;
    poll(nullptr, 0, kPollMilliseconds);
  }
}

// Serves on every host, for as long as it lives.
class ServedHosts {
 public:
  ServedHosts(const std::vector<std::string>& hosts,
              const ProbeOptions& options) {
    const double life = 2 * options.start_seconds + 4 * options.link_seconds;
    for (const std::string& host : hosts) {
      probes_.emplace_back(
          options, host,
          std::vector<std::string>{options.program, "probe-serve",
                                   absl::StrCat(life)});
    }
    Await(&probes_, options.start_seconds, options.stop,
          [](const RemoteProbe& probe) { return PortOf(probe) > 0; });
  }

  // "HOST:PORT", or "" where nothing serves.
  std::string Peer(const std::string& host) const {
    for (const RemoteProbe& probe : probes_) {
      const int port = PortOf(probe);
      if (probe.host() == host && port > 0) {
        return absl::StrCat(host, ":", port);
      }
    }
    return "";
  }
  const std::vector<RemoteProbe>& probes() const { return probes_; }

 private:
  // "port 1234"
  static int PortOf(const RemoteProbe& probe) {
    const size_t at = probe.output().find("port ");
    const size_t end = probe.output().find('\n');
    int port = 0;
    if (at == std::string::npos || end == std::string::npos ||
        !absl::SimpleAtoi(probe.output().substr(at + 5, end - at - 5), &port)) {
      return 0;
    }
    return port;
  }

  std::vector<RemoteProbe> probes_;
};

// Each pair's first host reaches for its second.
std::vector<TriedLink> TryPairs(const ServedHosts& served,
                                const std::vector<HostPair>& pairs,
                                const ProbeOptions& options) {
  std::map<std::string, std::vector<std::string>> peers_of;
  for (const auto& [from, to] : pairs) {
    const std::string peer = served.Peer(to);
    if (!peer.empty()) peers_of[from].push_back(peer);
  }
  std::vector<RemoteProbe> probes;
  for (const auto& [from, peers] : peers_of) {
    std::vector<std::string> words = {options.program, "probe-reach",
                                      absl::StrCat(options.link_seconds)};
    words.insert(words.end(), peers.begin(), peers.end());
    probes.emplace_back(options, from, words);
  }
  Await(&probes, options.start_seconds + options.link_seconds, options.stop,
        [](const RemoteProbe&) { return false; });
  std::map<std::string, std::string> said;  // by "FROM HOST:PORT"
  for (const RemoteProbe& probe : probes) {
    for (const ReachedPeer& reached : ParseReached(probe.output())) {
      said[absl::StrCat(probe.host(), " ", reached.peer)] = reached.problem;
    }
  }
  std::vector<TriedLink> tried;
  for (const HostPair& pair : pairs) {
    const std::string peer = served.Peer(pair.second);
    const auto found = said.find(absl::StrCat(pair.first, " ", peer));
    tried.push_back({pair, peer.empty()
                               ? absl::StrCat("nothing starts on ", pair.second)
                           : found == said.end()
                               ? absl::StrCat("nothing starts on ", pair.first)
                               : found->second});
  }
  return tried;
}

}  // namespace

std::vector<std::string> UnreachableHosts(const std::vector<std::string>& hosts,
                                          const ProbeOptions& options) {
  const ServedHosts served(hosts, options);
  std::vector<std::string> peers;
  std::vector<std::string> unreachable;
  for (const RemoteProbe& probe : served.probes()) {
    const std::string peer = served.Peer(probe.host());
    if (!peer.empty()) {
      peers.push_back(peer);
    } else if (!probe.not_found()) {
      unreachable.push_back(probe.host());
    }
  }
  for (const ReachedPeer& reached : ReachPeers(peers, options.link_seconds)) {
    if (reached.problem.empty()) continue;
    unreachable.push_back(reached.peer.substr(0, reached.peer.rfind(':')));
  }
  return unreachable;
}

LinkVerdict ProbeLinks(const std::vector<std::string>& hosts,
                       const ProbeOptions& options) {
  const ServedHosts served(hosts, options);
  std::vector<TriedLink> tried = TryPairs(served, FirstRound(hosts), options);
  const std::vector<TriedLink> second =
      TryPairs(served, SecondRound(hosts, tried), options);
  tried.insert(tried.end(), second.begin(), second.end());
  return JudgeLinks(hosts, tried);
}

}  // namespace perdure

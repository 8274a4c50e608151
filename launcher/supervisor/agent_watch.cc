#include "launcher/supervisor/agent_watch.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

// None where the kernel does not tell, or the process is gone.
std::optional<std::set<pid_t>> ChildrenOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/task/", pid, "/children"));
  if (!file) return std::nullopt;
  return std::set<pid_t>(std::istream_iterator<pid_t>(file), {});
}

std::string CommandLineOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/cmdline"));
  return {std::istreambuf_iterator<char>(file), {}};
}

bool InName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
         c == '.' || c == '_';
}

}  // namespace

std::string HostNamedIn(absl::string_view command_line,
                        const std::vector<std::string>& hosts) {
  const auto begin = command_line.begin(), end = command_line.end();
  for (auto at = std::find_if(begin, end, InName); at != end;
       at = std::find_if(at, end, InName)) {
    const auto stop = std::find_if_not(at, end, InName);
    const std::string word(at, stop);
    if (std::find(hosts.begin(), hosts.end(), word) != hosts.end()) return word;
    at = stop;
  }
  return "";
}

void AgentWatch::Learn(pid_t mpirun) {
  learned_ = true;
  const std::optional<std::set<pid_t>> children = ChildrenOf(mpirun);
  if (!children.has_value()) return;
  for (const pid_t child : *children) {
    std::string host = HostNamedIn(CommandLineOf(child), hosts_);
    if (!host.empty()) host_of_[child] = std::move(host);
  }
}

void AgentWatch::Look(pid_t mpirun) {
  if (host_of_.empty() || !lost_.empty()) return;
  const std::optional<std::set<pid_t>> children = ChildrenOf(mpirun);
  // Its own end takes all of them.
  if (!children.has_value() || children->empty()) return;
  for (const auto& [pid, host] : host_of_) {
    if (!children->contains(pid)) lost_.push_back(host);
  }
}

}  // namespace perdure

#ifndef PERDURE_LAUNCHER_SUPERVISOR_NODE_TABLE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_NODE_TABLE_H_

// The hosts of a launch: who runs ranks, who is a spare, who is not trusted for
// now. Pure: the caller reads the clock.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/supervisor/mpirun_line.h"
#include "runtime/base/status.h"

namespace perdure {

// "a:4,b:4,c" (one rank where no number is). InvalidArgument names the entry.
absl::StatusOr<std::vector<HostSlots>> ParseHosts(absl::string_view text);
// The lines of a hostfile: "a slots=4" or "a:4"; # begins a comment.
absl::StatusOr<std::vector<HostSlots>> ParseHostfile(absl::string_view text);

// What is to be left alone for `first` seconds the first time is so for twice
// as long each time it happens again (`times` before), up to an hour.
double CooldownAfter(double first, int times);

class NodeTable {
 public:
  // Empty: this machine alone, which cannot be replaced. `cooldown`: seconds
  // that a host is out the first time.
  explicit NodeTable(std::vector<HostSlots> hosts, double cooldown = 30);

  bool local() const { return nodes_.empty(); }
  // Trusted hosts for `ranks` ranks, in the order given, slow ones only where
  // the others do not suffice; none if all do not. One of them may give fewer
  // slots than it has.
  std::optional<std::vector<HostSlots>> Choose(int ranks, double now) const;
  // What hosts call themselves, where --hosts has addresses or aliases: `hosts`
  // are Choose's, which mpirun fills one after another; `names` has what each
  // rank has told, or nothing. Where that does not agree nothing is learned.
  void LearnNames(const std::vector<HostSlots>& hosts,
                  const std::vector<std::string>& names);
  // Ranks that the trusted hosts take together.
  int TrustedSlots(double now) const;
  // Keeps a host out for a while (CooldownAfter). False if it is none of the
  // table's. Here and below a host may be called as it calls itself, and the
  // domain may be left out, or be there in addition.
  bool Exclude(absl::string_view host, double now);
  // It is trusted, but used last, for as long as Exclude would keep it out.
  bool MarkSlow(absl::string_view host, double now);
  bool IsSlow(absl::string_view host, double now) const;
  // Keeps it out for good.
  bool Condemn(absl::string_view host);
  // Those of `hosts` that were left out and have not answered since.
  std::vector<std::string> Untried(const std::vector<HostSlots>& hosts) const;
  // It has answered.
  void MarkTried(absl::string_view host);
  // When the next excluded host is trusted again; none if there is none.
  std::optional<double> NextReturn(double now) const;
  // "a:4, b:4 out for 28 s, c:4 slow, used last for 30 s"
  std::string Describe(double now) const;

 private:
  struct Node {
    HostSlots host;
    std::string own_name;  // empty: not learned
    int exclusions = 0;
    double out_until = 0;
    bool untried = false;  // since it was left out
    int swaps = 0;
    double slow_until = 0;
  };
  Node* Find(absl::string_view host);
  std::vector<Node> nodes_;
  double cooldown_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_NODE_TABLE_H_

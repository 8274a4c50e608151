#ifndef PERDURE_LAUNCHER_SUPERVISOR_LINK_VERDICT_H_
#define PERDURE_LAUNCHER_SUPERVISOR_LINK_VERDICT_H_

// Which pairs of hosts are tried when data does not get through somewhere, and
// who is left out for what was found: the two-round test of Acme (Hu et al.,
// NSDI 2024), for links as well as for hosts. Pure.

#include <string>
#include <utility>
#include <vector>

namespace perdure {

using HostPair = std::pair<std::string, std::string>;

struct TriedLink {
  HostPair hosts;
  std::string problem;  // "" if data got through
};

// Few hosts: all pairs. Many: each host with the next one.
std::vector<HostPair> FirstRound(const std::vector<std::string>& hosts);
// Every host of a link that failed, with hosts none of whose links did; no pair
// that was tried. Empty where the first round has told all.
std::vector<HostPair> SecondRound(const std::vector<std::string>& hosts,
                                  const std::vector<TriedLink>& tried);

struct LinkVerdict {
  std::vector<std::string> guilty;  // leaving them out leaves no bad link
  std::string what;                 // one sentence
};
// As few hosts as a greedy choice finds; of equals the later in `hosts`.
LinkVerdict JudgeLinks(const std::vector<std::string>& hosts,
                       const std::vector<TriedLink>& tried);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_LINK_VERDICT_H_

#ifndef PERDURE_LAUNCHER_SUPERVISOR_LINK_PROBE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_LINK_PROBE_H_

// Whether data gets through between two machines: a TCP connection that sends
// 64 KiB there and gets them back. One end serves (perdure-launch probe-serve,
// started on a host), the other reaches it (perdure-launch probe-reach, or
// perdure-launch itself).

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// A served end: "HOST:PORT".
struct ReachedPeer {
  std::string peer;
  std::string problem;  // "" if data came back
};

// Listens on a free port of all addresses, tells it, and gives back what
// connections send until `seconds` have passed. Bounded: what it reads is not
// looked at, and at most 64 KiB of a connection are taken.
absl::Status ServeLinkProbe(double seconds,
                            const std::function<void(int port)>& tell);

// Tries all peers at once, each for at most `seconds`. Blocks.
std::vector<ReachedPeer> ReachPeers(const std::vector<std::string>& peers,
                                    double seconds);

// A line a peer, as probe-reach prints them: "HOST:PORT ok", "HOST:PORT why".
std::string ReachedText(const std::vector<ReachedPeer>& peers);
// Lines that are none are left out.
std::vector<ReachedPeer> ParseReached(absl::string_view text);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_LINK_PROBE_H_

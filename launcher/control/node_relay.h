#ifndef PERDURE_LAUNCHER_CONTROL_NODE_RELAY_H_
#define PERDURE_LAUNCHER_CONTROL_NODE_RELAY_H_

// How the ranks of a node find the one that speaks for all of them. The speaker
// has bound an abstract Unix address (unix(7)) that is derived from the job's
// key and the generation: the kernel lets one process have it and frees it the
// moment that one dies, so there is always at most one speaker, the next takes
// over at once, and nothing is left behind. Abstract addresses belong to a
// network namespace, as nodes do.
//
// One thread.

#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "launcher/control/datagram.h"
#include "runtime/base/status.h"

namespace perdure {

class NodeRelay {
 public:
  // Speaks, if nobody does yet.
  static absl::StatusOr<NodeRelay> Open(const JobKey& key, int64_t generation);
  NodeRelay(NodeRelay&& other) noexcept;
  NodeRelay& operator=(NodeRelay&&) = delete;
  ~NodeRelay();

  bool speaks() const { return speaks_; }
  int fd() const { return fd_; }

  // Who sent something, to answer to.
  struct Address {
    sockaddr_un address;
    socklen_t size;
  };
  struct Received {
    absl::string_view datagram;  // in this object, until the next
    Address from;
  };
  std::optional<Received> Receive();  // never blocks
  // Best effort. Of one that does not speak, to the speaker; where there is
  // none any more, this one becomes it: look at speaks() afterwards.
  void SendToSpeaker(absl::string_view datagram);
  void SendTo(absl::string_view datagram, const Address& to);

 private:
  NodeRelay(int fd, const Address& speaker) : fd_(fd), speaker_(speaker) {}
  // Takes the speaker's address, if it is free.
  absl::Status TryToSpeak();

  int fd_;
  Address speaker_;
  bool speaks_ = false;
  char buffer_[2048];
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_CONTROL_NODE_RELAY_H_

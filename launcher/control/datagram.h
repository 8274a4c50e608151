#ifndef PERDURE_LAUNCHER_CONTROL_DATAGRAM_H_
#define PERDURE_LAUNCHER_CONTROL_DATAGRAM_H_

// Sealed messages: magic (4 bytes), the first 16 bytes of the HMAC-SHA256 of
// the payload under the job's key (RFC 2104), payload. Who does not know the
// key cannot make one; the key itself never travels.

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// Of a job; 32 random bytes.
class JobKey {
 public:
  // Unavailable if the system has no randomness to give.
  static absl::StatusOr<JobKey> Random();
  // InvalidArgument if `hex` is not 64 hexadecimal digits.
  static absl::StatusOr<JobKey> FromHex(absl::string_view hex);
  std::string ToHex() const;
  const std::string& bytes() const { return bytes_; }

 private:
  explicit JobKey(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

// Larger ones are not sent, and dropped unread.
inline constexpr size_t kLargestDatagram = 1400;

// Each way has a key of its own, made of the job's: what was sent one way and
// is sent back does not open there.
enum class Towards { kSupervisor, kRank };

std::string Seal(const JobKey& key, absl::string_view payload,
                 Towards towards = Towards::kSupervisor);
// The payload, if `datagram` was sealed under this key for this way. The
// comparison takes the same time wherever the first difference is.
std::optional<absl::string_view> Unseal(const JobKey& key,
                                        absl::string_view datagram,
                                        Towards towards = Towards::kSupervisor);

// Whether two secrets are equal, in a time that depends on their sizes only.
bool SameSecret(absl::string_view a, absl::string_view b);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_CONTROL_DATAGRAM_H_

#include "launcher/control/datagram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace perdure {
namespace {

constexpr absl::string_view kMagic = "PRD1";
constexpr size_t kTagBytes = 16;
constexpr size_t kKeyBytes = 32;

std::string Tag(const JobKey& job, absl::string_view payload, Towards towards) {
  // HMAC pads keys with zeros: one more byte that is none makes another key.
  std::string key = job.bytes();
  if (towards == Towards::kRank) key += 'R';
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(payload.data()),
           payload.size(), digest, &size);
  CHECK(made != nullptr && size >= kTagBytes);
  return std::string(reinterpret_cast<const char*>(digest), kTagBytes);
}

bool IsHex(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<JobKey> JobKey::Random() {
  std::string bytes(kKeyBytes, '\0');
  ssize_t got = 0;
  do {
    got = getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) {
    return absl::UnavailableError("the system gives no random bytes");
  }
  return JobKey(std::move(bytes));
}

absl::StatusOr<JobKey> JobKey::FromHex(absl::string_view hex) {
  if (hex.size() != 2 * kKeyBytes || !IsHex(hex)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a job's key has ", 2 * kKeyBytes, " hexadecimal digits; this one has ",
        hex.size(), " characters"));
  }
  return JobKey(absl::HexStringToBytes(hex));
}

std::string JobKey::ToHex() const { return absl::BytesToHexString(bytes_); }

std::string Seal(const JobKey& key, absl::string_view payload,
                 Towards towards) {
  return absl::StrCat(kMagic, Tag(key, payload, towards), payload);
}

std::optional<absl::string_view> Unseal(const JobKey& key,
                                        absl::string_view datagram,
                                        Towards towards) {
  if (datagram.size() > kLargestDatagram ||
      datagram.size() < kMagic.size() + kTagBytes ||
      !absl::StartsWith(datagram, kMagic)) {
    return std::nullopt;
  }
  const absl::string_view tag = datagram.substr(kMagic.size(), kTagBytes);
  const absl::string_view payload = datagram.substr(kMagic.size() + kTagBytes);
  if (!SameSecret(tag, Tag(key, payload, towards))) return std::nullopt;
  return payload;
}

bool SameSecret(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() &&
         CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace perdure

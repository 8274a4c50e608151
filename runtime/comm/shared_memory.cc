#include "runtime/comm/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

enum class Progress : int64_t { kReady = 0, kNoMemory = 1, kNotVisible = 2 };

// How the others find a rank's file, and know that it is this one: where
// processes live in several pid namespaces a number may name another process.
struct Offer {
  Progress progress = Progress::kReady;
  int64_t pid = 0;
  int64_t fd = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
};

Offer MakeOffer(int fd, uint64_t bytes) {
  Offer offer;
  struct stat info = {};
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0 ||
      fstat(fd, &info) != 0) {
    offer.progress = Progress::kNoMemory;
    return offer;
  }
  offer.pid = getpid();
  offer.fd = fd;
  offer.device = info.st_dev;
  offer.inode = info.st_ino;
  return offer;
}

absl::StatusOr<MemoryMap> MapOffer(const Offer& offer, uint64_t bytes) {
  const std::string path = absl::StrCat("/proc/", offer.pid, "/fd/", offer.fd);
  const Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat info = {};
  if (file.get() < 0 || fstat(file.get(), &info) != 0 ||
      info.st_dev != offer.device || info.st_ino != offer.inode) {
    return absl::NotFoundError(path);
  }
  return MemoryMap::OfFile(file.get(), bytes);
}

absl::Status NoMemoryError(const GroupInfo& group, int rank, uint64_t bytes) {
  return absl::ResourceExhaustedError(absl::StrCat(
      group.name, ": ", RankName(group, rank), " cannot get ", bytes,
      " bytes of memory to share with its node; free memory or use fewer ranks "
      "on the node"));
}

}  // namespace

absl::StatusOr<std::vector<MemoryMap>> ShareMemory(
    const GroupInfo& group, uint64_t bytes, const ExchangeFunction& exchange) {
  const Descriptor file(memfd_create("perdure", MFD_CLOEXEC));
  const Offer mine = MakeOffer(file.get(), bytes);
  std::vector<Offer> offers(group.size());
  RETURN_IF_ERROR(exchange(&mine, sizeof(mine), offers.data()));

  std::vector<MemoryMap> maps;
  Progress reached = Progress::kReady;
  for (int r = 0; r < group.size(); ++r) {
    if (offers[r].progress != Progress::kReady) {
      return NoMemoryError(group, r, bytes);
    }
    absl::StatusOr<MemoryMap> map = MapOffer(offers[r], bytes);
    if (!map.ok()) {
      reached = absl::IsNotFound(map.status()) ? Progress::kNotVisible
                                               : Progress::kNoMemory;
      break;
    }
    maps.push_back(std::move(*map));
  }

  // Until here no rank may close its file; after here all know the outcome.
  std::vector<Progress> all(group.size());
  RETURN_IF_ERROR(exchange(&reached, sizeof(reached), all.data()));
  for (int r = 0; r < group.size(); ++r) {
    if (all[r] == Progress::kNoMemory) return NoMemoryError(group, r, bytes);
  }
  for (Progress progress : all) {
    if (progress == Progress::kNotVisible) return std::vector<MemoryMap>();
  }
  return maps;
}

}  // namespace perdure

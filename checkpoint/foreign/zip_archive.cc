#include "checkpoint/foreign/zip_archive.h"

#include <zip.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

constexpr size_t kOpenArchives = 16;

struct CloseArchive {
  void operator()(zip_t* zip) const { zip_discard(zip); }
};
struct CloseEntry {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

struct ZipArchive::Handles {
  std::unique_ptr<zip_t, CloseArchive> zip;
  std::unique_ptr<zip_file_t, CloseEntry> entry;  // closed before the archive
};

ZipArchive::ZipArchive(std::string path)
    : path_(std::move(path)), handles_(std::make_unique<Handles>()) {}

ZipArchive::~ZipArchive() = default;

absl::StatusOr<std::unique_ptr<ZipArchive>> ZipArchive::Open(
    const std::string& path) {
  std::unique_ptr<ZipArchive> archive(new ZipArchive(path));
  int code = 0;
  archive->handles_->zip.reset(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive->handles_->zip == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    if (code == ZIP_ER_NOZIP) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": is no zip file: ", why));
    }
    if (code == ZIP_ER_NOENT) {
      return absl::NotFoundError(absl::StrCat(path, ": ", why));
    }
    return absl::DataLossError(absl::StrCat(path, ": ", why));
  }
  RETURN_IF_ERROR(archive->ReadEntries());
  return archive;
}

absl::Status ZipArchive::ReadEntries() {
  zip_t* zip = handles_->zip.get();
  const zip_int64_t count = zip_get_num_entries(zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    if (zip_stat_index(zip, i, 0, &stat) != 0) {
      return absl::DataLossError(
          absl::StrCat(path_, ": entry ", i, ": ", zip_strerror(zip)));
    }
    Entry entry;
    entry.index = static_cast<uint64_t>(i);
    entry.bytes = stat.size;
    if (stat.encryption_method != ZIP_EM_NONE) {
      entry.problem = "is encrypted";
    } else if (stat.comp_method != ZIP_CM_STORE ||
               stat.comp_size != stat.size) {
      entry.problem = "is compressed; torch.save stores its entries";
    }
    if (!entries_.emplace(stat.name, entry).second) {
      return absl::DataLossError(
          absl::StrCat(path_, ": entry ", stat.name, " is there twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status ZipArchive::Damaged(const std::string& name, uint64_t offset,
                                 size_t size, absl::string_view why) const {
  return absl::DataLossError(absl::StrCat(path_, ": entry ", name, ", bytes ",
                                          offset, " to ", offset + size, ": ",
                                          why));
}

absl::Status ZipArchive::OpenEntry(const std::string& name) {
  if (open_name_ == name) return absl::OkStatus();
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return absl::DataLossError(
        absl::StrCat(path_, ": entry ", name, " is missing"));
  }
  if (!found->second.problem.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": entry ", name, " ", found->second.problem));
  }
  open_name_.clear();
  zip_t* zip = handles_->zip.get();
  handles_->entry.reset(zip_fopen_index(zip, found->second.index, 0));
  if (handles_->entry == nullptr) {
    return Damaged(name, 0, 0, zip_strerror(zip));
  }
  open_name_ = name;
  position_ = 0;
  return absl::OkStatus();
}

absl::Status ZipArchive::ReadAt(const std::string& name, uint64_t offset,
                                void* data, size_t size) {
  RETURN_IF_ERROR(OpenEntry(name));
  zip_file_t* entry = handles_->entry.get();
  const auto fail = [&](absl::string_view why) {
    open_name_.clear();  // its position is unknown now
    return Damaged(name, offset, size, why);
  };
  if (position_ != offset &&
      zip_fseek(entry, static_cast<zip_int64_t>(offset), SEEK_SET) != 0) {
    return fail(zip_file_strerror(entry));
  }
  for (size_t done = 0; done < size;) {
    const zip_int64_t got =
        zip_fread(entry, static_cast<char*>(data) + done, size - done);
    if (got < 0) return fail(zip_file_strerror(entry));
    if (got == 0) return fail("the file ends before");
    done += static_cast<size_t>(got);
  }
  position_ = offset + size;
  // libzip compares the CRC when it meets the end.
  char beyond = 0;
  if (position_ == entries_.at(name).bytes &&
      zip_fread(entry, &beyond, 1) != 0) {
    return fail(zip_file_strerror(entry));
  }
  return absl::OkStatus();
}

absl::StatusOr<ZipArchive*> ZipPool::Get(const std::string& path) {
  const auto found = std::find_if(
      recent_.begin(), recent_.end(),
      [&](const auto& archive) { return archive->path() == path; });
  if (found != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, found);
    return recent_.front().get();
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ZipArchive> archive, ZipArchive::Open(path));
  recent_.push_front(std::move(archive));
  if (recent_.size() > kOpenArchives) recent_.pop_back();
  return recent_.front().get();
}

}  // namespace perdure

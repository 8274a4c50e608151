#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/data/token_file.h"
#include "runtime/data/token_formats.h"

namespace perdure {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

// Ids go to a temporary file beside `path`; the header is written last.
class Writer : public TokenFileWriter {
 public:
  Writer(absl::string_view path, std::string temporary, File file,
         int32_t vocab_size)
      : path_(path),
        temporary_(std::move(temporary)),
        file_(std::move(file)),
        vocab_size_(vocab_size),
        bytes_per_token_(vocab_size <= 65536 ? 2 : 4) {
    buffer_.reserve(kBufferBytes + 64);
    buffer_.assign(sizeof(TokensHeader), 0);
  }

  ~Writer() override {
    // What was not finished is of no use to anybody.
    if (file_.is_open()) RemoveTree(temporary_).IgnoreError();
  }

  absl::Status Append(const int32_t* ids, int64_t n) override {
    for (int64_t i = 0; i < n; ++i) {
      if (ids[i] < 0 || ids[i] >= vocab_size_) {
        return absl::InvalidArgumentError(
            absl::StrCat(path_, ": token id ", ids[i], " at position ",
                         tokens_ + static_cast<uint64_t>(i),
                         " is not in the vocabulary of ", vocab_size_));
      }
      const char* bytes = reinterpret_cast<const char*>(&ids[i]);
      buffer_.insert(buffer_.end(), bytes, bytes + bytes_per_token_);
      if (buffer_.size() >= kBufferBytes) RETURN_IF_ERROR(Flush());
    }
    tokens_ += n;
    return absl::OkStatus();
  }

  void StartDocument() override {
    // Two starts with nothing between them are one: no document is empty.
    if (documents_.empty() || documents_.back() != tokens_) {
      documents_.push_back(tokens_);
    }
  }

  absl::Status Finish() override {
    if (!documents_.empty() && documents_.back() == tokens_) {
      documents_.pop_back();
    }
    if (!documents_.empty() && documents_.front() != 0) {
      documents_.insert(documents_.begin(), 0);
    }
    const uint64_t ids_end = sizeof(TokensHeader) + tokens_ * bytes_per_token_;
    const uint64_t documents_begin = (ids_end + 7) / 8 * 8;
    buffer_.insert(buffer_.end(), documents_begin - ids_end, 0);
    RETURN_IF_ERROR(Flush());
    RETURN_IF_ERROR(file_.Write(documents_.data(), documents_.size() * 8));
    RETURN_IF_ERROR(WriteHeader(documents_begin));
    RETURN_IF_ERROR(file_.Sync());
    RETURN_IF_ERROR(file_.Close());
    return RenameDurably(temporary_, path_);
  }

 private:
  absl::Status Flush() {
    RETURN_IF_ERROR(file_.Write(buffer_.data(), buffer_.size()));
    buffer_.clear();
    return absl::OkStatus();
  }

  absl::Status WriteHeader(uint64_t documents_begin) {
    TokensHeader header = {};
    std::memcpy(header.magic, kTokensMagic, sizeof(kTokensMagic));
    header.version = kTokensVersion;
    header.bytes_per_token = bytes_per_token_;
    header.tokens = tokens_;
    header.documents = documents_.size();
    header.documents_begin = documents_begin;
    header.vocab_size = static_cast<uint32_t>(vocab_size_);
    return file_.WriteAt(0, &header, sizeof(header));
  }

  std::string path_;
  std::string temporary_;
  File file_;
  int32_t vocab_size_;
  uint32_t bytes_per_token_;
  std::vector<char> buffer_;
  uint64_t tokens_ = 0;
  std::vector<uint64_t> documents_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TokenFileWriter>> TokenFileWriter::Create(
    absl::string_view path, int32_t vocab_size) {
  if (vocab_size <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": a vocabulary of ", vocab_size, " has no tokens to write"));
  }
  std::string temporary = absl::StrCat(path, ".tmp");
  ASSIGN_OR_RETURN(File file, File::Open(temporary, File::Mode::kCreate));
  return std::make_unique<Writer>(path, std::move(temporary), std::move(file),
                                  vocab_size);
}

}  // namespace perdure

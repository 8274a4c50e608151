// Reading Megatron-LM's indexed datasets, version 1:
//   .idx  magic[9], u64 version, u8 dtype, u64 sequences, u64 document_entries,
//         i32 length[sequences], i64 byte_offset[sequences],
//         i64 first_sequence[document_entries]   (the last one: sequences)
//   .bin  the ids of all sequences

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/data/mapped_tokens.h"
#include "runtime/data/token_formats.h"

namespace perdure {
namespace {

constexpr uint64_t kIndexHeaderBytes = 9 + 8 + 1 + 8 + 8;

template <typename T>
T Load(const MappedFile& file, uint64_t offset) {
  T value;
  std::memcpy(&value, file.data() + offset, sizeof(value));
  return value;
}

struct Index {
  uint8_t dtype = 0;
  uint64_t sequences = 0;
  uint64_t document_entries = 0;
  uint64_t lengths() const { return kIndexHeaderBytes; }
  uint64_t offsets() const { return lengths() + 4 * sequences; }
  uint64_t documents() const { return offsets() + 8 * sequences; }
  uint64_t end() const { return documents() + 8 * document_entries; }
};

absl::StatusOr<Index> ReadIndexHeader(absl::string_view path,
                                      const MappedFile& idx) {
  if (idx.size() < kIndexHeaderBytes ||
      std::memcmp(idx.data(), kMegatronMagic, sizeof(kMegatronMagic)) != 0) {
    const absl::string_view head(reinterpret_cast<const char*>(idx.data()),
                                 std::min<size_t>(idx.size(), 9));
    return BadTokenFile(path,
                        absl::StrCat("not a Megatron index: it starts with \"",
                                     absl::CHexEscape(head),
                                     "\", expected \"MMIDIDX\\x00\\x00\""));
  }
  const auto version = Load<uint64_t>(idx, 9);
  if (version != 1) {
    return BadTokenFile(path, absl::StrCat("Megatron index of version ",
                                           version, ", only 1 is known"));
  }
  Index index = {Load<uint8_t>(idx, 17), Load<uint64_t>(idx, 18),
                 Load<uint64_t>(idx, 26)};
  const uint64_t most = uint64_t{1} << 48;
  if (index.sequences > most || index.document_entries > most ||
      idx.size() < index.end()) {
    return BadTokenFile(
        path, absl::StrCat("Megatron index of ", index.sequences,
                           " sequences and ", index.document_entries,
                           " document entries does not fit ", idx.size(),
                           " bytes: it was cut or damaged; copy it anew"));
  }
  return index;
}

// dtype codes of Megatron's MMapIndexedDataset.
absl::StatusOr<TokenWidth> WidthOf(absl::string_view path, uint8_t dtype) {
  if (dtype == 8) return TokenWidth::kU16;
  if (dtype == 4) return TokenWidth::kI32;
  return BadTokenFile(
      path, absl::StrCat("ids of Megatron dtype code ", dtype,
                         ", known are 8 (uint16) and 4 (int32); preprocess "
                         "the data with one of these"));
}

// Where each sequence starts, in tokens; one more entry than sequences. Windows
// cross sequences, so the ids must lie one after the other, as Megatron's
// builder writes them.
absl::StatusOr<std::vector<int64_t>> SequenceStarts(absl::string_view path,
                                                    const MappedFile& idx,
                                                    const Index& index,
                                                    int64_t bytes_per_token) {
  std::vector<int64_t> starts(1, 0);
  starts.reserve(index.sequences + 1);
  for (uint64_t i = 0; i < index.sequences; ++i) {
    const auto length = Load<int32_t>(idx, index.lengths() + 4 * i);
    const auto offset = Load<int64_t>(idx, index.offsets() + 8 * i);
    if (length < 0 || offset != starts.back() * bytes_per_token) {
      return BadTokenFile(
          path,
          absl::StrCat("sequence ", i, " (", length, " tokens at byte ", offset,
                       ") does not follow "
                       "the one before, which ends at byte ",
                       starts.back() * bytes_per_token,
                       "; build the data set anew with Megatron's "
                       "preprocess_data.py"));
    }
    starts.push_back(starts.back() + length);
  }
  return starts;
}

absl::StatusOr<std::vector<int64_t>> DocumentStarts(
    absl::string_view path, const MappedFile& idx, const Index& index,
    const std::vector<int64_t>& sequence_starts) {
  std::vector<int64_t> documents;
  for (uint64_t i = 0; i < index.document_entries; ++i) {
    const auto sequence = Load<uint64_t>(idx, index.documents() + 8 * i);
    if (sequence > index.sequences) {
      return BadTokenFile(
          path, absl::StrCat("document entry ", i, " names sequence ", sequence,
                             " of ", index.sequences,
                             ": the index is damaged; copy it anew"));
    }
    const int64_t start = sequence_starts[sequence];
    // The last entry is the end; an empty document starts where the next does.
    if (start == sequence_starts.back()) continue;
    if (!documents.empty() && start == documents.back()) continue;
    if (start < (documents.empty() ? 0 : documents.back())) {
      return BadTokenFile(path, absl::StrCat("document entry ", i,
                                             " goes back to token ", start,
                                             ": the index is damaged; copy it "
                                             "anew"));
    }
    documents.push_back(start);
  }
  if (!documents.empty() && documents.front() != 0) {
    documents.insert(documents.begin(), 0);
  }
  return documents;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenFile>> OpenMegatronFile(
    absl::string_view path, MappedFile file) {
  const std::string idx_path =
      absl::StrCat(absl::StripSuffix(path, ".bin"), ".idx");
  ASSIGN_OR_RETURN(const MappedFile idx, MappedFile::Open(idx_path));
  ASSIGN_OR_RETURN(const Index index, ReadIndexHeader(idx_path, idx));
  ASSIGN_OR_RETURN(const TokenWidth width, WidthOf(idx_path, index.dtype));
  const int64_t bytes_per_token = width == TokenWidth::kU16 ? 2 : 4;
  ASSIGN_OR_RETURN(const std::vector<int64_t> starts,
                   SequenceStarts(idx_path, idx, index, bytes_per_token));
  const int64_t tokens = starts.back();
  if (file.size() != static_cast<uint64_t>(tokens * bytes_per_token)) {
    return BadTokenFile(
        path,
        absl::StrCat("the index says ", tokens, " tokens of ", bytes_per_token,
                     " bytes, the file has ", file.size(),
                     " bytes: it was cut or damaged; copy it anew"));
  }
  ASSIGN_OR_RETURN(std::vector<int64_t> documents,
                   DocumentStarts(idx_path, idx, index, starts));
  return std::make_unique<MappedTokenFile>(
      path, std::move(file), TokenRange{"Megatron", 0, tokens, width},
      std::move(documents), -1);
}

}  // namespace perdure

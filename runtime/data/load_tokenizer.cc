#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/file.h"
#include "runtime/data/byte_bpe.h"
#include "runtime/data/char_tokenizer.h"
#include "runtime/data/sentence_bpe.h"
#include "runtime/data/tokenizer.h"
#include "runtime/data/tokenizer_json.h"
#include "runtime/data/tokenizer_parts.h"

namespace perdure {
namespace {

using Result = absl::StatusOr<std::unique_ptr<Tokenizer>>;

// A layout of files: what tells it, what must lie beside that, who reads it.
struct Layout {
  const char* file;
  const char* partner;  // "" for none
  Result (*load)(absl::string_view path, absl::string_view partner);
};

template <Result (*kLoad)(absl::string_view)>
Result LoadOne(absl::string_view path, absl::string_view) {
  return kLoad(path);
}

// In this order: tokenizer.json says more than the older files beside it.
constexpr Layout kLayouts[] = {
    {"tokenizer.json", "", LoadOne<LoadTokenizerJson>},
    {"vocab.json", "merges.txt", LoadGpt2Files},
    {"encoder.json", "vocab.bpe", LoadGpt2Files},
    {kCharsFileName, "", LoadOne<LoadCharTokenizer>},
    {"tokenizer.bin", "", LoadOne<LoadLlama2cTokenizer>},
};

std::string LookedFor() {
  return absl::StrJoin(
      kLayouts, ", ", [](std::string* out, const Layout& layout) {
        absl::StrAppend(out, layout.file, *layout.partner ? " with " : "",
                        layout.partner);
      });
}

Result LoadDirectory(absl::string_view directory) {
  for (const Layout& layout : kLayouts) {
    const std::string path = JoinPath(directory, layout.file);
    const std::string partner = JoinPath(directory, layout.partner);
    if (FileExists(path) && (!*layout.partner || FileExists(partner))) {
      return layout.load(path, partner);
    }
  }
  return absl::NotFoundError(absl::StrCat("no tokenizer in ", directory,
                                          ": looked for ", LookedFor()));
}

// One file of a layout under its own name, or with a prefix or another name
// that ends alike ("gpt2-tiny-vocab.json", "tok512.bin").
Result LoadFile(absl::string_view path) {
  for (const Layout& layout : kLayouts) {
    if (absl::EndsWith(path, layout.file)) {
      const absl::string_view stem =
          path.substr(0, path.size() - absl::string_view(layout.file).size());
      return layout.load(path, absl::StrCat(stem, layout.partner));
    }
    if (*layout.partner && absl::EndsWith(path, layout.partner)) {
      const absl::string_view stem = path.substr(
          0, path.size() - absl::string_view(layout.partner).size());
      return layout.load(absl::StrCat(stem, layout.file), path);
    }
  }
  if (absl::EndsWith(path, ".bin")) return LoadLlama2cTokenizer(path);
  if (absl::EndsWith(path, ".json")) return LoadTokenizerJson(path);
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": not the name of a tokenizer file; known are ",
                   LookedFor(), ", or a directory with one of them"));
}

}  // namespace

Result LoadTokenizer(absl::string_view path) {
  if (IsDirectory(path)) return LoadDirectory(path);
  if (FileExists(path)) return LoadFile(path);
  return absl::NotFoundError(
      absl::StrCat("no tokenizer at ", path,
                   ": no such file or directory; give a directory with ",
                   LookedFor(), ", or one of these files"));
}

}  // namespace perdure

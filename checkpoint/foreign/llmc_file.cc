// llm.c's GPT-2 checkpoints: 256 int32, then the tensors, those of the blocks
// stacked over the layers. Matrices are [out, in].
//
// L layers, D hidden, V vocabulary, P padded vocabulary, T context.

#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/foreign/flat_file.h"
#include "runtime/base/file.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

constexpr int32_t kMagic = 20240326;
constexpr int32_t kVersionF32 = 3;
constexpr int32_t kVersionBf16 = 5;
constexpr int64_t kPadding = 128;
using Header = std::array<int32_t, 256>;

absl::StatusOr<Header> ReadHeader(const std::string& path) {
  ASSIGN_OR_RETURN(const File file, File::Open(path, File::Mode::kRead));
  Header header;
  RETURN_IF_ERROR(file.ReadAt(0, header.data(), sizeof(header)));
  return header;
}

struct Sizes {
  int64_t L, D, V, P, T;
};

FlatFormat MakeFormat(const Sizes& s, DType dtype, const Header& header) {
  FlatFormat format;
  format.header.assign(reinterpret_cast<const char*>(header.data()),
                       sizeof(header));
  const std::pair<const char*, std::vector<int64_t>> tensors[] = {
      {"wte", {s.P, s.D}},
      {"wpe", {s.T, s.D}},
      {"ln1w", {s.L, s.D}},
      {"ln1b", {s.L, s.D}},
      {"qkvw", {s.L, 3 * s.D, s.D}},
      {"qkvb", {s.L, 3 * s.D}},
      {"attprojw", {s.L, s.D, s.D}},
      {"attprojb", {s.L, s.D}},
      {"ln2w", {s.L, s.D}},
      {"ln2b", {s.L, s.D}},
      {"fcw", {s.L, 4 * s.D, s.D}},
      {"fcb", {s.L, 4 * s.D}},
      {"fcprojw", {s.L, s.D, 4 * s.D}},
      {"fcprojb", {s.L, s.D}},
      {"lnfw", {s.D}},
      {"lnfb", {s.D}}};
  for (const auto& [name, shape] : tensors) {
    format.tensors.push_back({name, dtype, shape});
  }
  return format;
}

}  // namespace

bool IsLlmcFile(const std::string& path) {
  const auto header = ReadHeader(path);
  return header.ok() && (*header)[0] == kMagic;
}

absl::StatusOr<TensorSource> OpenLlmc(const std::string& path) {
  ASSIGN_OR_RETURN(const Header header, ReadHeader(path));
  const int32_t version = header[1];
  if (header[0] != kMagic ||
      (version != kVersionF32 && version != kVersionBf16)) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": magic ", header[0], ", version ", version,
        "; of llm.c's files, GPT-2 checkpoints (", kMagic, ") of version ",
        kVersionF32, " and ", kVersionBf16, " are read"));
  }
  RETURN_IF_ERROR(
      CheckSizes(path, {{"max_seq_len", header[2], 1 << 24},
                        {"vocab_size", header[3], 1 << 24},
                        {"num_layers", header[4], 1 << 12},
                        {"num_heads", header[5], 1 << 12},
                        {"channels", header[6], 1 << 20},
                        {"padded_vocab_size", header[7], 1 << 24}}));
  if (header[6] % header[5] != 0 || header[7] < header[3]) {
    return absl::DataLossError(absl::StrCat(
        path, ": header: ", header[6], " channels in ", header[5],
        " heads, vocabulary ", header[3], " padded to ", header[7]));
  }
  ModelConfig model;
  model.set_family("gpt2");
  model.set_context(header[2]);
  model.set_vocab_size(header[3]);
  model.set_layers(header[4]);
  model.set_heads(header[5]);
  model.set_hidden(header[6]);
  model.set_activation("gelu_tanh");
  TensorSource source;
  source.description = absl::StrCat("llm.c checkpoint ", path);
  source.model = ResolveModelConfig(model);
  const Sizes sizes{header[4], header[6], header[3], header[7], header[2]};
  const DType dtype = version == kVersionBf16 ? DType::kBF16 : DType::kF32;
  ASSIGN_OR_RETURN(source.tensors,
                   OpenFlatFile(path, MakeFormat(sizes, dtype, header)));
  return source;
}

absl::StatusOr<FlatFormat> LlmcFormat(const ModelConfig& model, DType dtype) {
  if (model.family() != "gpt2" || !model.tie_embeddings() ||
      model.ffn_hidden() != 4 * model.hidden() ||
      model.activation() != "gelu_tanh" || model.norm_eps() != 1e-5) {
    return absl::FailedPreconditionError(absl::StrCat(
        "llm.c has GPT-2 models with a tied head, ffn_hidden = 4 * hidden, ",
        "gelu_tanh and norm_eps 1e-5 only; this one is ", model.family(), ", ",
        model.tie_embeddings() ? "tied" : "not tied", ", ffn_hidden ",
        model.ffn_hidden(), " on hidden ", model.hidden(), ", ",
        model.activation(), ", norm_eps ", model.norm_eps()));
  }
  const int64_t padded =
      (model.vocab_size() + kPadding - 1) / kPadding * kPadding;
  Header header = {};
  header[0] = kMagic;
  header[1] = dtype == DType::kBF16 ? kVersionBf16 : kVersionF32;
  header[2] = model.context();
  header[3] = model.vocab_size();
  header[4] = model.layers();
  header[5] = model.heads();
  header[6] = model.hidden();
  header[7] = static_cast<int32_t>(padded);
  const Sizes sizes{model.layers(), model.hidden(), model.vocab_size(), padded,
                    model.context()};
  return MakeFormat(sizes, dtype, header);
}

}  // namespace perdure

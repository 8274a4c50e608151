// llama2.c's models. Version 0: 7 int32, then tensors; a negative vocabulary
// says that the head is there too. Version 1: "ak42", 1, the same 7 numbers,
// whether the head is shared, zeros up to byte 256; the norms come first.
// Rotary pairs are neighbouring rows of wq and wk, as in Meta's files.
//
// L layers, D dim, F hidden_dim, Q rows of wq, K rows of wk, V vocabulary.

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "checkpoint/foreign/flat_file.h"
#include "runtime/base/file.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

constexpr int32_t kMagic = 0x616b3432;
constexpr size_t kHeaderOfVersion1 = 256;
using Numbers = std::array<int32_t, 7>;

struct Header {
  int version = 0;
  Numbers numbers = {};  // vocabulary positive
  bool shared_head = true;
};

absl::StatusOr<Header> ReadHeader(const std::string& path) {
  ASSIGN_OR_RETURN(const File file, File::Open(path, File::Mode::kRead));
  std::array<int32_t, 10> words = {};
  RETURN_IF_ERROR(file.ReadAt(0, words.data(), sizeof(words)));
  Header header;
  if (words[0] != kMagic) {
    std::memcpy(header.numbers.data(), words.data(), sizeof(header.numbers));
    header.shared_head = header.numbers[5] > 0;
    if (header.numbers[5] != INT32_MIN) {
      header.numbers[5] = std::abs(header.numbers[5]);
    }
    return header;
  }
  header.version = words[1];
  std::memcpy(header.numbers.data(), &words[2], sizeof(header.numbers));
  header.shared_head = (words[9] & 0xff) != 0;
  return header;
}

absl::Status Check(const std::string& path, const Numbers& n) {
  RETURN_IF_ERROR(CheckSizes(path, {{"dim", n[0], 1 << 20},
                                    {"hidden_dim", n[1], 1 << 22},
                                    {"n_layers", n[2], 1 << 12},
                                    {"n_heads", n[3], 1 << 12},
                                    {"n_kv_heads", n[4], 1 << 12},
                                    {"vocab_size", n[5], 1 << 24},
                                    {"max_seq_len", n[6], 1 << 24}}));
  if (n[0] % n[3] == 0 && n[3] % n[4] == 0 && n[0] / n[3] % 2 == 0) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(path, ": header: dim ", n[0], " in ",
                                          n[3], " heads, ", n[4],
                                          " of keys; no llama2.c model"));
}

std::vector<TensorShape> Tensors(const Header& header) {
  const Numbers& n = header.numbers;
  const int64_t D = n[0], F = n[1], L = n[2], V = n[5];
  const int64_t E = D / n[3], K = E * n[4];
  const auto tensor = [](const char* name, std::vector<int64_t> shape) {
    return TensorShape{name, DType::kF32, std::move(shape)};
  };
  const TensorShape embedding = tensor("tok_embeddings", {V, D});
  const TensorShape norm1 = tensor("attention_norm", {L, D});
  const TensorShape norm2 = tensor("ffn_norm", {L, D});
  const TensorShape norm = tensor("norm", {D});
  const std::vector<TensorShape> attention = {
      tensor("wq", {L, D, D}), tensor("wk", {L, K, D}), tensor("wv", {L, K, D}),
      tensor("wo", {L, D, D})};
  const std::vector<TensorShape> mlp = {tensor("w1", {L, F, D}),
                                        tensor("w2", {L, D, F}),
                                        tensor("w3", {L, F, D})};
  std::vector<TensorShape> all;
  const auto add = [&all](const std::vector<TensorShape>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  if (header.version == 0) {
    add({embedding, norm1});
    add(attention);
    add({norm2});
    add(mlp);
    add({norm, tensor("freq_cos", {n[6], E / 2}),
         tensor("freq_sin", {n[6], E / 2})});
  } else {
    add({norm1, norm2, norm, embedding});
    add(attention);
    add(mlp);
  }
  if (!header.shared_head) add({tensor("output", {V, D})});
  return all;
}

class Rotary : public LazyTensor {
 public:
  Rotary(const ModelConfig& model, bool sine)
      : LazyTensor(DType::kF32, {model.context(), model.head_dim() / 2}),
        theta_(model.rope_theta()),
        sine_(sine) {}

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    const int64_t half = shape()[1];
    for (const ShardRun& run : runs) {
      float* target = reinterpret_cast<float*>(base) + run.local_offset;
      for (int64_t i = 0; i < run.length; ++i) {
        const int64_t at = run.global_offset + i;
        const double angle = static_cast<double>(at / half) *
                             std::pow(theta_, -static_cast<double>(at % half) /
                                                  static_cast<double>(half));
        target[i] =
            static_cast<float>(sine_ ? std::sin(angle) : std::cos(angle));
      }
    }
    return absl::OkStatus();
  }

 private:
  const double theta_;
  const bool sine_;
};

}  // namespace

bool IsLlama2cFile(const std::string& path) {
  const auto header = ReadHeader(path);
  if (!header.ok()) return false;
  return header->version != 0 ||
         (absl::EndsWith(path, ".bin") && Check(path, header->numbers).ok());
}

absl::StatusOr<TensorSource> OpenLlama2c(const std::string& path) {
  ASSIGN_OR_RETURN(const Header header, ReadHeader(path));
  if (header.version != 0 && header.version != 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": version ", header.version,
        "; of llama2.c's files, those of version 0 and 1 (fp32) are read, not ",
        "quantized ones; export.py --version 1 writes one"));
  }
  RETURN_IF_ERROR(Check(path, header.numbers));
  const Numbers& n = header.numbers;
  ModelConfig model;
  model.set_family("llama");
  model.set_hidden(n[0]);
  model.set_ffn_hidden(n[1]);
  model.set_layers(n[2]);
  model.set_heads(n[3]);
  model.set_kv_heads(n[4]);
  model.set_vocab_size(n[5]);
  model.set_context(n[6]);
  model.set_tie_embeddings(header.shared_head);
  FlatFormat format;
  format.header.resize(header.version == 0 ? sizeof(Numbers)
                                           : kHeaderOfVersion1);
  format.tensors = Tensors(header);
  TensorSource source;
  source.description = absl::StrCat("llama2.c model ", path);
  source.model = ResolveModelConfig(model);
  ASSIGN_OR_RETURN(source.tensors, OpenFlatFile(path, format));
  return source;
}

absl::StatusOr<FlatFormat> Llama2cFormat(const ModelConfig& model) {
  if (model.family() != "llama" || model.qkv_bias() ||
      model.head_dim() * model.heads() != model.hidden() ||
      model.activation() != "silu" || model.norm_eps() != 1e-5) {
    return absl::FailedPreconditionError(absl::StrCat(
        "llama2.c has llama models without biases, with silu, norm_eps 1e-5 ",
        "and head_dim = hidden / heads only; this one is ", model.family(),
        ", ", model.activation(), ", norm_eps ", model.norm_eps(),
        ", head_dim ", model.head_dim(),
        model.qkv_bias() ? ", with biases on q, k, v" : ""));
  }
  Header header;
  header.numbers = {model.hidden(), model.ffn_hidden(), model.layers(),
                    model.heads(),  model.kv_heads(),   model.vocab_size(),
                    model.context()};
  header.shared_head = model.tie_embeddings();
  Numbers written = header.numbers;
  if (!header.shared_head) written[5] = -written[5];
  FlatFormat format;
  format.header.assign(reinterpret_cast<const char*>(written.data()),
                       sizeof(written));
  format.tensors = Tensors(header);
  return format;
}

LazyRef RotaryTable(const ModelConfig& model, bool sine) {
  return std::make_shared<Rotary>(model, sine);
}

}  // namespace perdure

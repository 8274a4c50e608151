#ifndef PERDURE_CHECKPOINT_FOREIGN_TENSOR_SOURCE_H_
#define PERDURE_CHECKPOINT_FOREIGN_TENSOR_SOURCE_H_

// What a checkpoint of any kind is to the conversion: named tensors that are
// read when asked for, and what else its files say.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "checkpoint/lazy/lazy_tensor.h"
#include "runtime/config/model.pb.h"
#include "runtime/state/train_state.h"

namespace perdure {

struct SourceTensor {
  std::string name;  // as the source has it
  StateKind kind = StateKind::kWeight;
  std::string dtype_name;  // safetensors' spelling, also for unreadable types
  std::vector<int64_t> shape;
  LazyRef tensor;       // null: cannot be read
  std::string problem;  // then: why
  // All elements in one dim, their shape lost (DeepSpeed's ZeRO-3 files).
  bool flat = false;
};

using Scalar = std::variant<int64_t, double, std::string>;

struct TensorSource {
  std::string description;  // kind and path, for messages
  std::vector<SourceTensor> tensors;
  std::map<std::string, Scalar> scalars;  // plain values beside the tensors
  std::optional<ModelConfig> model;       // resolved; none: files do not say
  std::string config_json;                // Hugging Face's, as it was; or ""
  std::string directory;                  // of tokenizer files; or ""
  RunState run;                           // step 0 where files do not say
  std::vector<std::string> notes;         // for people: what was left out
};

// A tensor of a dtype that Perdure does not read, and one that it does.
inline SourceTensor UnreadableTensor(std::string name, std::string dtype_name,
                                     std::vector<int64_t> shape) {
  SourceTensor tensor;
  tensor.name = std::move(name);
  tensor.problem = dtype_name + " is no type that Perdure reads";
  tensor.dtype_name = std::move(dtype_name);
  tensor.shape = std::move(shape);
  return tensor;
}

inline SourceTensor ReadableTensor(std::string name, LazyRef lazy) {
  SourceTensor tensor;
  tensor.name = std::move(name);
  tensor.dtype_name = std::string(DTypeName(lazy->dtype()));
  tensor.shape = lazy->shape();
  tensor.tensor = std::move(lazy);
  return tensor;
}

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_TENSOR_SOURCE_H_

#ifndef PERDURE_CHECKPOINT_FOREIGN_PICKLE_H_
#define PERDURE_CHECKPOINT_FOREIGN_PICKLE_H_

// Python pickles of tensors and plain containers. Nothing in one is executed: a
// pickle is a program for a stack machine, and this machine knows how to make
// numbers, strings, containers and descriptions of tensors, and nothing else.
// Any other class or function that it names is refused by that name.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// A value. Others are referred to by their index in the tree.
struct PickleNode {
  enum class Kind {
    kNone,
    kBool,     // integer
    kInt,      // integer
    kFloat,    // real
    kString,   // text
    kBytes,    // text; also integers beyond 64 bits
    kTuple,    // items
    kList,     // items
    kDict,     // items: key, value, key, value, ...
    kGlobal,   // text: "torch.FloatStorage", one that is allowed
    kStorage,  // text: key; integer: elements; items: its type's kGlobal
    kTensor,   // items: storage, offset, sizes, strides
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<int> items;
};

// May have shared nodes, and cycles: whoever walks it bounds the depth.
struct PickleTree {
  std::vector<PickleNode> nodes;
  int root = 0;

  const PickleNode& at(int node) const { return nodes[node]; }
};

// Protocols 0 to 5 as far as pickles of tensors use them. FailedPrecondition
// names a class or function that is not on the list of allowed ones, or an
// instruction that is not known; DataLoss for a pickle that ends early or makes
// no sense. Time and memory are bounded by the size of the text, which is at
// most 64 MiB.
absl::StatusOr<PickleTree> Unpickle(absl::string_view pickle);

// What a walk over a tree finds: leaves under dotted names ("model.wte.weight",
// "layers.0"), the top itself under "". DataLoss where it is nested deeper than
// 64 levels, as a cyclic one is, has more than a million leaves, or many more
// than the text had values.
struct PickleLeaf {
  std::string name;
  int node = 0;
};
absl::StatusOr<std::vector<PickleLeaf>> Flatten(const PickleTree& tree);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_PICKLE_H_

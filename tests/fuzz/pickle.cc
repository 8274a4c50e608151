#include "checkpoint/foreign/pickle.h"

#include "tests/fuzz/targets.h"

namespace perdure {

void FuzzPickle(absl::string_view bytes) {
  const auto tree = Unpickle(bytes);
  if (tree.ok()) Flatten(*tree).status().IgnoreError();
}

}  // namespace perdure

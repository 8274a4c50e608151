#ifndef PERDURE_CHECKPOINT_CONVERT_SIZE_EXPRESSION_H_
#define PERDURE_CHECKPOINT_CONVERT_SIZE_EXPRESSION_H_

// Sizes in rules: "heads * head_dim", "3 * hidden", "(heads + 2) * 64".

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"

namespace perdure {

using Symbols = std::map<std::string, int64_t>;

// layers, hidden, heads, kv_heads, head_dim, ffn_hidden, vocab_size, context.
Symbols SymbolsOf(const ModelConfig& model);

// + - * / ( ), whole numbers and symbols; divisions come out even, nothing is
// negative. InvalidArgument names the expression and what is wrong in it, with
// the nearest symbols.
absl::StatusOr<int64_t> Evaluate(absl::string_view expression,
                                 const Symbols& symbols);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_SIZE_EXPRESSION_H_

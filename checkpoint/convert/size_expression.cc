#include "checkpoint/convert/size_expression.h"

#include <cctype>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

constexpr int kMaxDepth = 32;  // of parentheses

// Recursive descent: sum of products of atoms.
class Parser {
 public:
  Parser(absl::string_view text, const Symbols& symbols)
      : whole_(text), rest_(text), symbols_(symbols) {}

  absl::StatusOr<int64_t> Run() {
    ASSIGN_OR_RETURN(const int64_t value, Sum());
    if (Peek() != '\0') return Wrong(absl::StrCat("unexpected '", rest_, "'"));
    return value;
  }

 private:
  absl::Status Wrong(absl::string_view why) const {
    return absl::InvalidArgumentError(
        absl::StrCat("size '", whole_, "': ", why));
  }

  char Peek() {
    while (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
    return rest_.empty() ? '\0' : rest_[0];
  }
  void Skip() { rest_.remove_prefix(1); }

  absl::StatusOr<int64_t> Sum() {
    ASSIGN_OR_RETURN(int64_t value, Product());
    while (Peek() == '+' || Peek() == '-') {
      const bool minus = Peek() == '-';
      Skip();
      ASSIGN_OR_RETURN(const int64_t other, Product());
      if (minus ? __builtin_sub_overflow(value, other, &value)
                : __builtin_add_overflow(value, other, &value)) {
        return Wrong("too large");
      }
      if (value < 0) return Wrong("it is negative");
    }
    return value;
  }

  absl::StatusOr<int64_t> Product() {
    ASSIGN_OR_RETURN(int64_t value, Atom());
    while (Peek() == '*' || Peek() == '/') {
      const bool division = Peek() == '/';
      Skip();
      ASSIGN_OR_RETURN(const int64_t other, Atom());
      if (!division) {
        if (__builtin_mul_overflow(value, other, &value)) {
          return Wrong("too large");
        }
      } else if (other == 0 || value % other != 0) {
        return Wrong(absl::StrCat(value, " / ", other, " does not come out"));
      } else {
        value /= other;
      }
    }
    return value;
  }

  absl::StatusOr<int64_t> Atom() {
    if (Peek() == '(') {
      if (++depth_ > kMaxDepth) return Wrong("too many parentheses");
      Skip();
      ASSIGN_OR_RETURN(const int64_t value, Sum());
      if (Peek() != ')') return Wrong("')' is missing");
      Skip();
      --depth_;
      return value;
    }
    size_t length = 0;
    while (length < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[length])) ||
            rest_[length] == '_')) {
      ++length;
    }
    const std::string word(rest_.substr(0, length));
    rest_.remove_prefix(length);
    int64_t number = 0;
    if (absl::SimpleAtoi(word, &number)) return number;
    const auto symbol = symbols_.find(word);
    if (symbol != symbols_.end()) return symbol->second;
    std::vector<std::string> known;
    for (const auto& [name, value] : symbols_) known.push_back(name);
    return Wrong(
        word.empty()
            ? std::string("a number or a name is missing")
            : absl::StrCat(
                  "nothing is called '", word, "'", DidYouMean(word, known),
                  symbols_.empty() ? "; sizes of a model need --model" : ""));
  }

  const absl::string_view whole_;
  absl::string_view rest_;
  const Symbols& symbols_;
  int depth_ = 0;
};

}  // namespace

Symbols SymbolsOf(const ModelConfig& model) {
  return {
      {"layers", model.layers()},         {"hidden", model.hidden()},
      {"heads", model.heads()},           {"kv_heads", model.kv_heads()},
      {"head_dim", model.head_dim()},     {"ffn_hidden", model.ffn_hidden()},
      {"vocab_size", model.vocab_size()}, {"context", model.context()}};
}

absl::StatusOr<int64_t> Evaluate(absl::string_view expression,
                                 const Symbols& symbols) {
  return Parser(expression, symbols).Run();
}

}  // namespace perdure

#ifndef PERDURE_CHECKPOINT_FOREIGN_UNPICKLER_H_
#define PERDURE_CHECKPOINT_FOREIGN_UNPICKLER_H_

// The stack machine of pickles. Private to this component.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/foreign/pickle.h"
#include "runtime/base/status.h"

namespace perdure {

class Unpickler {
 public:
  explicit Unpickler(absl::string_view text) : text_(text) {}
  absl::StatusOr<PickleTree> Run();

 private:
  using Kind = PickleNode::Kind;

  absl::Status Damaged(absl::string_view why) const;

  // The text.
  absl::StatusOr<absl::string_view> Take(uint64_t size);
  absl::StatusOr<uint64_t> Number(int size);  // little-endian
  absl::StatusOr<absl::string_view> Line();

  // The stack. Nothing below the last mark can be popped.
  size_t Floor() const { return marks_.empty() ? 0 : marks_.back(); }
  int Add(PickleNode node);
  absl::Status Push(PickleNode node);
  absl::StatusOr<int> Pop();
  absl::StatusOr<int> Top() const;
  absl::StatusOr<std::vector<int>> PopToMark();
  absl::StatusOr<std::vector<int>> PopSome(int count);

  // Instructions, by family; unpickler_steps.cc.
  absl::Status Step(unsigned char opcode);
  absl::StatusOr<bool> StepNumber(unsigned char opcode);
  absl::StatusOr<bool> StepText(unsigned char opcode);
  absl::StatusOr<bool> StepContainer(unsigned char opcode);
  absl::StatusOr<bool> StepStack(unsigned char opcode);
  absl::StatusOr<bool> StepObject(unsigned char opcode);

  absl::Status PushInt(int64_t value);
  absl::Status PushLong(uint64_t size);
  absl::Status PushText(Kind kind, absl::StatusOr<absl::string_view> text);
  absl::Status PushItems(Kind kind, absl::StatusOr<std::vector<int>> items);
  absl::Status PushGlobal(absl::string_view module, absl::string_view name);
  absl::Status PushStorage();
  absl::Status Reduce();
  absl::Status FillDict(const std::vector<int>& arguments, PickleNode* dict);
  absl::Status NewObject();
  absl::Status Build();
  absl::Status AddItems(const std::vector<int>& items, Kind kind);
  absl::Status Copy(size_t items);
  absl::Status Store(uint64_t slot);
  absl::Status Recall(uint64_t slot);

  const absl::string_view text_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;  // of the instruction at work
  bool stopped_ = false;
  PickleTree tree_;
  std::vector<int> stack_;
  std::vector<size_t> marks_;
  size_t copied_ = 0;
  std::unordered_map<uint64_t, int> memo_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_UNPICKLER_H_

#include "checkpoint/foreign/unpickler.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

using Kind = PickleNode::Kind;

constexpr size_t kMaxPickleBytes = size_t{64} << 20;
constexpr size_t kMaxNodes = size_t{8} << 20;

// Called with arguments that are looked at, never run.
constexpr absl::string_view kFunctions[] = {"collections.OrderedDict",
                                            "torch._utils._rebuild_tensor_v2",
                                            "torch._utils._rebuild_parameter",
                                            "torch.Size",
                                            "torch.device",
                                            "_codecs.encode"};
// Objects that are nothing but their attributes.
constexpr absl::string_view kRecords[] = {
    "argparse.Namespace",
    "deepspeed.checkpoint.universal_checkpoint.SubparamShape"};
// Constants.
constexpr absl::string_view kTorchTypes[] = {
    "float32", "float",    "float64", "double", "float16",
    "half",    "bfloat16", "int64",   "long",   "int32",
    "int",     "int16",    "int8",    "uint8",  "bool"};

bool IsOneOf(absl::string_view name, const absl::string_view* begin,
             const absl::string_view* end) {
  return std::find(begin, end, name) != end;
}

bool IsStorageType(absl::string_view name) {
  return absl::StartsWith(name, "torch.") && absl::EndsWith(name, "Storage") &&
         name.find('.', 6) == absl::string_view::npos;
}

bool IsAllowed(absl::string_view name) {
  if (IsStorageType(name)) return true;
  if (IsOneOf(name, std::begin(kFunctions), std::end(kFunctions))) return true;
  if (IsOneOf(name, std::begin(kRecords), std::end(kRecords))) return true;
  return absl::StartsWith(name, "torch.") &&
         IsOneOf(name.substr(6), std::begin(kTorchTypes),
                 std::end(kTorchTypes));
}

}  // namespace

absl::Status Unpickler::Damaged(absl::string_view why) const {
  return absl::DataLossError(
      absl::StrCat("pickle, byte ", opcode_at_, ": ", why));
}

absl::StatusOr<PickleTree> Unpickler::Run() {
  if (text_.size() > kMaxPickleBytes) {
    return absl::DataLossError(absl::StrCat("a pickle of ", text_.size(),
                                            " bytes; at most ", kMaxPickleBytes,
                                            " are read"));
  }
  while (!stopped_) {
    opcode_at_ = at_;
    ASSIGN_OR_RETURN(const uint64_t opcode, Number(1));
    RETURN_IF_ERROR(Step(static_cast<unsigned char>(opcode)));
    if (tree_.nodes.size() > kMaxNodes) return Damaged("too many values");
  }
  return std::move(tree_);
}

absl::StatusOr<absl::string_view> Unpickler::Take(uint64_t size) {
  if (size > text_.size() - at_) return Damaged("it ends here");
  const absl::string_view taken = text_.substr(at_, size);
  at_ += size;
  return taken;
}

absl::StatusOr<uint64_t> Unpickler::Number(int size) {
  ASSIGN_OR_RETURN(const absl::string_view bytes, Take(size));
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

absl::StatusOr<absl::string_view> Unpickler::Line() {
  const size_t end = text_.find('\n', at_);
  if (end == absl::string_view::npos) return Damaged("it ends here");
  const absl::string_view line = text_.substr(at_, end - at_);
  at_ = end + 1;
  return line;
}

int Unpickler::Add(PickleNode node) {
  tree_.nodes.push_back(std::move(node));
  return static_cast<int>(tree_.nodes.size()) - 1;
}

absl::Status Unpickler::Push(PickleNode node) {
  stack_.push_back(Add(std::move(node)));
  return absl::OkStatus();
}

absl::StatusOr<int> Unpickler::Pop() {
  if (stack_.size() <= Floor()) return Damaged("the stack is empty");
  const int top = stack_.back();
  stack_.pop_back();
  return top;
}

absl::StatusOr<int> Unpickler::Top() const {
  if (stack_.size() <= Floor()) return Damaged("the stack is empty");
  return stack_.back();
}

absl::StatusOr<std::vector<int>> Unpickler::PopToMark() {
  if (marks_.empty()) return Damaged("there is no mark");
  std::vector<int> items(stack_.begin() + marks_.back(), stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return items;
}

absl::StatusOr<std::vector<int>> Unpickler::PopSome(int count) {
  if (stack_.size() < Floor() + count) return Damaged("the stack is empty");
  std::vector<int> items(stack_.end() - count, stack_.end());
  stack_.resize(stack_.size() - count);
  return items;
}

absl::Status Unpickler::PushGlobal(absl::string_view module,
                                   absl::string_view name) {
  PickleNode node;
  node.kind = Kind::kGlobal;
  node.text = absl::StrCat(module, ".", name);
  if (!IsAllowed(node.text)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "its pickle asks for '", absl::CHexEscape(node.text.substr(0, 200)),
        "', which is not loaded: only tensors and plain containers are. Save "
        "model.state_dict() alone with torch.save"));
  }
  return Push(std::move(node));
}

// ('storage', type, key, location, elements)
absl::Status Unpickler::PushStorage() {
  ASSIGN_OR_RETURN(const int id, Pop());
  const PickleNode& tuple = tree_.at(id);
  if (tuple.kind != Kind::kTuple || tuple.items.size() != 5) {
    return Damaged("a persistent id that is no storage's");
  }
  const PickleNode& type = tree_.at(tuple.items[1]);
  const PickleNode& key = tree_.at(tuple.items[2]);
  const PickleNode& count = tree_.at(tuple.items[4]);
  if (tree_.at(tuple.items[0]).text != "storage" ||
      type.kind != Kind::kGlobal || !IsStorageType(type.text) ||
      key.kind != Kind::kString || count.kind != Kind::kInt ||
      count.integer < 0) {
    return Damaged("a persistent id that is no storage's");
  }
  PickleNode node;
  node.kind = Kind::kStorage;
  node.text = key.text;
  node.integer = count.integer;
  node.items = {tuple.items[1]};
  return Push(std::move(node));
}

// Function, tuple of arguments -> value.
absl::Status Unpickler::Reduce() {
  ASSIGN_OR_RETURN(const int arguments_index, Pop());
  ASSIGN_OR_RETURN(const int function_index, Pop());
  const PickleNode& function = tree_.at(function_index);
  const PickleNode& arguments = tree_.at(arguments_index);
  if (function.kind != Kind::kGlobal || arguments.kind != Kind::kTuple) {
    return Damaged("a call of what is no function");
  }
  const std::vector<int>& items = arguments.items;
  PickleNode node;  // pushed last: that moves the others
  if (function.text == "collections.OrderedDict") {
    node.kind = Kind::kDict;
    RETURN_IF_ERROR(FillDict(items, &node));
    return Push(std::move(node));
  }
  if (function.text == "torch._utils._rebuild_tensor_v2" && items.size() >= 4) {
    node.kind = Kind::kTensor;
    node.items.assign(items.begin(), items.begin() + 4);
    if (tree_.at(items[0]).kind != Kind::kStorage) {
      return Damaged("a tensor without a storage");
    }
    return Push(std::move(node));
  }
  const bool transparent = function.text == "torch._utils._rebuild_parameter" ||
                           function.text == "torch.Size" ||
                           function.text == "torch.device" ||
                           function.text == "_codecs.encode";
  if (transparent && !items.empty()) {
    stack_.push_back(items[0]);
    return absl::OkStatus();
  }
  return Damaged(absl::StrCat("a call of ", function.text, " with ",
                              items.size(), " arguments"));
}

// OrderedDict's argument in the oldest protocols: a list of pairs.
absl::Status Unpickler::FillDict(const std::vector<int>& arguments,
                                 PickleNode* dict) {
  if (arguments.empty()) return absl::OkStatus();
  const PickleNode& pairs = tree_.at(arguments[0]);
  if (pairs.kind != Kind::kList) return Damaged("an OrderedDict of no list");
  RETURN_IF_ERROR(Copy(2 * pairs.items.size()));
  for (const int pair : pairs.items) {
    if (tree_.at(pair).items.size() != 2 ||
        tree_.at(pair).kind == Kind::kDict) {
      return Damaged("an OrderedDict of what are no pairs");
    }
    dict->items.push_back(tree_.at(pair).items[0]);
    dict->items.push_back(tree_.at(pair).items[1]);
  }
  return absl::OkStatus();
}

// Class, tuple of arguments -> an object without attributes yet.
absl::Status Unpickler::NewObject() {
  ASSIGN_OR_RETURN([[maybe_unused]] const int arguments, Pop());
  ASSIGN_OR_RETURN(const int type, Pop());
  const std::string& name = tree_.at(type).text;
  if (tree_.at(type).kind != Kind::kGlobal ||
      !(IsOneOf(name, std::begin(kRecords), std::end(kRecords)) ||
        name == "collections.OrderedDict")) {
    return Damaged("an object of what is no plain class");
  }
  PickleNode node;
  node.kind = Kind::kDict;
  return Push(std::move(node));
}

// Object, state -> object. Attributes of a record are its content; those of a
// container or tensor (_metadata of a state_dict) are left out.
absl::Status Unpickler::Build() {
  ASSIGN_OR_RETURN(const int state, Pop());
  ASSIGN_OR_RETURN(const int object, Top());
  PickleNode& node = tree_.nodes[object];
  if (node.kind == Kind::kTensor) return absl::OkStatus();
  if (node.kind != Kind::kDict) return Damaged("attributes of a plain value");
  const PickleNode& attributes = tree_.at(state);
  if (node.items.empty() && attributes.kind == Kind::kDict && object != state) {
    RETURN_IF_ERROR(Copy(attributes.items.size()));
    node.items = attributes.items;
  }
  return absl::OkStatus();
}

absl::Status Unpickler::AddItems(const std::vector<int>& items, Kind kind) {
  ASSIGN_OR_RETURN(const int container, Top());
  PickleNode& node = tree_.nodes[container];
  if (node.kind != kind || (kind == Kind::kDict && items.size() % 2 != 0)) {
    return Damaged("items for what cannot hold them");
  }
  for (size_t i = 0; kind == Kind::kDict && i < items.size(); i += 2) {
    const Kind key = tree_.at(items[i]).kind;
    if (key != Kind::kString && key != Kind::kInt) {
      return Damaged("a key that is neither a string nor a number");
    }
  }
  node.items.insert(node.items.end(), items.begin(), items.end());
  return absl::OkStatus();
}

// Copies of shared containers could make much of a short text.
absl::Status Unpickler::Copy(size_t items) {
  copied_ += items;
  return copied_ <= kMaxNodes ? absl::OkStatus() : Damaged("too many values");
}

absl::Status Unpickler::Store(uint64_t slot) {
  ASSIGN_OR_RETURN(memo_[slot], Top());
  return absl::OkStatus();
}

absl::Status Unpickler::Recall(uint64_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) {
    return Damaged(absl::StrCat("memo ", slot, " was never stored"));
  }
  stack_.push_back(found->second);
  return absl::OkStatus();
}

absl::StatusOr<PickleTree> Unpickle(absl::string_view pickle) {
  return Unpickler(pickle).Run();
}

}  // namespace perdure

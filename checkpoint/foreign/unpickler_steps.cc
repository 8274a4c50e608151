// The instructions of the pickle machine, as the comments of Python's
// Lib/pickletools.py define them.

#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"
#include "checkpoint/foreign/unpickler.h"

namespace perdure {

absl::Status Unpickler::PushInt(int64_t value) {
  PickleNode node;
  node.kind = Kind::kInt;
  node.integer = value;
  return Push(std::move(node));
}

// Two's complement, little-endian.
absl::Status Unpickler::PushLong(uint64_t size) {
  ASSIGN_OR_RETURN(const absl::string_view bytes, Take(size));
  if (size > sizeof(int64_t)) return PushText(Kind::kBytes, bytes);
  const bool negative = size > 0 && (bytes.back() & 0x80) != 0;
  int64_t value = negative ? -1 : 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return PushInt(value);
}

absl::Status Unpickler::PushText(Kind kind,
                                 absl::StatusOr<absl::string_view> text) {
  RETURN_IF_ERROR(text.status());
  PickleNode node;
  node.kind = kind;
  node.text = std::string(*text);
  return Push(std::move(node));
}

absl::Status Unpickler::PushItems(Kind kind,
                                  absl::StatusOr<std::vector<int>> items) {
  RETURN_IF_ERROR(items.status());
  PickleNode node;
  node.kind = kind;
  // A dict's items are checked where they are added.
  if (kind != Kind::kDict) node.items = *std::move(items);
  RETURN_IF_ERROR(Push(std::move(node)));
  return kind == Kind::kDict ? AddItems(*items, kind) : absl::OkStatus();
}

absl::StatusOr<bool> Unpickler::StepNumber(unsigned char opcode) {
  PickleNode node;
  uint64_t value = 0;
  switch (opcode) {
    case 'N':  // NONE
      RETURN_IF_ERROR(Push(std::move(node)));
      return true;
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      node.kind = Kind::kBool;
      node.integer = opcode == 0x88;
      RETURN_IF_ERROR(Push(std::move(node)));
      return true;
    case 'J': {  // BININT
      ASSIGN_OR_RETURN(value, Number(4));
      RETURN_IF_ERROR(PushInt(static_cast<int32_t>(value)));
      return true;
    }
    case 'K':    // BININT1
    case 'M': {  // BININT2
      ASSIGN_OR_RETURN(value, Number(opcode == 'K' ? 1 : 2));
      RETURN_IF_ERROR(PushInt(static_cast<int64_t>(value)));
      return true;
    }
    case 0x8a:    // LONG1
    case 0x8b: {  // LONG4
      ASSIGN_OR_RETURN(value, Number(opcode == 0x8a ? 1 : 4));
      RETURN_IF_ERROR(PushLong(value));
      return true;
    }
    case 'G': {  // BINFLOAT, big-endian
      ASSIGN_OR_RETURN(value, Number(8));
      node.kind = Kind::kFloat;
      node.real = std::bit_cast<double>(__builtin_bswap64(value));
      RETURN_IF_ERROR(Push(std::move(node)));
      return true;
    }
    default:
      return false;
  }
}

absl::StatusOr<bool> Unpickler::StepText(unsigned char opcode) {
  Kind kind = Kind::kString;
  int length_bytes = 4;
  switch (opcode) {
    case 'U':   // SHORT_BINSTRING
    case 0x8c:  // SHORT_BINUNICODE
      length_bytes = 1;
      break;
    case 'T':  // BINSTRING
    case 'X':  // BINUNICODE
      break;
    case 0x8d:  // BINUNICODE8
      length_bytes = 8;
      break;
    case 'C':  // SHORT_BINBYTES
      kind = Kind::kBytes;
      length_bytes = 1;
      break;
    case 'B':  // BINBYTES
      kind = Kind::kBytes;
      break;
    case 0x8e:  // BINBYTES8
      kind = Kind::kBytes;
      length_bytes = 8;
      break;
    default:
      return false;
  }
  ASSIGN_OR_RETURN(const uint64_t length, Number(length_bytes));
  RETURN_IF_ERROR(PushText(kind, Take(length)));
  return true;
}

absl::StatusOr<bool> Unpickler::StepContainer(unsigned char opcode) {
  const std::vector<int> none;
  absl::Status status;
  switch (opcode) {
    case ')':  // EMPTY_TUPLE
      status = PushItems(Kind::kTuple, none);
      break;
    case 't':  // TUPLE
      status = PushItems(Kind::kTuple, PopToMark());
      break;
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      status = PushItems(Kind::kTuple, PopSome(opcode - 0x84));
      break;
    case ']':   // EMPTY_LIST
    case 0x8f:  // EMPTY_SET
      status = PushItems(Kind::kList, none);
      break;
    case 'l':   // LIST
    case 0x91:  // FROZENSET
      status = PushItems(Kind::kList, PopToMark());
      break;
    case '}':  // EMPTY_DICT
      status = PushItems(Kind::kDict, none);
      break;
    case 'd':  // DICT
      status = PushItems(Kind::kDict, PopToMark());
      break;
    case 'a':    // APPEND
    case 's': {  // SETITEM
      ASSIGN_OR_RETURN(const std::vector<int> items,
                       PopSome(opcode == 'a' ? 1 : 2));
      status = AddItems(items, opcode == 'a' ? Kind::kList : Kind::kDict);
      break;
    }
    case 'e':    // APPENDS
    case 0x90:   // ADDITEMS
    case 'u': {  // SETITEMS
      ASSIGN_OR_RETURN(const std::vector<int> items, PopToMark());
      status = AddItems(items, opcode == 'u' ? Kind::kDict : Kind::kList);
      break;
    }
    default:
      return false;
  }
  RETURN_IF_ERROR(status);
  return true;
}

absl::StatusOr<bool> Unpickler::StepStack(unsigned char opcode) {
  absl::Status status;
  switch (opcode) {
    case '(':  // MARK
      marks_.push_back(stack_.size());
      break;
    case '0':  // POP
      status = Pop().status();
      break;
    case '1':  // POP_MARK
      status = PopToMark().status();
      break;
    case '2': {  // DUP
      ASSIGN_OR_RETURN(const int top, Top());
      stack_.push_back(top);
      break;
    }
    case 'q':    // BINPUT
    case 'r': {  // LONG_BINPUT
      ASSIGN_OR_RETURN(const uint64_t slot, Number(opcode == 'q' ? 1 : 4));
      status = Store(slot);
      break;
    }
    case 'h':    // BINGET
    case 'j': {  // LONG_BINGET
      ASSIGN_OR_RETURN(const uint64_t slot, Number(opcode == 'h' ? 1 : 4));
      status = Recall(slot);
      break;
    }
    case 0x94:  // MEMOIZE
      status = Store(memo_.size());
      break;
    default:
      return false;
  }
  RETURN_IF_ERROR(status);
  return true;
}

absl::StatusOr<bool> Unpickler::StepObject(unsigned char opcode) {
  absl::Status status;
  switch (opcode) {
    case 'c': {  // GLOBAL
      ASSIGN_OR_RETURN(const absl::string_view module, Line());
      ASSIGN_OR_RETURN(const absl::string_view name, Line());
      status = PushGlobal(module, name);
      break;
    }
    case 0x93: {  // STACK_GLOBAL
      ASSIGN_OR_RETURN(const std::vector<int> names, PopSome(2));
      status = PushGlobal(std::string(tree_.at(names[0]).text),
                          std::string(tree_.at(names[1]).text));
      break;
    }
    case 'Q':  // BINPERSID
      status = PushStorage();
      break;
    case 'R':  // REDUCE
      status = Reduce();
      break;
    case 0x81:  // NEWOBJ
      status = NewObject();
      break;
    case 'b':  // BUILD
      status = Build();
      break;
    default:
      return false;
  }
  RETURN_IF_ERROR(status);
  return true;
}

absl::Status Unpickler::Step(unsigned char opcode) {
  switch (opcode) {
    case 0x80:  // PROTO
      return Take(1).status();
    case 0x95:  // FRAME
      return Take(8).status();
    case '.': {  // STOP
      ASSIGN_OR_RETURN(tree_.root, Pop());
      stopped_ = true;
      return absl::OkStatus();
    }
    default:
      break;
  }
  for (const auto step :
       {&Unpickler::StepNumber, &Unpickler::StepText, &Unpickler::StepStack,
        &Unpickler::StepContainer, &Unpickler::StepObject}) {
    ASSIGN_OR_RETURN(const bool known, (this->*step)(opcode));
    if (known) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "its pickle has instruction 0x%02x at byte %d, which pickles of tensors "
      "do not need; it is not loaded",
      opcode, opcode_at_));
}

}  // namespace perdure

#include "checkpoint/foreign/pickle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxLeaves = 1'000'000;
// Values are shared here and there; a few hundred bytes that unfold into a
// million of them are an attack.
constexpr size_t kFewLeaves = 1'000;
constexpr size_t kMaxSharing = 16;
// Names of a deep tree repeat their prefixes.
constexpr size_t kMaxNameBytes = size_t{256} << 20;

class Flattener {
 public:
  explicit Flattener(const PickleTree& tree)
      : tree_(tree),
        most_(std::min(kMaxLeaves,
                       kFewLeaves + kMaxSharing * tree.nodes.size())) {}

  absl::Status Visit(int index, const std::string& name, int depth) {
    if (depth > kMaxDepth) {
      return absl::DataLossError(
          absl::StrCat("values are nested deeper than ", kMaxDepth, " levels"));
    }
    const PickleNode& node = tree_.at(index);
    switch (node.kind) {
      case PickleNode::Kind::kDict:
        return VisitDict(node, name, depth);
      case PickleNode::Kind::kList:
      case PickleNode::Kind::kTuple:
        for (size_t i = 0; i < node.items.size(); ++i) {
          RETURN_IF_ERROR(
              Visit(node.items[i], Below(name, absl::StrCat(i)), depth + 1));
        }
        return Count(name);
      default:
        leaves.push_back({name, index});
        return Count(name);
    }
  }

  std::vector<PickleLeaf> leaves;

 private:
  static std::string Below(const std::string& name, const std::string& key) {
    return name.empty() ? key : absl::StrCat(name, ".", key);
  }

  absl::Status VisitDict(const PickleNode& node, const std::string& name,
                         int depth) {
    for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
      const PickleNode& key = tree_.at(node.items[i]);
      const std::string text = key.kind == PickleNode::Kind::kInt
                                   ? absl::StrCat(key.integer)
                                   : key.text;
      RETURN_IF_ERROR(Visit(node.items[i + 1], Below(name, text), depth + 1));
    }
    return Count(name);
  }

  // Containers count too: empty ones could be as many.
  absl::Status Count(const std::string& name) {
    bytes_ += name.size();
    if (++visited_ <= most_ && bytes_ <= kMaxNameBytes) {
      return absl::OkStatus();
    }
    return absl::DataLossError(
        absl::StrCat("holds more than ", most_, " values"));
  }

  const PickleTree& tree_;
  const size_t most_;
  size_t visited_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<PickleLeaf>> Flatten(const PickleTree& tree) {
  Flattener flattener(tree);
  RETURN_IF_ERROR(flattener.Visit(tree.root, "", 0));
  return std::move(flattener.leaves);
}

}  // namespace perdure

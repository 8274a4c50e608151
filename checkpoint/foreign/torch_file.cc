#include "checkpoint/foreign/torch_file.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "checkpoint/foreign/pickle.h"
#include "checkpoint/foreign/shard_index.h"
#include "checkpoint/foreign/torch_tensor.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr char kPickle[] = "data.pkl";
constexpr char kSingleName[] = "pytorch_model.bin";
constexpr char kIndexName[] = "pytorch_model.bin.index.json";
constexpr uint64_t kMaxPickleBytes = uint64_t{64} << 20;

// Before 1.6 a file was a pickle, before 0.1.10 a tar.
absl::Status ExplainNoZip(const std::string& path, const absl::Status& status) {
  if (!absl::IsFailedPrecondition(status)) return status;
  auto file = File::Open(path, File::Mode::kRead);
  unsigned char first = 0;
  const bool pickled = file.ok() && file->ReadAt(0, &first, 1).ok() &&
                       (first == 0x80 || first == '.' || first == '0');
  return absl::FailedPreconditionError(absl::StrCat(
      path,
      pickled ? ": is of the format before PyTorch 1.6, which is not read"
              : ": is no file of torch.save",
      "; load it in PyTorch and save it again: torch.save(torch.load(FILE, "
      "weights_only=True), FILE)"));
}

absl::StatusOr<std::string> ReadSmall(ZipArchive& archive,
                                      const std::string& entry,
                                      uint64_t limit) {
  const uint64_t bytes = archive.entries().at(entry).bytes;
  if (bytes > limit) {
    return absl::DataLossError(
        absl::StrCat(archive.path(), ": entry ", entry, " has ", bytes,
                     " bytes, more than the ", limit, " that are read"));
  }
  std::string text(bytes, '\0');
  RETURN_IF_ERROR(archive.ReadAt(entry, 0, text.data(), text.size()));
  return text;
}

// "archive/" of "archive/data.pkl".
absl::StatusOr<std::string> FindRoot(const ZipArchive& archive) {
  for (const auto& [name, entry] : archive.entries()) {
    const size_t slash = name.find('/');
    if (slash != std::string::npos && name.substr(slash + 1) == kPickle) {
      return name.substr(0, slash + 1);
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat(archive.path(),
                   ": is a zip file, but has no data.pkl: not torch.save's "
                   "(TorchScript archives are not read)"));
}

void AddLeaf(const PickleNode& node, const std::string& name,
             TorchContents* contents) {
  switch (node.kind) {
    case PickleNode::Kind::kBool:
    case PickleNode::Kind::kInt:
      contents->scalars.emplace(name, node.integer);
      break;
    case PickleNode::Kind::kFloat:
      contents->scalars.emplace(name, node.real);
      break;
    case PickleNode::Kind::kString:
      contents->scalars.emplace(name, node.text);
      break;
    default:
      break;  // None, types, bytes: nothing to convert
  }
}

// File name -> what its tensors' names begin with.
absl::StatusOr<std::map<std::string, std::string>> TorchFiles(
    const std::string& path) {
  std::map<std::string, std::string> files;
  if (!IsDirectory(path)) {
    files.emplace(path, "");
    return files;
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path));
  for (const std::string& name : names) {
    for (const char* suffix : {".pt", ".pth", ".bin"}) {
      if (!absl::EndsWith(name, suffix)) continue;
      files.emplace(JoinPath(path, name),
                    absl::StrCat(absl::StripSuffix(name, suffix), ":"));
      break;
    }
  }
  if (!files.empty()) return files;
  return absl::NotFoundError(
      absl::StrCat(path, ": no file ends in .pt, .pth or .bin"));
}

}  // namespace

absl::StatusOr<TorchContents> ReadTorchFile(const std::string& path,
                                            std::shared_ptr<ZipPool> pool) {
  const auto opened = pool->Get(path);
  if (!opened.ok()) return ExplainNoZip(path, opened.status());
  ZipArchive& archive = **opened;
  ASSIGN_OR_RETURN(const std::string root, FindRoot(archive));
  if (archive.entries().contains(root + "byteorder")) {
    ASSIGN_OR_RETURN(const std::string order,
                     ReadSmall(archive, root + "byteorder", 64));
    if (order != "little") {
      return absl::FailedPreconditionError(absl::StrCat(
          path, ": its bytes are in ", order, " order; only little is read"));
    }
  }
  ASSIGN_OR_RETURN(const std::string pickle,
                   ReadSmall(archive, root + kPickle, kMaxPickleBytes));
  const auto tree = Unpickle(pickle);
  if (!tree.ok()) return Annotate(tree.status(), path);
  const auto leaves = Flatten(*tree);
  if (!leaves.ok()) return Annotate(leaves.status(), path);
  const TorchStorages storages{path, root + "data/", &archive.entries(), pool};
  TorchContents contents;
  for (const PickleLeaf& leaf : *leaves) {
    const PickleNode& node = tree->at(leaf.node);
    if (node.kind != PickleNode::Kind::kTensor) {
      AddLeaf(node, leaf.name, &contents);
      continue;
    }
    ASSIGN_OR_RETURN(contents.tensors.emplace_back(),
                     MakeTorchTensor(*tree, leaf.node, leaf.name, storages));
  }
  return contents;
}

absl::StatusOr<TensorSource> OpenTorch(const std::string& path) {
  ASSIGN_OR_RETURN(const auto files, TorchFiles(path));
  const auto pool = std::make_shared<ZipPool>();
  TensorSource source;
  source.description = absl::StrCat("PyTorch checkpoint ", path);
  for (const auto& [file, prefix] : files) {
    ASSIGN_OR_RETURN(TorchContents contents, ReadTorchFile(file, pool));
    for (SourceTensor& tensor : contents.tensors) {
      tensor.name = prefix + (tensor.name.empty() ? "tensor" : tensor.name);
      source.tensors.push_back(std::move(tensor));
    }
    for (auto& [name, value] : contents.scalars) {
      source.scalars.emplace(prefix + name, std::move(value));
    }
  }
  return source;
}

bool HasTorchShards(const std::string& directory) {
  return FileExists(JoinPath(directory, kSingleName)) ||
         FileExists(JoinPath(directory, kIndexName));
}

absl::StatusOr<std::vector<SourceTensor>> OpenTorchShards(
    const std::string& directory) {
  ShardMap shards;
  if (FileExists(JoinPath(directory, kSingleName))) {
    shards[kSingleName] = {};
  } else {
    ASSIGN_OR_RETURN(shards, ReadShardIndex(JoinPath(directory, kIndexName)));
  }
  const auto pool = std::make_shared<ZipPool>();
  std::vector<SourceTensor> tensors;
  for (const auto& [shard, names] : shards) {
    ASSIGN_OR_RETURN(TorchContents contents,
                     ReadTorchFile(JoinPath(directory, shard), pool));
    std::vector<std::string> found;
    for (SourceTensor& tensor : contents.tensors) {
      found.push_back(tensor.name);
      tensors.push_back(std::move(tensor));
    }
    if (names.empty()) continue;
    RETURN_IF_ERROR(
        CheckShard(JoinPath(directory, shard), found, names, kIndexName));
  }
  return tensors;
}

}  // namespace perdure

// Nodes of unlike numbers of ranks, and more than goes at once.

#include "checkpoint/snapshot/neighbour_copy.h"

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/node_commit.h"
#include "checkpoint/snapshot/nodes.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/rank_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

// The node's file as its ranks would have written it: all bytes that are a
// tensor's are the node's number.
absl::Status WriteFile(const PreparedSave& save, const std::string& directory,
                       size_t node) {
  const std::string path = JoinPath(directory, NodeFileName(node));
  ASSIGN_OR_RETURN(std::string content, ReadFile(path));
  const std::vector<PlannedFile> files = FilesOf(*save.plan, *save.structure);
  for (const auto& [begin, end] : files[node].layout.taken) {
    content.replace(begin, end - begin, end - begin,
                    static_cast<char>('a' + node));
  }
  // In place: the file is mapped.
  ASSIGN_OR_RETURN(File file, File::Open(path, File::Mode::kReadWrite));
  return file.WriteAt(0, content.data(), content.size());
}

using Nodes = std::vector<size_t>;

class NeighbourCopyTest : public testing::TestWithParam<Nodes> {};

TEST_P(NeighbourCopyTest, TheNextNodeHasTheSameFile) {
  const Nodes& nodes = GetParam();
  const ScratchDirectory scratch;
  const ModelConfig model = TinyModel(150'000);  // 29 MB in three kinds
  const TinyState state(model, DType::kF32, true);
  const auto directory = [&](size_t node) {
    return JoinPath(scratch.path(), absl::StrCat("n", node, "/tmp"));
  };
  const auto run = [&](Communicator& world) -> absl::Status {
    const size_t node = nodes[static_cast<size_t>(world.rank())];
    const RankState mine(state, world.size(), world.rank());
    PrepareOptions options;
    options.model = model;
    options.node_of_rank = nodes;
    options.own_directories = true;
    ASSIGN_OR_RETURN(const auto save, PrepareSave(world, mine.map(), options));
    NeighbourCopy copy(&world, nodes, /*batch_bytes=*/kChunkBytes);
    EXPECT_TRUE(copy.any());
    if (LeadsNode(nodes, world.rank())) {
      const auto storage = MakePosixStorage();
      RETURN_IF_ERROR(CreateDirectories(JoinPath(directory(node), "..")));
      RETURN_IF_ERROR(MakeNodeFiles(*storage, directory(node), *save,
                                    {node, copy.source()}));
      RETURN_IF_ERROR(WriteFile(*save, directory(node), node));
    }
    RETURN_IF_ERROR(world.Barrier());
    RETURN_IF_ERROR(copy.Begin(*save, directory(node)));
    int64_t rounds = 0;
    for (int64_t left = 1; left > 0; ++rounds) {
      RETURN_IF_ERROR(copy.Exchange());
      left = copy.done() ? 0 : 1;
      RETURN_IF_ERROR(world.AllReduce(&left, 1, DType::kI64, ReduceOp::kMax));
    }
    EXPECT_GT(rounds, 3);
    return absl::OkStatus();
  };
  const absl::Status status = CommonStatus(
      RunThreadRanks(static_cast<int>(nodes.size()), absl::Seconds(60), run));
  ASSERT_TRUE(status.ok()) << status;
  const size_t count = nodes.back() + 1;
  for (size_t node = 0; node < count; ++node) {
    const std::string name = NodeFileName(node);
    const auto own = ReadFile(JoinPath(directory(node), name));
    const auto copied = ReadFile(JoinPath(directory((node + 1) % count), name));
    ASSERT_TRUE(own.ok() && copied.ok()) << own.status() << copied.status();
    EXPECT_TRUE(*own == *copied) << name;
    EXPECT_NE(own->find(static_cast<char>('a' + node)), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Meshes, NeighbourCopyTest,
                         testing::Values(Nodes{0, 1}, Nodes{0, 0, 1, 2, 2, 2},
                                         Nodes{0, 0, 0, 1}));

}  // namespace
}  // namespace perdure

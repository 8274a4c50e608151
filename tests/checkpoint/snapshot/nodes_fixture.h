#ifndef PERDURE_TESTS_CHECKPOINT_SNAPSHOT_NODES_FIXTURE_H_
#define PERDURE_TESTS_CHECKPOINT_SNAPSHOT_NODES_FIXTURE_H_

// Six thread ranks on three "nodes" with a directory each.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "checkpoint/snapshot/snapshot_saver.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/rank_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {

class NodesTest : public testing::Test {
 protected:
  // More than a block of the largest tensor for the ranks with most.
  NodesTest() : model_(TinyModel(60'000)), state_(model_, DType::kF32, true) {}

  std::string NodeRun(int node) const {
    return JoinPath(scratch_.path(), absl::StrCat("node-", node));
  }
  std::string NodeFile(int node, int64_t step, size_t file) const {
    return JoinPath(StepPath(NodeRun(node), step), NodeFileName(file));
  }

  // Saves the steps in turn, on six ranks of three nodes.
  std::vector<SaveReport> Save(const std::vector<RunState>& runs,
                               bool copies = true,
                               std::shared_ptr<Storage> full = nullptr) {
    std::vector<SaveReport> reports;
    std::mutex mutex;
    const auto statuses = RunThreadRanks(
        6, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
          const int node = world.rank() / 2;
          SnapshotSaverOptions options;
          options.snapshot = TinyOptions(NodeRun(node), model_);
          options.snapshot.keep_last = 2;
          options.node = absl::StrCat("host", node);
          options.own_directories = true;
          options.neighbour_copies = copies;
          std::shared_ptr<Storage> storage = MakePosixStorage();
          if (node == 1 && full != nullptr) storage = full;
          ASSIGN_OR_RETURN(
              const auto saver,
              SnapshotSaver::Create(world, storage, std::move(options)));
          const RankState mine(state_, world.size(), world.rank());
          for (const RunState& run : runs) {
            RETURN_IF_ERROR(saver->Begin(run, mine.map(), [&](StateSink* sink) {
              return mine.Give(sink);
            }));
          }
          RETURN_IF_ERROR(saver->Finish());
          const std::lock_guard lock(mutex);
          if (world.rank() == 5) reports = saver->TakeReports();
          return absl::OkStatus();
        });
    for (const absl::Status& status : statuses) {
      EXPECT_TRUE(status.ok()) << status;
    }
    return reports;
  }

  // A part of all state for each of `ranks` ranks, two a node; `nodes`: whose
  // directories they have. On all ranks the same status.
  absl::Status Load(const std::vector<int>& nodes, int64_t step,
                    LoadReport* report = nullptr) {
    const int ranks = 2 * static_cast<int>(nodes.size());
    return CommonStatus(RunThreadRanks(
        ranks, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
          const size_t node = static_cast<size_t>(world.rank()) / 2;
          ASSIGN_OR_RETURN(
              const auto reader,
              SnapshotReader::Open(StepPath(NodeRun(nodes[node]), step),
                                   SnapshotReader::kSomeFiles));
          LoadOptions options;
          options.node = absl::StrCat("host", nodes[node]);
          return LoadPart(*reader, world, options, report);
        }));
  }

  absl::Status LoadPart(Snapshot& reader, Communicator& world,
                        const LoadOptions& options, LoadReport* report) {
    std::vector<StateRequest> requests;
    std::vector<std::string> found(state_.entries().size());
    std::vector<std::string> expected;
    for (const TinyState::Entry& entry : state_.entries()) {
      const Range part =
          EvenPart(entry.tensor.elements(), world.size(), world.rank());
      const int64_t size = SizeOf(entry.tensor.dtype);
      std::string& target = found[expected.size()];
      target.resize(static_cast<size_t>(part.size() * size));
      expected.push_back(entry.bytes.substr(
          static_cast<size_t>(part.begin * size), target.size()));
      requests.push_back({entry.tensor.name,
                          entry.kind,
                          entry.tensor.dtype,
                          entry.tensor.shape,
                          {{part.begin, 0, part.size()}},
                          target.data()});
    }
    ASSIGN_OR_RETURN(const LoadReport loaded,
                     reader.Load(world, requests, options));
    EXPECT_TRUE(found == expected) << "rank " << world.rank();
    if (report != nullptr && world.rank() == 0) *report = loaded;
    return absl::OkStatus();
  }

  void Flip(const std::string& path) {
    std::string content = *ReadFile(path);
    content[content.size() / 2] =
        static_cast<char>(content[content.size() / 2] ^ 4);
    ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  }

  const ScratchDirectory scratch_;
  const ModelConfig model_;
  const TinyState state_;
};

}  // namespace perdure

#endif  // PERDURE_TESTS_CHECKPOINT_SNAPSHOT_NODES_FIXTURE_H_

#ifndef PERDURE_RUNTIME_COMM_SHARED_COLLECTIVES_H_
#define PERDURE_RUNTIME_COMM_SHARED_COLLECTIVES_H_

// Collectives of ranks (threads or processes) that share memory.
//
// Each rank has an area: the call it is in, three counters of pieces, and
// staging slots. Every call begins with a meeting: a rank posts its call, waits
// until all have posted theirs, and compares. Small payloads travel with the
// post. Larger ones go through the slots in pieces, numbered over the life of
// the group; a piece is staged (copied in by its owner), reduced (each rank
// combines its slice of all ranks' pieces, in rank order) and taken (copied out
// by everybody). A slot is free again when all ranks have taken its piece.

#include <vector>

#include "runtime/comm/collectives.h"
#include "runtime/comm/failure_board.h"
#include "runtime/comm/wait.h"

namespace perdure {

struct SharedArea;  // of one rank
enum class SharedStage;

class SharedCollectives : public Collectives {
 public:
  static uint64_t AreaBytes();
  // Makes a rank's area in AreaBytes() bytes of page-aligned memory. Once per
  // area, before any rank constructs its SharedCollectives.
  static SharedArea* InitArea(void* memory);
  // The area that its rank made, or will make, in memory mapped here.
  static SharedArea* AreaAt(void* memory);
  // The board in an area, for groups without one of their own.
  static FailureBoard* BoardIn(SharedArea* area);

  // areas: by rank. `board` outlives this and is common to the ranks.
  SharedCollectives(const GroupInfo& group,
                    const std::vector<SharedArea*>& areas, FailureBoard* board,
                    WaitPolicy policy);

  absl::Status Barrier(const CollectiveCall& call) override;
  absl::Status AllReduce(const CollectiveCall& call, void* data) override;
  absl::Status AllGather(const CollectiveCall& call, const void* input,
                         void* output) override;
  absl::Status Broadcast(const CollectiveCall& call, void* data) override;

 private:
  using Stage = SharedStage;
  class Reduction;

  SharedArea& mine() { return *areas_[group_.rank]; }
  bool IsSmall(uint64_t bytes) const;
  // Makes `call` the one under way.
  absl::Status Begin(const CollectiveCall& call);
  // Posts the call with `bytes` bytes of payload, waits for all ranks' posts
  // and compares them.
  absl::Status Meet(const void* payload, uint64_t bytes);
  const void* SmallPayload(int rank) const;
  void GatherSmall(void* output) const;

  // Waits until `rank`, or every rank, has brought `stage` to `value`.
  absl::Status Await(Stage stage, int rank, uint64_t value);
  absl::Status AwaitAll(Stage stage, uint64_t value);
  // Waits until this rank's slot for `piece` is free.
  absl::Status AwaitSlot(uint64_t piece);
  // This rank has brought `stage` to `value`; what it wrote is visible first.
  void Reach(Stage stage, uint64_t value);
  absl::Status WaitFailed(Stage stage, uint64_t value);
  // Ends a call of `pieces` pieces; the rank need not have done all stages.
  void Advance(uint64_t pieces);

  GroupInfo group_;
  std::vector<SharedArea*> areas_;
  FailureBoard* board_;
  WaitPolicy policy_;
  uint64_t pieces_ = 0;  // of all finished calls
  // The call under way.
  CollectiveCall call_;
  Deadline deadline_{absl::ZeroDuration()};
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_SHARED_COLLECTIVES_H_

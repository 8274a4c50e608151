// What ranks are told when one of them does not play along.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "runtime/comm/backends.h"

namespace perdure {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ThreadFailureTest, ARankThatNeverComesIsNamedByTheOthers) {
  const auto statuses = RunThreadRanks(
      4, absl::Milliseconds(300), [](Communicator& world) -> absl::Status {
        RETURN_IF_ERROR(world.Barrier());
        if (world.rank() == 2) return absl::OkStatus();
        float data[5000] = {};
        return world.AllReduce(data, 5000, DType::kF32, ReduceOp::kSum);
      });
  EXPECT_EQ(statuses[2], absl::OkStatus());
  for (int r : {0, 1, 3}) {
    EXPECT_EQ(statuses[r].code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_THAT(std::string(statuses[r].message()),
                AllOf(HasSubstr("world: AllReduce(sum, F32, 20000 bytes) #2"),
                      HasSubstr("300ms"), HasSubstr("rank 2 (world rank 2)"),
                      HasSubstr("last seen in Barrier() #1"),
                      testing::Not(HasSubstr("rank 3 (world rank 3)"))));
  }
}

TEST(ThreadFailureTest, AMissingRankOfAGroupIsNamedByItsWorldRankToo) {
  const auto statuses = RunThreadRanks(
      4, absl::Milliseconds(300), [](Communicator& world) -> absl::Status {
        ASSIGN_OR_RETURN(auto group, world.Split(world.rank() / 2, 0, "tp[1]"));
        if (world.rank() < 2 || world.rank() == 3) return absl::OkStatus();
        return group->Barrier();
      });
  EXPECT_EQ(statuses[2].code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(statuses[2].message()),
              AllOf(HasSubstr("tp[1]: Barrier() #1"),
                    HasSubstr("rank 1 (world rank 3), last seen in nothing")));
}

TEST(ThreadFailureTest, WhoWaitsInVainForAnyOfSomeMayGoOn) {
  const auto statuses = RunThreadRanks(
      2, absl::Seconds(30), [](Communicator& world) -> absl::Status {
        if (world.rank() == 0) {
          RETURN_IF_ERROR(world.Barrier());
          const int out = 7;
          ASSIGN_OR_RETURN(auto send, world.Send(&out, 4, 1, 1));
          return send->Wait();
        }
        int in = 0;
        ASSIGN_OR_RETURN(auto receive, world.Receive(&in, 4, 0, 1));
        const auto any = world.WaitAny({receive.get()}, absl::Milliseconds(5));
        if (any.value_or(true)) return absl::InternalError("too early");
        RETURN_IF_ERROR(world.Barrier());
        RETURN_IF_ERROR(receive->Wait());
        return in == 7 ? absl::OkStatus() : absl::InternalError("not 7");
      });
  EXPECT_THAT(statuses, testing::Each(absl::OkStatus()));
}

TEST(ThreadFailureTest, ADeadSenderEndsPollingAtOnce) {
  const auto statuses = RunThreadRanks(
      2, absl::Seconds(30), [](Communicator& world) -> absl::Status {
        if (world.rank() == 1) return absl::DataLossError("my disk is gone");
        int in = 0;
        ASSIGN_OR_RETURN(auto request, world.Receive(&in, 4, 1, 1));
        while (true) {
          ASSIGN_OR_RETURN(const bool done, request->Poll());
          if (done) return absl::OkStatus();
        }
      });
  EXPECT_EQ(statuses[0].code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(statuses[0].message()), HasSubstr("my disk is gone"));
}

TEST(ThreadFailureTest, ARankThatStopsMayLeaveWhatItPosted) {
  const auto statuses = RunThreadRanks(
      2, absl::Seconds(30), [](Communicator& world) -> absl::Status {
        if (world.rank() == 1) return world.Barrier();
        int in = 0;
        ASSIGN_OR_RETURN(auto request, world.Receive(&in, 4, 1, 1));
        return world.Fail(absl::DataLossError("my disk is gone"));
      });
  EXPECT_EQ(statuses[0].code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(statuses[1].code(), absl::StatusCode::kUnavailable);
}

TEST(ThreadFailureTest, MismatchedOperationsAreToldToAll) {
  const auto statuses = RunThreadRanks(
      3, absl::Seconds(30), [](Communicator& world) -> absl::Status {
        float data[4] = {};
        if (world.rank() == 1) return world.Broadcast(data, 16, 0);
        return world.AllReduce(data, 4, DType::kF32, ReduceOp::kSum);
      });
  for (const absl::Status& status : statuses) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("AllReduce(sum, F32, 16 bytes) #1"),
                      HasSubstr("Broadcast(from 0, 16 bytes) #1")));
  }
}

TEST(ThreadFailureTest, MismatchedSizesAreToldToAll) {
  const auto statuses = RunThreadRanks(
      2, absl::Seconds(30), [](Communicator& world) -> absl::Status {
        std::vector<float> data(100000 + world.rank());
        return world.AllReduce(data.data(), data.size(), DType::kF32,
                               ReduceOp::kSum);
      });
  for (const absl::Status& status : statuses) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("400000 bytes"), HasSubstr("400004 bytes")));
  }
}

TEST(ThreadFailureTest, AnErrorOfOneRankEndsTheWaitsOfAll) {
  const auto statuses = RunThreadRanks(
      4, absl::Seconds(60), [](Communicator& world) -> absl::Status {
        ASSIGN_OR_RETURN(auto group, world.Split(world.rank() / 2, 0, "half"));
        if (world.rank() == 0) return absl::DataLossError("bad block 17");
        int value = 0;
        if (world.rank() == 3) {  // waits for a message of rank 2
          ASSIGN_OR_RETURN(auto request, group->Receive(&value, 4, 0, 0));
          return request->Wait();
        }
        return world.Barrier();
      });
  EXPECT_EQ(statuses[0].code(), absl::StatusCode::kDataLoss);
  for (int r : {1, 2, 3}) {
    EXPECT_EQ(statuses[r].code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(statuses[r].message()),
                HasSubstr("world rank 0 failed: bad block 17"));
  }
}

TEST(ThreadFailureTest, AMessageThatIsNeverSentTimesOut) {
  const auto statuses = RunThreadRanks(
      2, absl::Milliseconds(200), [](Communicator& world) -> absl::Status {
        if (world.rank() == 1) return absl::OkStatus();
        int value = 0;
        ASSIGN_OR_RETURN(auto request, world.Receive(&value, 4, 1, 5));
        return request->Wait();
      });
  EXPECT_EQ(statuses[0].code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(statuses[0].message()),
              HasSubstr("Receive of 4 bytes from rank 1 (world rank 1), "
                        "tag 5"));
}

TEST(ThreadFailureTest, MessagesOfUnequalSizeAreToldToTheReceiver) {
  const auto statuses = RunThreadRanks(
      2, absl::Seconds(30), [](Communicator& world) -> absl::Status {
        char data[8] = {};
        if (world.rank() == 0) {
          ASSIGN_OR_RETURN(auto request, world.Send(data, 8, 1, 0));
          return request->Wait();
        }
        ASSIGN_OR_RETURN(auto request, world.Receive(data, 4, 0, 0));
        return request->Wait();
      });
  EXPECT_EQ(statuses[1].code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(statuses[1].message()),
              HasSubstr("8 bytes, the receiver expects 4"));
}

TEST(ThreadFailureTest, TheFirstErrorStays) {
  const auto statuses = RunThreadRanks(
      2, absl::Milliseconds(100), [](Communicator& world) -> absl::Status {
        if (world.rank() == 1) return absl::OkStatus();
        const absl::Status first = world.Barrier();
        if (first.ok()) return absl::InternalError("passed");
        char byte = 0;
        EXPECT_EQ(world.Barrier(), first);
        EXPECT_EQ(world.AllGather(&byte, 0, &byte), first);
        EXPECT_EQ(world.Send(&byte, 1, 1, 0).status(), first);
        EXPECT_EQ(world.Split(0, 0, "x").status(), first);
        return first;
      });
  EXPECT_EQ(statuses[0].code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(ThreadFailureDeathTest, ARequestDroppedUnderWayIsABug) {
  EXPECT_DEATH(RunThreadRanks(1, absl::Seconds(1),
                              [](Communicator& world) {
                                int value = 0;
                                return world.Receive(&value, 4, 0, 0).status();
                              }),
               "destroyed before Wait");
}

}  // namespace
}  // namespace perdure

// The contract, on the backends of one process.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "runtime/comm/backends.h"
#include "tests/runtime/comm/contract.h"

namespace perdure {
namespace {

std::vector<ContractCase> AllCases() {
  std::vector<ContractCase> cases = CollectiveCases();
  for (const auto* more : {&MessageCases(), &GroupCases()}) {
    cases.insert(cases.end(), more->begin(), more->end());
  }
  return cases;
}

std::string CaseName(const ContractCase& test) { return test.name; }

class ThreadContractTest
    : public testing::TestWithParam<std::tuple<ContractCase, int>> {};

TEST_P(ThreadContractTest, Holds) {
  const auto& [test, ranks] = GetParam();
  for (const absl::Status& status :
       RunThreadRanks(ranks, absl::Seconds(60), test.run)) {
    EXPECT_EQ(status, absl::OkStatus());
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, ThreadContractTest,
                         testing::Combine(testing::ValuesIn(AllCases()),
                                          testing::Range(1, 6)),
                         [](const auto& info) {
                           return absl::StrCat(
                               CaseName(std::get<0>(info.param)), "On",
                               std::get<1>(info.param));
                         });

class LoopbackContractTest : public testing::TestWithParam<ContractCase> {};

TEST_P(LoopbackContractTest, Holds) {
  EXPECT_EQ(GetParam().run(*MakeLoopbackCommunicator()), absl::OkStatus());
}

INSTANTIATE_TEST_SUITE_P(One, LoopbackContractTest,
                         testing::ValuesIn(AllCases()),
                         [](const auto& info) { return CaseName(info.param); });

TEST(LoopbackTest, ReceivingWhatNobodySentIsTold) {
  const auto world = MakeLoopbackCommunicator();
  int value = 0;
  auto request = world->Receive(&value, sizeof(value), 0, 3);
  ASSERT_TRUE(request.ok());
  const absl::Status status = (*request)->Wait();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.message(), testing::HasSubstr("tag 3"));
}

}  // namespace
}  // namespace perdure

#include "launcher/diagnosis/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class DiagnosisTest : public ::testing::Test {
 protected:
  const RuleBook book_ = RuleBook::Load("").value();
  Diagnoser diagnoser_{&book_};
};

TEST_F(DiagnosisTest, CauseWinsOverWhatFollowsFromIt) {
  diagnoser_.Take("rank 0", "RuntimeError: Connection reset by peer");
  diagnoser_.Take("rank 0",
                  "Watchdog caught collective operation timeout: WorkNCCL");
  diagnoser_.Take("rank 3",
                  "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried");
  const Diagnosis diagnosis = diagnoser_.Conclude({});
  EXPECT_EQ(diagnosis.rule.name(), "cuda_out_of_memory");
  EXPECT_EQ(diagnosis.origin, "rank 3");
  EXPECT_THAT(diagnosis.also, Contains("collective_timeout"));
  EXPECT_THAT(diagnosis.also, Contains("lost_peer"));
}

TEST_F(DiagnosisTest, FirstLineGivenIsTheEvidence) {
  diagnoser_.Take("rank 2", "  OSError: [Errno 28] No space left on device\n");
  diagnoser_.Take("rank 0", "No space left on device");
  const Diagnosis diagnosis = diagnoser_.Conclude({});
  EXPECT_EQ(diagnosis.origin, "rank 2");
  EXPECT_EQ(diagnosis.evidence, "OSError: [Errno 28] No space left on device");
}

TEST_F(DiagnosisTest, FactsAloneTell) {
  Facts facts;
  facts.fault = "crash";
  facts.signal = 7;
  EXPECT_EQ(diagnoser_.Conclude(facts).rule.name(), "bus_error_signal");
  facts = {};
  facts.fault = "hang";
  facts.phase = "save";
  EXPECT_EQ(diagnoser_.Conclude(facts).rule.name(), "hang_saving");
  facts.phase = "train";
  EXPECT_EQ(diagnoser_.Conclude(facts).rule.name(), "hang");
}

TEST_F(DiagnosisTest, LineSaysMoreThanTheExitCode) {
  Facts facts;
  facts.fault = "crash";
  facts.exit_code = 7;
  EXPECT_EQ(diagnoser_.Conclude(facts).rule.name(), "storage");
  diagnoser_.Take("rank 0", "perdure: error: No space left on device");
  EXPECT_EQ(diagnoser_.Conclude(facts).rule.name(), "disk_full");
}

TEST_F(DiagnosisTest, ExitCodesOfThisProgramThatAnotherStartWouldNotHelp) {
  for (const int code : {2, 3, 4, 6, 76}) {
    Facts facts;
    facts.fault = "crash";
    facts.exit_code = code;
    EXPECT_EQ(diagnoser_.Conclude(facts).rule.retry(), DiagnosisRule::NO)
        << code;
  }
  for (const int code : {5, 7, 75}) {
    Facts facts;
    facts.fault = "crash";
    facts.exit_code = code;
    EXPECT_NE(diagnoser_.Conclude(facts).rule.retry(), DiagnosisRule::NO)
        << code;
  }
}

TEST_F(DiagnosisTest, WhatNoRuleExplainsIsTriedAgain) {
  diagnoser_.Take("rank 0", "all is well");
  const Diagnosis diagnosis = diagnoser_.Conclude({});
  EXPECT_FALSE(diagnosis.known());
  EXPECT_EQ(diagnosis.rule.retry(), DiagnosisRule::YES);
  EXPECT_THAT(DiagnosisText(diagnosis), HasSubstr("no rule explains it"));
}

TEST_F(DiagnosisTest, TextNamesEvidenceAndRemedy) {
  diagnoser_.Take("a.log:7", "bash: orted: command not found");
  EXPECT_EQ(DiagnosisText(diagnoser_.Conclude({})),
            "cause     mpirun cannot start its daemons on other hosts "
            "(agent_missing, user)\n"
            "evidence  a.log:7: bash: orted: command not found\n"
            "blame     person\n"
            "remedy    install openssh-client here and Open MPI there, in the "
            "same place\n"
            "retry     no\n");
}

}  // namespace
}  // namespace perdure

#include "launcher/supervisor/incident_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "runtime/base/file.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Incident Of(Fault fault) {
  Incident incident;
  incident.verdict.fault = fault;
  return incident;
}

class IncidentBookTest : public testing::Test {
 protected:
  IncidentBookTest() {
    std::string pattern = testing::TempDir() + "/incidents-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  std::string TextOf(const char* name) {
    return *ReadFile(JoinPath(directory_, JoinPath("incidents", name)));
  }
  std::string directory_;
};

TEST_F(IncidentBookTest, ARankThatIsSlowMeanwhileDoesNotGetTheRecovery) {
  auto book = *IncidentBook::Open(directory_);
  book.Add(Of(Fault::kHang));
  book.Add(Of(Fault::kStraggler));
  Recovery recovery;
  recovery.seconds = 2.5;
  book.Recovered(recovery);
  EXPECT_THAT(TextOf("0001.txt"), HasSubstr("after     2.50 s"));
  EXPECT_THAT(TextOf("0002.txt"), Not(HasSubstr("after     ")));
  EXPECT_EQ(book.last()->number, 2);
}

TEST_F(IncidentBookTest, NumbersGoOnInTheNextLaunch) {
  IncidentBook::Open(directory_)->Add(Of(Fault::kHang));
  auto book = *IncidentBook::Open(directory_);
  EXPECT_EQ(book.Add(Of(Fault::kCrash)).number, 2);
  EXPECT_EQ(book.count(), 1);
  Recovery recovery;
  recovery.step = 7;
  book.Recovered(recovery);
  EXPECT_EQ(book.last()->recovery->step, 7);
}

}  // namespace
}  // namespace perdure

#include "launcher/supervisor/log_router.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/file.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseTaggedTest, RankAndStream) {
  const TaggedLine out = ParseTagged("[1,12]<stdout>:step 3  loss 2.1");
  EXPECT_EQ(out.rank, 12);
  EXPECT_FALSE(out.error);
  EXPECT_EQ(out.text, "step 3  loss 2.1");
  const TaggedLine error = ParseTagged("[1,0]<stderr>:");
  EXPECT_EQ(error.rank, 0);
  EXPECT_TRUE(error.error);
  EXPECT_EQ(error.text, "");
}

TEST(ParseTaggedTest, OtherLinesAreMpirunsOwn) {
  for (const char* line : {"", "mpirun noticed that", "[1,2]", "[a,b]<stdout>:",
                           "[1,2]<stdlog>:x", "[[7,1],0]: text"}) {
    const TaggedLine tagged = ParseTagged(line);
    EXPECT_EQ(tagged.rank, -1) << line;
    EXPECT_EQ(tagged.text, line);
  }
}

TEST(LogRouterTest, LinesThatComeInPiecesGoToTheirFiles) {
  std::string pattern = ::testing::TempDir() + "/logs-XXXXXX";
  const std::string directory = mkdtemp(pattern.data());
  std::vector<std::string> heard;
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  {
    LogRouter router(directory, [&](const TaggedLine& line) {
      heard.push_back(std::to_string(line.rank) + ":" + std::string(line.text));
    });
    const auto write = [&](const std::string& text) {
      ASSERT_EQ(::write(ends[1], text.data(), text.size()),
                static_cast<ssize_t>(text.size()));
      router.Drain(ends[0]);
    };
    write("[1,0]<stdout>:one\n[1,1]<std");
    EXPECT_THAT(heard, ElementsAre("0:one"));
    write("err>:two\nmpirun says\nunfinished");
    router.Flush();
    EXPECT_THAT(router.Tail(1), ElementsAre("two"));
  }
  close(ends[0]);
  close(ends[1]);
  EXPECT_THAT(heard,
              ElementsAre("0:one", "1:two", "-1:mpirun says", "-1:unfinished"));
  EXPECT_THAT(*ReadFile(directory + "/rank-0000.log"), HasSubstr(" one\n"));
  EXPECT_THAT(*ReadFile(directory + "/rank-0001.log"), HasSubstr(" ! two\n"));
  EXPECT_THAT(*ReadFile(directory + "/mpirun.log"), HasSubstr("mpirun says"));
}

}  // namespace
}  // namespace perdure

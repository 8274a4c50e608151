#include "launcher/supervisor/control_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "launcher/supervisor/control_file.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

class ControlServerTest : public ::testing::Test {
 protected:
  ControlServerTest() {
    std::string pattern = ::testing::TempDir() + "/control-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  std::string directory_;
};

TEST_F(ControlServerTest, AnswersWithWhatWasPublished) {
  const auto server = ControlServer::Start(directory_);
  ASSERT_TRUE(server.ok()) << server.status();
  LaunchStatus status;
  status.set_generation(3);
  status.set_step(77);
  (*server)->Publish(status);
  const auto reply = AskStatus(directory_);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->generation(), 3);
  EXPECT_EQ(reply->step(), 77);
}

TEST_F(ControlServerTest, CommandsArriveOnce) {
  const auto server = ControlServer::Start(directory_);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ((*server)->TakeCommand(), std::nullopt);
  ASSERT_TRUE(SendCommand(directory_, CommandRequest::CHECKPOINT).ok());
  EXPECT_EQ((*server)->TakeCommand(), CommandRequest::CHECKPOINT);
  EXPECT_EQ((*server)->TakeCommand(), std::nullopt);
}

TEST_F(ControlServerTest, WrongTokenChangesNothing) {
  const auto server = ControlServer::Start(directory_);
  ASSERT_TRUE(server.ok()) << server.status();
  ControlAddress address = *ReadControlFile(directory_);
  address.token[0] = address.token[0] == '0' ? '1' : '0';
  ASSERT_TRUE(WriteControlFile(directory_, address).ok());
  const absl::Status sent = SendCommand(directory_, CommandRequest::STOP);
  EXPECT_THAT(std::string(sent.message()), HasSubstr("wrong token"));
  EXPECT_EQ((*server)->TakeCommand(), std::nullopt);
}

TEST_F(ControlServerTest, TokenIsItsOwnersAlone) {
  const auto server = ControlServer::Start(directory_);
  ASSERT_TRUE(server.ok()) << server.status();
  struct stat info = {};
  ASSERT_EQ(stat((directory_ + "/control.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
}

TEST_F(ControlServerTest, NobodyThereIsSaid) {
  EXPECT_TRUE(absl::IsNotFound(AskStatus(directory_).status()));
  ASSERT_TRUE(ControlServer::Start(directory_).ok());  // and ends
  EXPECT_TRUE(absl::IsNotFound(AskStatus(directory_).status()));
  ASSERT_TRUE(WriteControlFile(directory_, {"127.0.0.1:1", "x"}).ok());
  EXPECT_TRUE(absl::IsUnavailable(AskStatus(directory_).status()));
}

}  // namespace
}  // namespace perdure

// What comes from outside over real sockets: garbage, scans, wrong keys and
// tokens, replays. Nothing changes but the counters.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>

#include "absl/strings/numbers.h"
#include "launcher/supervisor/control_file.h"
#include "launcher/supervisor/control_server.h"
#include "launcher/supervisor/heartbeat_server.h"
#include "launcher/supervisor/launch.grpc.pb.h"
#include "tests/launcher/supervisor/tables.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

class HeartbeatStrangersTest : public ::testing::Test {
 protected:
  HeartbeatStrangersTest() {
    table_.Begin(1, 2, 100);
    Heartbeat beat = BeatOf(0, "a");
    beat.set_number(7);
    genuine_ = Seal(key_, beat.SerializeAsString());
    Deliver(genuine_);
    EXPECT_EQ(table_.dropped().total(), 0);
    EXPECT_TRUE(table_.ranks()[0].heard);
    answer_ = Answer();
    EXPECT_FALSE(answer_.empty());
  }

  void Deliver(absl::string_view datagram) {
    socket_.Send(datagram);
    server_.Drain(now_ += 0.1, &table_);
  }
  std::string Answer() {
    socket_.Wait(1);
    const auto received = socket_.Receive();
    return received.has_value() ? std::string(received->datagram) : "";
  }
  // Delivers it; whether all is as before but for one datagram dropped.
  ::testing::AssertionResult Dropped(absl::string_view datagram) {
    const std::string before = table_.ranks()[0].last.SerializeAsString();
    const double heard_at = table_.ranks()[0].heard_at;
    const int64_t dropped = table_.dropped().total();
    Deliver(datagram);
    if (table_.dropped().total() != dropped + 1) {
      return ::testing::AssertionFailure() << "it was not counted";
    }
    if (table_.ranks()[0].last.SerializeAsString() != before ||
        table_.ranks()[0].heard_at != heard_at || table_.ranks()[1].heard) {
      return ::testing::AssertionFailure() << "the table has changed";
    }
    return ::testing::AssertionSuccess();
  }

  JobKey key_ = *JobKey::Random();
  HeartbeatServer server_ = *HeartbeatServer::Listen("127.0.0.1", key_);
  UdpSocket socket_ = *UdpSocket::Connect(server_.address());
  RankTable table_;
  double now_ = 101;
  std::string genuine_, answer_;
};

TEST_F(HeartbeatStrangersTest, GarbageAndScansAreDropped) {
  for (const std::string& datagram :
       {std::string(), std::string(1, '\0'), std::string("PRD1"),
        std::string("GET / HTTP/1.1\r\n\r\n"), std::string(1400, 'x'),
        std::string(20, '\xff')}) {
    EXPECT_TRUE(Dropped(datagram)) << datagram.size() << " bytes";
  }
}

TEST_F(HeartbeatStrangersTest, WrongKeysAreDropped) {
  Heartbeat beat = BeatOf(0, "a");
  beat.set_number(8);
  EXPECT_TRUE(Dropped(Seal(*JobKey::Random(), beat.SerializeAsString())));
  EXPECT_EQ(table_.dropped().foreign, 1);
}

TEST_F(HeartbeatStrangersTest, ReplaysAreDropped) {
  EXPECT_TRUE(Dropped(genuine_));
  EXPECT_EQ(table_.dropped().replayed, 1);
}

TEST_F(HeartbeatStrangersTest, AnswersSentBackAreDropped) {
  EXPECT_TRUE(Dropped(answer_));
  EXPECT_EQ(table_.dropped().foreign, 1);
}

TEST_F(HeartbeatStrangersTest, OversizedOnesAreDropped) {
  EXPECT_TRUE(Dropped(genuine_ + std::string(4000, 'x')));
  Heartbeat beat = BeatOf(0, "a");
  beat.set_number(8);
  beat.set_group(std::string(2000, 'g'));
  EXPECT_TRUE(Dropped(Seal(key_, beat.SerializeAsString())));
}

TEST_F(HeartbeatStrangersTest, NonsenseUnderTheRightKeyIsDropped) {
  const auto with = [&](auto change) {
    Heartbeat beat = BeatOf(0, "a");
    beat.set_number(8);
    change(&beat);
    return Seal(key_, beat.SerializeAsString());
  };
  EXPECT_TRUE(Dropped(with([](Heartbeat* b) { b->set_rank(2); })));
  EXPECT_TRUE(Dropped(with([](Heartbeat* b) { b->set_rank(-1); })));
  EXPECT_TRUE(Dropped(with([](Heartbeat* b) { b->set_phase(99); })));
  EXPECT_TRUE(Dropped(with([](Heartbeat* b) { b->set_step_age(NAN); })));
  EXPECT_TRUE(Dropped(with([](Heartbeat* b) { b->set_phase_age(-1); })));
  EXPECT_TRUE(Dropped(with([](Heartbeat* b) { b->set_step(-5); })));
  EXPECT_TRUE(Dropped(with([](Heartbeat* b) { b->clear_number(); })));
  EXPECT_TRUE(Dropped(with([](Heartbeat* b) { b->set_generation(9); })));
}

class ControlStrangersTest : public ::testing::Test {
 protected:
  ControlStrangersTest() {
    LaunchStatus status;
    status.set_step(77);
    (*server_)->Publish(status);
    at_ = *ReadControlFile(scratch_.path());
  }
  ~ControlStrangersTest() override {
    EXPECT_EQ((*server_)->TakeCommand(), std::nullopt);
    const auto status = AskStatus(scratch_.path());
    EXPECT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(status->step(), 77);
  }
  // Says `text` to the port and reads what is answered.
  std::string Tell(const std::string& text) {
    int port = 0;
    EXPECT_TRUE(
        absl::SimpleAtoi(at_.address.substr(at_.address.find(':') + 1), &port));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    std::string answer;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      answer.append(buffer, static_cast<size_t>(got));
    }
    close(fd);
    return answer;
  }
  std::unique_ptr<LaunchControl::Stub> Stub() const {
    return LaunchControl::NewStub(
        grpc::CreateChannel(at_.address, grpc::InsecureChannelCredentials()));
  }

  ScratchDirectory scratch_;
  absl::StatusOr<std::unique_ptr<ControlServer>> server_ =
      ControlServer::Start(scratch_.path());
  ControlAddress at_;
};

TEST_F(ControlStrangersTest, PortScansAndOtherProtocolsGetNothing) {
  const std::string bytes("\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03", 11);
  for (const std::string& text :
       {std::string(), std::string("GET /status HTTP/1.1\r\nHost: x\r\n\r\n"),
        bytes, std::string(100000, 'A'), std::string("SSH-2.0-scan\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") +
            std::string(9, '\xff')}) {
    EXPECT_EQ(Tell(text).find(at_.token), std::string::npos);
  }
}

TEST_F(ControlStrangersTest, WrongTokensAreCountedAndDenied) {
  for (const std::string& token :
       {std::string(), std::string("x"), at_.token.substr(1), at_.token + "0",
        std::string(64, '0')}) {
    grpc::ClientContext context, other;
    CommandRequest command;
    command.set_token(token);
    command.set_command(CommandRequest::STOP);
    CommandReply done;
    EXPECT_EQ(Stub()->Command(&context, command, &done).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
    StatusRequest ask;
    ask.set_token(token);
    LaunchStatus status;
    EXPECT_EQ(Stub()->Status(&other, ask, &status).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(status.step(), 0);
  }
  EXPECT_EQ(AskStatus(scratch_.path())->denied_requests(), 10);
}

TEST_F(ControlStrangersTest, OversizedRequestsAreRefusedUnread) {
  grpc::ClientContext context;
  StatusRequest ask;
  ask.set_token(std::string(1 << 20, 'x'));
  LaunchStatus status;
  EXPECT_EQ(Stub()->Status(&context, ask, &status).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(AskStatus(scratch_.path())->denied_requests(), 0);
}

}  // namespace
}  // namespace perdure

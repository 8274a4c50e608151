#include "launcher/supervisor/control_server.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "launcher/control/datagram.h"
#include "launcher/supervisor/control_desk.h"
#include "launcher/supervisor/control_file.h"
#include "launcher/supervisor/launch.grpc.pb.h"

namespace perdure {
namespace {

// No request of this service is longer.
constexpr int kLongestMessage = 4096;
constexpr std::chrono::seconds kPatience(5);

class ControlServerImpl final : public ControlServer,
                                public LaunchControl::Service {
 public:
  ControlServerImpl(absl::string_view directory, absl::string_view token)
      : directory_(directory), token_(token), desk_(token) {}
  ~ControlServerImpl() override {
    if (server_ == nullptr) return;
    RemoveControlFile(directory_);
    server_->Shutdown(std::chrono::system_clock::now() + kPatience);
  }

  absl::Status Listen() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.SetMaxReceiveMessageSize(kLongestMessage);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      server_ = nullptr;
      return absl::UnavailableError(
          "no port on 127.0.0.1 for perdure-launch status and stop");
    }
    return WriteControlFile(directory_,
                            {absl::StrCat("127.0.0.1:", port), token_});
  }

  void Publish(LaunchStatus status) override {
    desk_.Publish(std::move(status));
  }

  std::optional<CommandRequest::Command> TakeCommand() override {
    return desk_.TakeCommand();
  }

  grpc::Status Status(grpc::ServerContext*, const StatusRequest* request,
                      LaunchStatus* reply) override {
    return ToGrpc(desk_.Answer(*request, reply));
  }

  grpc::Status Command(grpc::ServerContext*, const CommandRequest* request,
                       CommandReply*) override {
    return ToGrpc(desk_.Obey(*request));
  }

 private:
  static grpc::Status ToGrpc(ControlDesk::Result result) {
    switch (result) {
      case ControlDesk::Result::kDone:
        return grpc::Status::OK;
      case ControlDesk::Result::kDenied:
        return {grpc::StatusCode::PERMISSION_DENIED, "wrong token"};
      case ControlDesk::Result::kNoCommand:
        break;
    }
    return {grpc::StatusCode::INVALID_ARGUMENT, "no command"};
  }

  const std::string directory_;
  const std::string token_;
  ControlDesk desk_;
  std::unique_ptr<grpc::Server> server_;
};

absl::Status FromGrpc(const grpc::Status& status, const std::string& address) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("perdure-launch at ", address, ": ", status.error_message(),
                   "; if it was killed, its next start cleans up"));
}

// call(stub, context, token)
template <typename Call>
absl::Status Ask(absl::string_view directory, const Call& call) {
  ASSIGN_OR_RETURN(const ControlAddress at, ReadControlFile(directory));
  const std::unique_ptr<LaunchControl::Stub> stub = LaunchControl::NewStub(
      grpc::CreateChannel(at.address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  return FromGrpc(call(*stub, context, at.token), at.address);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(
    absl::string_view directory) {
  ASSIGN_OR_RETURN(const JobKey token, JobKey::Random());
  auto server = std::make_unique<ControlServerImpl>(directory, token.ToHex());
  RETURN_IF_ERROR(server->Listen());
  return server;
}

absl::StatusOr<LaunchStatus> AskStatus(absl::string_view directory) {
  LaunchStatus reply;
  RETURN_IF_ERROR(Ask(
      directory, [&](LaunchControl::Stub& stub, grpc::ClientContext& context,
                     const std::string& token) {
        StatusRequest request;
        request.set_token(token);
        return stub.Status(&context, request, &reply);
      }));
  return reply;
}

absl::Status SendCommand(absl::string_view directory,
                         CommandRequest::Command command) {
  return Ask(directory,
             [&](LaunchControl::Stub& stub, grpc::ClientContext& context,
                 const std::string& token) {
               CommandRequest request;
               request.set_token(token);
               request.set_command(command);
               CommandReply reply;
               return stub.Command(&context, request, &reply);
             });
}

}  // namespace perdure

#include "launcher/train/machine_speed.h"

#include <google/protobuf/text_format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <vector>

#include "runtime/base/file.h"
#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/matmul.h"
#include "runtime/optim/zeroth_order.h"
#include "runtime/tensor/tensor.h"

namespace perdure {
namespace {

using google::protobuf::TextFormat;

// A product takes a few milliseconds, less than a slice of time: the best of
// some has a core for itself, also where ranks share cores.
constexpr int64_t kProduct = 512;
constexpr int64_t kCopied = int64_t{2} << 20;  // fp32 elements, beyond caches
constexpr int64_t kPerturbed = int64_t{1} << 18;
constexpr uint64_t kLongMessage = uint64_t{1} << 20;
constexpr int kRepeats = 8;
constexpr int kTag = 1;

double BestSeconds(const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  return best;
}

double MeasureFlops(Device& device, DType dtype) {
  Tensor ones(device, DType::kF32, kProduct, kProduct);
  kernels::Fill(device.stream(), 1, ones.data<float>(), kProduct * kProduct);
  Tensor a(device, dtype, kProduct, kProduct);
  Tensor b(device, dtype, kProduct, kProduct);
  kernels::Convert(device.stream(), ones.view(), a.view());
  kernels::Convert(device.stream(), ones.view(), b.view());
  Tensor c(device, DType::kF32, kProduct, kProduct);
  Matmul matmul;
  const double seconds = BestSeconds(
      [&] { matmul.Run(device.stream(), a.view(), b.view(), c.view()); });
  return 2.0 * kProduct * kProduct * kProduct / seconds;
}

double MeasureCopies() {
  std::vector<float> from(kCopied, 1), to(kCopied);
  const double seconds = BestSeconds(
      [&] { std::memcpy(to.data(), from.data(), kCopied * sizeof(float)); });
  return 2.0 * kCopied * sizeof(float) / seconds;
}

double MeasureNoise() {
  std::vector<float> theta(kPerturbed, 1), plus(kPerturbed), minus(kPerturbed);
  const WeightSpan span{0, kPerturbed, DType::kF32, theta.data(), nullptr};
  Perturbation perturbation;
  perturbation.scale = 1e-3F;
  perturbation.plus = plus.data();
  perturbation.minus = minus.data();
  const TensorNoise tensor{DirectionKey(1, "x"), RoundingKey(1, "x"), false,
                           Rounding::kStochastic};
  const ZerothOrderKernels& kernels = BestZerothOrderKernels();
  return kPerturbed /
         BestSeconds([&] { kernels.apply(tensor, {}, span, &perturbation); });
}

// One way, between rank 0 and `peer`: the mean, as a message also waits until
// its receiver has a core.
absl::StatusOr<double> MessageSeconds(Communicator& world, int peer,
                                      std::vector<char>* message) {
  const bool first = world.rank() == 0;
  if (!first && world.rank() != peer) return 0;
  const int other = first ? peer : 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRepeats; ++i) {
    for (const bool send : {first, !first}) {
      ASSIGN_OR_RETURN(
          const std::unique_ptr<CommRequest> request,
          send ? world.Send(message->data(), message->size(), other, kTag)
               : world.Receive(message->data(), message->size(), other, kTag));
      RETURN_IF_ERROR(request->Wait());
    }
  }
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - start;
  return took.count() / 2 / kRepeats;
}

struct LinkSpeed {
  double latency = 0, bandwidth = 0;
};

absl::StatusOr<LinkSpeed> MeasureLink(Communicator& world, int peer) {
  std::vector<char> small(8), large(kLongMessage);
  LinkSpeed link;
  ASSIGN_OR_RETURN(link.latency, MessageSeconds(world, peer, &small));
  ASSIGN_OR_RETURN(const double seconds, MessageSeconds(world, peer, &large));
  link.bandwidth =
      kLongMessage / std::max(1e-9, seconds - std::min(link.latency, seconds));
  RETURN_IF_ERROR(world.Barrier());
  return link;
}

// Of this machine, or of the control group that bounds this process.
uint64_t NodeMemory() {
  uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                   static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  for (const char* limit : {"/sys/fs/cgroup/memory.max",
                            "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    uint64_t most = 0;
    if (std::ifstream(limit) >> most && most > 0) bytes = std::min(bytes, most);
  }
  return bytes;
}

// Assumed where nothing is known: a core of a server and gigabit Ethernet.
MachineSpeed AssumedSpeed() {
  MachineSpeed speed;
  speed.set_ranks(1);
  speed.set_ranks_per_node(1);
  speed.set_cores(static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  speed.set_flops(5e10);
  speed.set_copy_bandwidth(1e10);
  speed.set_noise_rate(5e8);
  speed.set_node_latency(1e-6);
  speed.set_node_bandwidth(5e9);
  speed.set_link_latency(3e-5);
  speed.set_link_bandwidth(1.2e8);
  speed.set_node_memory(NodeMemory());
  return speed;
}

// Messages: rank 0 with the first other rank of its node, and of another one.
absl::Status MeasureMessages(Communicator& world, const std::string& host,
                             MachineSpeed* speed) {
  ASSIGN_OR_RETURN(const std::vector<std::string> hosts,
                   AllGatherStrings(world, host));
  std::map<std::string, int> ranks_of;
  int near = 0, far = 0;
  for (int r = 0; r < world.size(); ++r) {
    const std::string& other = hosts[static_cast<size_t>(r)];
    speed->set_ranks_per_node(
        std::max(speed->ranks_per_node(), ++ranks_of[other]));
    int& peer = other == hosts[0] ? near : far;
    if (peer == 0) peer = r;
  }
  LinkSpeed node{speed->node_latency(), speed->node_bandwidth()};
  LinkSpeed link{speed->link_latency(), speed->link_bandwidth()};
  if (near > 0) {
    ASSIGN_OR_RETURN(node, MeasureLink(world, near));
    link = node;
  }
  if (far > 0) {
    ASSIGN_OR_RETURN(link, MeasureLink(world, far));
  }
  speed->set_node_latency(node.latency);
  speed->set_node_bandwidth(node.bandwidth);
  speed->set_link_latency(link.latency);
  speed->set_link_bandwidth(link.bandwidth);
  return absl::OkStatus();
}

std::string SpeedPath(const std::string& run_dir) {
  return JoinPath(run_dir, "launch/machine.textproto");
}

}  // namespace

absl::StatusOr<MachineSpeed> MeasureMachineSpeed(Communicator& world,
                                                 Device& device, DType dtype,
                                                 const std::string& host) {
  MachineSpeed speed = AssumedSpeed();
  speed.set_ranks(world.size());
  RETURN_IF_ERROR(world.Barrier());
  // The slowest rank's: all wait for it.
  const auto slowest = [&](double mine) {
    return AllReduceScalar(world, mine, ReduceOp::kMin);
  };
  ASSIGN_OR_RETURN(const double flops, slowest(MeasureFlops(device, dtype)));
  ASSIGN_OR_RETURN(const double copies, slowest(MeasureCopies()));
  ASSIGN_OR_RETURN(const double noise, slowest(MeasureNoise()));
  ASSIGN_OR_RETURN(const double memory,
                   slowest(static_cast<double>(NodeMemory())));
  speed.set_flops(flops);
  speed.set_copy_bandwidth(copies);
  speed.set_noise_rate(noise);
  speed.set_node_memory(static_cast<uint64_t>(memory));
  RETURN_IF_ERROR(MeasureMessages(world, host, &speed));
  ASSIGN_OR_RETURN(const std::string agreed, OnRankZero(world, [&] {
                     return speed.SerializeAsString();
                   }));
  if (!speed.ParseFromString(agreed)) {
    return absl::InternalError("the machine's speed did not arrive");
  }
  return speed;
}

absl::StatusOr<MachineSpeed> FindMachineSpeed(Communicator& world,
                                              Device& device, DType dtype,
                                              const SessionInfo& session,
                                              const std::string& run_dir) {
  MachineSpeed speed;
  ASSIGN_OR_RETURN(const std::string known,
                   OnRankZero(world, [&]() -> absl::StatusOr<std::string> {
                     if (session.launch_generation == 1) return std::string();
                     bool measured = false;
                     const MachineSpeed kept =
                         KnownMachineSpeed(run_dir, &measured);
                     return measured ? kept.SerializeAsString() : std::string();
                   }));
  if (!known.empty() && speed.ParseFromString(known)) return speed;
  ASSIGN_OR_RETURN(speed,
                   MeasureMachineSpeed(world, device, dtype, session.host));
  if (session.progress == nullptr || world.rank() != 0) return speed;
  std::string text;
  TextFormat::PrintToString(speed, &text);
  // Where nodes share no disk, perdure-launch's own directory may be elsewhere.
  RETURN_IF_ERROR(CreateDirectories(JoinPath(run_dir, "launch")));
  RETURN_IF_ERROR(WriteFileAtomically(SpeedPath(run_dir), text));
  return speed;
}

MachineSpeed KnownMachineSpeed(const std::string& run_dir, bool* measured) {
  MachineSpeed speed;
  const absl::StatusOr<std::string> text = ReadFile(SpeedPath(run_dir));
  *measured = text.ok() && TextFormat::ParseFromString(*text, &speed);
  return *measured ? speed : AssumedSpeed();
}

double ShareOfSpeed(const MachineSpeed& speed, int ranks, int threads) {
  return std::min(1.0, static_cast<double>(speed.cores()) / (ranks * threads));
}

}  // namespace perdure

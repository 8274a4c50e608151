#include "glog/logging.h"
#include "launcher/supervisor/control_desk.h"
#include "launcher/supervisor/detector.h"
#include "launcher/supervisor/heartbeat_intake.h"
#include "launcher/supervisor/rank_table.h"
#include "tests/fuzz/targets.h"

namespace perdure {
namespace {

constexpr int kRanks = 4;

// Of all ranks, in training.
RankTable TableInTraining() {
  RankTable table;
  table.Begin(1, kRanks, 100);
  for (int r = 0; r < kRanks; ++r) {
    Heartbeat beat;
    beat.set_generation(1);
    beat.set_rank(r);
    beat.set_number(10);
    beat.set_host("a");
    beat.set_phase(static_cast<uint32_t>(Phase::kTrain));
    beat.set_step(5);
    beat.set_steps_made(5);
    CHECK(table.Update(beat, 101));
  }
  return table;
}

std::string Describe(const RankTable& table) {
  std::string text;
  for (int r = 0; r < kRanks; ++r) {
    text += table.ranks()[static_cast<size_t>(r)].last.SerializeAsString();
    text += DescribeRank(table, r, 102) + "\n";
  }
  return text;
}

void FuzzDatagram(const JobKey& key, absl::string_view datagram) {
  RankTable table = TableInTraining();
  const std::string before = Describe(table);
  const int64_t dropped = table.dropped().total();
  CHECK(!TakeDatagram(key, datagram, 102, &table).has_value());
  CHECK_EQ(before, Describe(table));
  CHECK_EQ(table.dropped().total(), dropped + 1);
}

void FuzzSealed(const JobKey& key, absl::string_view payload) {
  RankTable table = TableInTraining();
  const std::string datagram = Seal(key, payload);
  TakeDatagram(key, datagram, 102, &table);
  // Whatever was taken in can be looked at, and once more changes nothing.
  const std::string after = Describe(table);
  const Budgets budgets({});
  for (const double now : {102.0, 103.5, 1e6}) Detect(table, budgets, now);
  TakeDatagram(key, datagram, 102, &table);
  CHECK_EQ(after, Describe(table));
  CHECK_EQ(table.ranks().size(), static_cast<size_t>(kRanks));
}

void FuzzRequests(absl::string_view bytes) {
  ControlDesk desk("0123456789abcdef0123456789abcdef");
  LaunchStatus published;
  published.set_step(77);
  desk.Publish(published);
  StatusRequest status;
  CommandRequest command;
  const int size = static_cast<int>(bytes.size());
  // A parser that fails leaves what it has read.
  (void)status.ParseFromArray(bytes.data(), size);
  (void)command.ParseFromArray(bytes.data(), size);
  LaunchStatus reply;
  CHECK(desk.Answer(status, &reply) != ControlDesk::Result::kDone);
  CHECK_EQ(reply.ByteSizeLong(), 0u);
  CHECK(desk.Obey(command) != ControlDesk::Result::kDone);
  CHECK(!desk.TakeCommand().has_value());
}

}  // namespace

void FuzzControl(absl::string_view bytes) {
  static const JobKey& key =
      *new JobKey(*JobKey::FromHex(std::string(64, '7')));
  FuzzDatagram(key, bytes);
  FuzzSealed(key, bytes);
  FuzzRequests(bytes);
}

}  // namespace perdure

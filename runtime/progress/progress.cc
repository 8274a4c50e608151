#include "runtime/progress/progress.h"

#include <algorithm>
#include <cmath>

namespace perdure {
namespace {

template <size_t size>
void CopyText(absl::string_view text, std::array<char, size>* out) {
  const size_t n = std::min(text.size(), size - 1);
  std::copy_n(text.data(), n, out->data());
  std::fill(out->begin() + n, out->end(), '\0');
}

}  // namespace

const char* PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kStart:
      return "start";
    case Phase::kLoad:
      return "load";
    case Phase::kTrain:
      return "train";
    case Phase::kEvaluate:
      return "evaluate";
    case Phase::kSave:
      return "save";
    case Phase::kFinish:
      return "finish";
  }
  return "?";
}

ProgressBoard::ProgressBoard() { EnterPhase(Phase::kStart); }

void ProgressBoard::EnterPhase(Phase phase) {
  mine_.phase = phase;
  mine_.phase_since = ProgressClock::now();
  if (phase == Phase::kLoad &&
      mine_.load_since == ProgressClock::time_point()) {
    mine_.load_since = mine_.phase_since;
  }
  Publish();
}

void ProgressBoard::SetTotalSteps(int64_t steps) {
  mine_.total_steps = steps;
  Publish();
}

void ProgressBoard::FinishStep(int64_t step, double loss) {
  mine_.step = step;
  mine_.loss = loss;
  mine_.finite = std::isfinite(loss);
  const ProgressClock::time_point now = ProgressClock::now();
  const ProgressClock::duration took =
      now - std::max(mine_.step_since, mine_.phase_since);
  mine_.longest_step = std::max(mine_.longest_step, took);
  mine_.step_since = now;
  if (++mine_.steps_made == 1) mine_.first_step_since = now;
  Publish();
}

void ProgressBoard::SetComputeSeconds(double seconds) {
  mine_.compute_seconds = seconds;
  Publish();
}

void ProgressBoard::SetSpeed(const RankSpeed& speed) {
  mine_.speed = speed;
  Publish();
}

void ProgressBoard::BeginCollective(absl::string_view group,
                                    absl::string_view operation,
                                    uint64_t sequence) {
  CopyText(group, &mine_.group);
  CopyText(operation, &mine_.operation);
  mine_.sequence = sequence;
  ++mine_.collectives;
  mine_.in_collective = true;
  mine_.collective_since = ProgressClock::now();
  Publish();
}

void ProgressBoard::EndCollective() {
  const ProgressClock::time_point now = ProgressClock::now();
  mine_.waited += now - mine_.collective_since;
  mine_.collective_since = now;
  mine_.in_collective = false;
  Publish();
}

void ProgressBoard::Publish() {
  std::array<uint64_t, kWords> words{};
  std::memcpy(words.data(), &mine_, sizeof(mine_));
  const uint64_t version = version_.load(std::memory_order_relaxed);
  version_.store(version + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  for (size_t i = 0; i < kWords; ++i) {
    words_[i].store(words[i], std::memory_order_relaxed);
  }
  version_.store(version + 2, std::memory_order_release);
}

RankProgress ProgressBoard::Read() const {
  std::array<uint64_t, kWords> words;
  while (true) {
    const uint64_t before = version_.load(std::memory_order_acquire);
    for (size_t i = 0; i < kWords; ++i) {
      words[i] = words_[i].load(std::memory_order_relaxed);
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 == 0 && version_.load(std::memory_order_relaxed) == before) {
      break;
    }
  }
  RankProgress progress;
  std::memcpy(static_cast<void*>(&progress), words.data(), sizeof(progress));
  return progress;
}

PhaseScope::PhaseScope(ProgressBoard* board, Phase phase) : board_(board) {
  if (board_ == nullptr) return;
  before_ = board_->phase();
  board_->EnterPhase(phase);
}

PhaseScope::~PhaseScope() {
  if (board_ != nullptr) board_->EnterPhase(before_);
}

}  // namespace perdure

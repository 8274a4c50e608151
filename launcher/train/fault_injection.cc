#include "launcher/train/fault_injection.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace perdure {
namespace {

void Segfault() {
  // Read at run time, so that the compiler does not see what is coming.
  volatile uintptr_t nowhere = 8;
  *reinterpret_cast<volatile int*>(nowhere) = 1;
}

void Spin() {
  const std::atomic<bool> forever{true};
  while (forever.load(std::memory_order_relaxed)) {
  }
}

void Hang() {
  while (true) absl::SleepFor(absl::Hours(1));
}

// What operator new does when there is no more.
void FailAllocation() { throw std::bad_alloc(); }

void KillAsKernelDoes() {
  std::fprintf(stderr, "Out of memory: Killed process %d (%s)\n", getpid(),
               program_invocation_short_name);
  raise(SIGKILL);
}

using Strike = void (*)(const FaultTargets&);

const std::map<std::string, Strike>& Kinds() {
  using T = FaultTargets;
  static const auto& kinds = *new std::map<std::string, Strike>{
      {"kill", [](const T&) { raise(SIGKILL); }},
      {"segv", [](const T&) { Segfault(); }},
      {"abort", [](const T&) { std::abort(); }},
      {"exit0", [](const T&) { _exit(0); }},
      {"stop", [](const T&) { raise(SIGSTOP); }},
      {"hang", [](const T&) { Hang(); }},
      {"spin", [](const T&) { Spin(); }},
      {"oom", [](const T&) { FailAllocation(); }},
      {"oomkill", [](const T&) { KillAsKernelDoes(); }},
      {"nan",
       [](const T& t) { t.engine->SpoilNextComputation(WeightSpoil::kNan); }},
      {"miscompute",
       [](const T& t) { t.engine->SpoilNextComputation(WeightSpoil::kFlip); }},
      {"bitflip",
       [](const T& t) {
         SpoilWeight(&t.engine->runtime(), WeightSpoil::kFlip);
       }},
      {"torn", [](const T& t) { t.storage->Arm(StorageFault::kTorn); }},
      {"full", [](const T& t) { t.storage->Arm(StorageFault::kFull); }}};
  return kinds;
}

constexpr char kSlow[] = "slow";

bool ReadKind(absl::string_view text, PlannedFault* fault) {
  fault->kind = std::string(text);
  if (Kinds().count(fault->kind) > 0) return true;
  fault->kind = kSlow;
  return absl::ConsumePrefix(&text, kSlow) &&
         absl::SimpleAtod(text, &fault->factor) && fault->factor >= 1;
}

bool ReadFault(absl::string_view text, PlannedFault* fault) {
  const std::vector<absl::string_view> halves = absl::StrSplit(text, '@');
  if (halves.size() != 2 || !ReadKind(halves[0], fault)) return false;
  const std::vector<absl::string_view> where = absl::StrSplit(halves[1], ':');
  if (where.size() < 2 || where.size() > 3) return false;
  return absl::SimpleAtoi(where[0], &fault->rank) && fault->rank >= 0 &&
         absl::SimpleAtoi(where[1], &fault->step) && fault->step >= 1 &&
         (where.size() == 2 ||
          (absl::SimpleAtoi(where[2], &fault->generation) &&
           fault->generation >= 1));
}

}  // namespace

absl::StatusOr<std::vector<PlannedFault>> ParseFaults(absl::string_view text) {
  std::vector<PlannedFault> faults;
  for (const absl::string_view entry :
       absl::StrSplit(text, ',', absl::SkipEmpty())) {
    PlannedFault fault;
    if (!ReadFault(entry, &fault)) {
      return absl::InvalidArgumentError(
          absl::StrCat("PERDURE_FAULT: '", entry,
                       "' is not KIND@RANK:STEP[:GENERATION] with KIND one of ",
                       absl::StrJoin(Kinds(), ", ",
                                     [](std::string* out, const auto& kind) {
                                       absl::StrAppend(out, kind.first);
                                     }),
                       ", slowN"));
    }
    faults.push_back(std::move(fault));
  }
  return faults;
}

FaultInjector::FaultInjector(const std::vector<PlannedFault>& faults, int rank,
                             int64_t generation) {
  std::copy_if(faults.begin(), faults.end(), std::back_inserter(faults_),
               [&](const PlannedFault& fault) {
                 return fault.rank == rank && (fault.generation == 0 ||
                                               fault.generation == generation);
               });
}

void FaultInjector::Strike(int64_t step, const FaultTargets& targets) {
  if (faults_.empty()) return;
  double factor = 1;
  for (PlannedFault& fault : faults_) {
    if (fault.kind == kSlow) {
      if (step >= fault.step) factor = fault.factor;
    } else if (step == fault.step && !fault.struck) {
      fault.struck = true;
      Kinds().at(fault.kind)(targets);
    }
  }
  if (factor != slowness_.factor()) slowness_ = Slowness(factor);
  // At every step: a rollback has made another engine since.
  targets.engine->runtime().SetPace([this] { slowness_.Pay(); });
}

}  // namespace perdure

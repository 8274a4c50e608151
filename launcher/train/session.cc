#include "launcher/train/session.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "launcher/control/watchdog.h"
#include "launcher/train/failure.h"
#include "runtime/comm/backends.h"

namespace perdure {
namespace {

// mpirun ends the job, within two seconds, when a rank leaves: of an error that
// all ranks have, rank 0 alone tells.
constexpr absl::Duration kRankZeroSpeaksFirst = absl::Seconds(3);

// Third-party exceptions that no wrapper caught become errors like any other.
absl::Status RunGuarded(const std::function<absl::Status()>& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        "out of memory; use a smaller train.micro_batch, train.recompute: "
        "true, "
        "or more ranks");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("exception: ", error.what()));
  }
}

absl::Status CheckLauncher(const MpiSession& mpi, int launched) {
  if (mpi.size() == 1 && launched > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the launcher started ", launched,
        " processes, but MPI sees only this one: the mpirun in use belongs to "
        "another MPI library than ",
        mpi.version(), "; start with the mpirun of that library"));
  }
  return absl::OkStatus();
}

void Report(const absl::Status& status, int rank, int size,
            const std::string& host) {
  absl::SleepFor(absl::Seconds(SecondsBeforeReport(status, rank)));
  std::fflush(stdout);
  std::fputs(FailureMessage(status, rank, size, host).c_str(), stderr);
  std::fflush(stderr);
}

// Who watches this process.
struct Watch {
  ProgressBoard* board = nullptr;
  Watchdog* watchdog = nullptr;
  int64_t generation = 1;

  void Farewell(const absl::Status& status) const {
    if (watchdog != nullptr) watchdog->Finish(status);
  }
};

// This process's rank, before MPI can tell; 0 without a launcher.
int LaunchedRank(const std::function<const char*(const char*)>& lookup) {
  const char* text = lookup("OMPI_COMM_WORLD_RANK");
  if (text == nullptr) text = lookup("PMIX_RANK");
  return text == nullptr ? 0 : std::atoi(text);
}

// Watched: from before MPI's start to after its end.
int RunWatched(absl::Duration timeout, const Watch& watch,
               const std::function<absl::Status(
                   Communicator& world, const SessionInfo& info)>& body) {
  absl::StatusOr<std::unique_ptr<MpiSession>> mpi = MpiSession::Start();
  if (!mpi.ok()) return ReportEarlyFailure(mpi.status());
  const int rank = (*mpi)->rank(), size = (*mpi)->size();
  const SessionInfo info{(*mpi)->host(), (*mpi)->version(), watch.board,
                         watch.generation};
  if (watch.board != nullptr) watch.board->EnterPhase(Phase::kLoad);
  absl::Status status = CheckLauncher(**mpi, LaunchedRanks());
  if (status.ok()) {
    status = RunGuarded([&] {
      std::unique_ptr<Communicator> world = (*mpi)->World(timeout, watch.board);
      return body(*world, info);
    });
  }
  if (status.ok() || absl::IsCancelled(status)) {
    if (!status.ok() && rank == 0) Report(status, rank, size, info.host);
    if (watch.board != nullptr) watch.board->EnterPhase(Phase::kFinish);
    // Said before the ranks part: mpirun kills the others when the first one
    // leaves with 143.
    watch.Farewell(status);
    (*mpi)->Finish();
    return ExitCode(status);
  }
  // A wrong config is found by all ranks at once.
  if (rank > 0 && absl::IsInvalidArgument(status)) {
    absl::SleepFor(kRankZeroSpeaksFirst);
  }
  Report(status, rank, size, info.host);
  if (size == 1) {
    // Nobody to take along, and Abort adds ten lines of MPI's own.
    (*mpi)->Finish();
    watch.Farewell(status);
    return ExitCode(status);
  }
  watch.Farewell(status);
  (*mpi)->Abort(ExitCode(status));
  return ExitCode(status);  // Abort does not return; g++ 12 does not see it
}

}  // namespace

int LaunchedRanks() {
  return LaunchedWorldSize([](const char* name) { return std::getenv(name); });
}

int ReportEarlyFailure(const absl::Status& status) {
  if (LaunchedRank([](const char* name) { return std::getenv(name); }) == 0) {
    std::fputs(FailureMessage(status, 0, 1, "").c_str(), stderr);
  } else {
    absl::SleepFor(kRankZeroSpeaksFirst);
  }
  return ExitCode(status);
}

int RunSession(absl::Duration timeout,
               const std::function<absl::Status(
                   Communicator& world, const SessionInfo& info)>& body) {
  const auto lookup = [](const char* name) { return std::getenv(name); };
  const absl::StatusOr<std::optional<LaunchEnvironment>> launch =
      ReadLaunchEnvironment(lookup);
  if (!launch.ok()) return ReportEarlyFailure(launch.status());
  if (!launch->has_value()) return RunWatched(timeout, Watch(), body);
  ProgressBoard board;
  const absl::StatusOr<std::unique_ptr<Watchdog>> watchdog =
      Watchdog::Start(**launch, LaunchedRank(lookup), &board);
  if (!watchdog.ok()) return ReportEarlyFailure(watchdog.status());
  return RunWatched(timeout, {&board, watchdog->get(), (*launch)->generation},
                    body);
}

absl::StatusOr<std::string> OnRankZero(
    Communicator& world,
    const std::function<absl::StatusOr<std::string>()>& fn) {
  // Code, then text: both go to all ranks in one gather of strings.
  std::string message;
  if (world.rank() == 0) {
    const absl::StatusOr<std::string> result = fn();
    message = absl::StrCat(static_cast<int>(result.status().code()), ":",
                           result.ok() ? *result : result.status().message());
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> all,
                   AllGatherStrings(world, message));
  const size_t colon = all[0].find(':');
  const int code = std::atoi(all[0].substr(0, colon).c_str());
  std::string text = all[0].substr(colon + 1);
  if (code != 0) return absl::Status(static_cast<absl::StatusCode>(code), text);
  return text;
}

}  // namespace perdure

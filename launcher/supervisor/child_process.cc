#include "launcher/supervisor/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"

extern char** environ;

namespace perdure {
namespace {

// "NAME=value" of this process, with `variables` in place of their names'.
std::vector<std::string> Environment(
    const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : variables) {
      replaced = replaced || text.substr(0, text.find('=')) == name;
    }
    if (!replaced) result.emplace_back(text);
  }
  for (const auto& [name, value] : variables) {
    result.push_back(absl::StrCat(name, "=", value));
  }
  return result;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& s : strings) {
    pointers.push_back(const_cast<char*>(s.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

struct Pipe {
  int read = -1, write = -1;
  ~Pipe() {
    if (read >= 0) close(read);
    if (write >= 0) close(write);
  }
  absl::Status Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a pipe: ", strerror(errno)));
    }
    read = ends[0];
    write = ends[1];
    fcntl(read, F_SETFL, O_NONBLOCK);
    return absl::OkStatus();
  }
  int TakeRead() { return std::exchange(read, -1); }
};

// Parent of a process; 0 if it is gone.
pid_t ParentOf(pid_t pid) {
  // Files of /proc have no size.
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string stat;
  if (!std::getline(file, stat)) return 0;
  // "pid (name) state parent ...": the name may hold anything.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  const std::vector<absl::string_view> fields = absl::StrSplit(
      absl::string_view(stat).substr(name_end + 1), ' ', absl::SkipEmpty());
  int parent = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &parent)) return 0;
  return parent;
}

std::map<pid_t, pid_t> ParentsOfAll() {
  std::map<pid_t, pid_t> parents;
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory("/proc");
  if (!names.ok()) return parents;
  for (const std::string& name : *names) {
    int pid = 0;
    if (absl::SimpleAtoi(name, &pid)) parents[pid] = ParentOf(pid);
  }
  return parents;
}

bool DescendsFrom(const std::map<pid_t, pid_t>& parents, pid_t pid,
                  pid_t ancestor) {
  while (pid > 1) {
    const auto found = parents.find(pid);
    if (found == parents.end()) return false;
    pid = found->second;
    if (pid == ancestor) return true;
  }
  return false;
}

// Which network namespace a process is in; 0 if it is gone.
ino_t NetworkOf(pid_t pid) {
  struct stat info = {};
  const std::string path = absl::StrCat("/proc/", pid, "/ns/net");
  return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

}  // namespace

std::string ExitState::ToString() const {
  if (signal == 0) return absl::StrCat("exit code ", code);
  return absl::StrCat("signal ", signal, " (", strsignal(signal), ")");
}

ExitState ExitStateOf(int wait_status) {
  ExitState state;
  if (WIFSIGNALED(wait_status)) {
    state.signal = WTERMSIG(wait_status);
    state.code = 128 + state.signal;
  } else {
    state.code = WEXITSTATUS(wait_status);
  }
  return state;
}

absl::StatusOr<ChildProcess> ChildProcess::Start(
    const std::vector<std::string>& argv,
    const std::vector<std::pair<std::string, std::string>>& variables) {
  Pipe output, errors;
  RETURN_IF_ERROR(output.Open());
  RETURN_IF_ERROR(errors.Open());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.write, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // Signals that the supervisor handles itself are the child's own again.
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
                                            POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETSIGMASK);
  const std::vector<std::string> environment = Environment(variables);
  pid_t pid = 0;
  const int error =
      posix_spawnp(&pid, argv[0].c_str(), &actions, &attributes,
                   Pointers(argv).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat("cannot start ", argv[0], ": ", strerror(error)));
  }
  return ChildProcess(pid, output.TakeRead(), errors.TakeRead());
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      errors_(std::exchange(other.errors_, -1)),
      ended_(std::move(other.ended_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ > 0 && !Poll().has_value()) {
    SignalGroup(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) close(output_);
  if (errors_ >= 0) close(errors_);
}

void ChildProcess::Signal(int signal) {
  if (!ended_.has_value()) kill(pid_, signal);
}

void ChildProcess::SignalGroup(int signal) {
  if (!ended_.has_value()) kill(-pid_, signal);
}

std::optional<ExitState> ChildProcess::Poll() {
  if (ended_.has_value() || pid_ <= 0) return ended_;
  int status = 0;
  const pid_t found = waitpid(pid_, &status, WNOHANG);
  if (found == pid_) ended_ = ExitStateOf(status);
  // KillDescendants took it with the others, and ReapOrphans its exit state.
  if (found < 0 && errno == ECHILD) ended_ = ExitState{128 + SIGKILL, SIGKILL};
  return ended_;
}

void ReadAvailable(int fd, std::string* text) {
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
    text->append(buffer, static_cast<size_t>(got));
  }
}

void AdoptOrphans() { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int KillDescendants() {
  const pid_t self = getpid();
  const ino_t network = NetworkOf(self);
  const std::map<pid_t, pid_t> parents = ParentsOfAll();
  int killed = 0;
  for (const auto& [pid, parent] : parents) {
    if (DescendsFrom(parents, pid, self) && NetworkOf(pid) == network &&
        kill(pid, SIGKILL) == 0) {
      ++killed;
    }
  }
  return killed;
}

void ReapOrphans(pid_t but) {
  while (true) {
    siginfo_t ended = {};
    // Looks without taking: `but` is to be waited for by whoever started it.
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        ended.si_pid == 0 || ended.si_pid == but) {
      return;
    }
    waitpid(ended.si_pid, nullptr, WNOHANG);
  }
}

}  // namespace perdure

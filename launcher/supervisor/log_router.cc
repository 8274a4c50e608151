#include "launcher/supervisor/log_router.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr size_t kTailLines = 64;
// A rank that writes no newline is not to fill the memory.
constexpr size_t kLongestLine = 64 << 10;

}  // namespace

TaggedLine ParseTagged(absl::string_view line) {
  TaggedLine own{-1, true, line};
  absl::string_view rest = line;
  if (!absl::ConsumePrefix(&rest, "[")) return own;
  const size_t comma = rest.find(',');
  const size_t close = rest.find("]<std");
  if (comma == absl::string_view::npos || close == absl::string_view::npos ||
      comma > close) {
    return own;
  }
  TaggedLine tagged;
  if (!absl::SimpleAtoi(rest.substr(comma + 1, close - comma - 1),
                        &tagged.rank)) {
    return own;
  }
  rest = rest.substr(close + 2);
  if (absl::ConsumePrefix(&rest, "stderr>:")) {
    tagged.error = true;
  } else if (!absl::ConsumePrefix(&rest, "stdout>:")) {
    return own;
  }
  tagged.text = rest;
  return tagged;
}

LogRouter::LogRouter(std::string directory, Listener listener)
    : directory_(std::move(directory)), listener_(std::move(listener)) {}

void LogRouter::Drain(int fd) {
  char buffer[16384];
  std::string& pending = unfinished_[fd];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    pending.append(buffer, static_cast<size_t>(got));
    size_t begin = 0;
    for (size_t end = pending.find('\n'); end != std::string::npos;
         end = pending.find('\n', begin)) {
      Take(absl::string_view(pending).substr(begin, end - begin));
      begin = end + 1;
    }
    pending.erase(0, begin);
    if (pending.size() > kLongestLine) {
      Take(pending);
      pending.clear();
    }
  }
}

void LogRouter::Flush() {
  for (auto& [fd, line] : unfinished_) {
    if (!line.empty()) Take(line);
    line.clear();
  }
  for (auto& [rank, log] : logs_) {
    if (log.file != nullptr) std::fflush(log.file.get());
  }
}

std::deque<std::string> LogRouter::Tail(int rank) const {
  const auto found = logs_.find(rank);
  return found == logs_.end() ? std::deque<std::string>() : found->second.tail;
}

LogRouter::Log& LogRouter::LogOf(int rank) {
  const auto [found, fresh] = logs_.try_emplace(rank);
  if (fresh) {
    const std::string name =
        rank < 0 ? "mpirun.log" : absl::StrFormat("rank-%04d.log", rank);
    found->second.file.reset(
        std::fopen(JoinPath(directory_, name).c_str(), "ae"));
  }
  return found->second;
}

void LogRouter::Take(absl::string_view line) {
  const TaggedLine tagged = ParseTagged(line);
  Log& log = LogOf(tagged.rank);
  if (log.file != nullptr) {
    const std::string time =
        absl::FormatTime("%H:%M:%E3S", absl::Now(), absl::UTCTimeZone());
    std::fprintf(log.file.get(), "%s %s%.*s\n", time.c_str(),
                 tagged.error ? "! " : "", static_cast<int>(tagged.text.size()),
                 tagged.text.data());
    if (tagged.error) std::fflush(log.file.get());
  }
  log.tail.emplace_back(tagged.text);
  if (log.tail.size() > kTailLines) log.tail.pop_front();
  listener_(tagged);
}

}  // namespace perdure

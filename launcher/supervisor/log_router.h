#ifndef PERDURE_LAUNCHER_SUPERVISOR_LOG_ROUTER_H_
#define PERDURE_LAUNCHER_SUPERVISOR_LOG_ROUTER_H_

// Takes mpirun's tagged output apart: a file for every rank and one for mpirun
// itself, each line with the time of its arrival.

#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// A line of mpirun --tag-output: "[1,3]<stdout>:text".
struct TaggedLine {
  int rank = -1;  // -1: mpirun's own
  bool error = false;
  absl::string_view text;
};
TaggedLine ParseTagged(absl::string_view line);

class LogRouter {
 public:
  // Called for every whole line.
  using Listener = std::function<void(const TaggedLine& line)>;
  // Files rank-0003.log and mpirun.log in `directory`, which exists.
  LogRouter(std::string directory, Listener listener);

  // Reads what there is from a non-blocking descriptor.
  void Drain(int fd);
  // Lines that did not end.
  void Flush();
  // The last lines of a rank (-1: mpirun), oldest first.
  std::deque<std::string> Tail(int rank) const;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct Log {
    std::unique_ptr<std::FILE, Closer> file;  // null if it cannot be opened
    std::deque<std::string> tail;
  };
  Log& LogOf(int rank);
  void Take(absl::string_view line);

  const std::string directory_;
  const Listener listener_;
  std::map<int, Log> logs_;
  std::map<int, std::string> unfinished_;  // by descriptor
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_LOG_ROUTER_H_

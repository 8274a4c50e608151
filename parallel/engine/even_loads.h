#ifndef PERDURE_PARALLEL_ENGINE_EVEN_LOADS_H_
#define PERDURE_PARALLEL_ENGINE_EVEN_LOADS_H_

// Cutting a line of bytes among holders that are not equally loaded.

#include <cstdint>
#include <vector>

namespace perdure {

// How much of `bytes` each of the holders gets so that the largest load is as
// small as it can be: those with the least are filled up first. The parts add
// up to `bytes`.
std::vector<int64_t> LevelLoads(const std::vector<int64_t>& loads,
                                int64_t bytes);

// Elements [begin, end) of a tensor, to be cut at multiples of `unit` elements
// from the tensor's begin; unit 1: anywhere, and at whole pages if it is long.
struct LineRun {
  uint32_t tensor = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t unit = 1;
  int64_t element = 1;  // bytes
  int64_t bytes() const { return (end - begin) * element; }
};

// A part of a line: elements [begin, end) of `tensor`.
struct LinePart {
  uint32_t tensor = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t bytes = 0;
};

// Cuts runs, laid end to end, into one contiguous part for each target, whose
// sum is the line's length; each cut is moved to the nearest place where its
// run may be cut.
std::vector<std::vector<LinePart>> CutLine(const std::vector<LineRun>& line,
                                           const std::vector<int64_t>& targets);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_EVEN_LOADS_H_

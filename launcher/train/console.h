#ifndef PERDURE_LAUNCHER_TRAIN_CONSOLE_H_
#define PERDURE_LAUNCHER_TRAIN_CONSOLE_H_

#include <string>
#include <utility>
#include <vector>

#include "parallel/engine/accuracy.h"

namespace perdure {

// Rows "  name   value" with the names in one column; a row with an empty name
// goes on under the value above, one with an empty value is a heading.
std::string FormatTable(
    const std::vector<std::pair<std::string, std::string>>& rows);

// "0.9140 (95 % interval 0.8930 to 0.9312, 872 examples)".
std::string DescribeAccuracy(const Accuracy& accuracy);

// Whether a person watches standard output.
bool StdoutIsTerminal();

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_CONSOLE_H_

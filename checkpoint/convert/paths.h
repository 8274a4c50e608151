#ifndef PERDURE_CHECKPOINT_CONVERT_PATHS_H_
#define PERDURE_CHECKPOINT_CONVERT_PATHS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

// A directory that is to be made: where, its name, and the hidden name that it
// has until it is complete.
struct NewDirectory {
  std::string parent;
  std::string name;
  std::string temporary;
};
NewDirectory SplitNewDirectory(absl::string_view path);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_PATHS_H_

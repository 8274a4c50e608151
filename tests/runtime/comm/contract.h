#ifndef PERDURE_TESTS_RUNTIME_COMM_CONTRACT_H_
#define PERDURE_TESTS_RUNTIME_COMM_CONTRACT_H_

// What every communicator must do, as functions that all ranks of a world run.
// They return the first broken promise. Oracles are computed on each rank from
// what every rank is known to contribute.

#include <vector>

#include "runtime/comm/communicator.h"

namespace perdure {

struct ContractCase {
  const char* name;
  absl::Status (*run)(Communicator& world);
};

// Cases for any world of >= 1 ranks.
const std::vector<ContractCase>& CollectiveCases();
const std::vector<ContractCase>& MessageCases();
const std::vector<ContractCase>& GroupCases();

// Returns Internal with the place and the condition unless it holds.
#define RETURN_UNLESS(condition, text)                                   \
  do {                                                                   \
    if (!(condition)) {                                                  \
      return absl::InternalError(absl::StrCat(                           \
          __FILE__, ":", __LINE__, ": not ", #condition, ": ", (text))); \
    }                                                                    \
  } while (false)

}  // namespace perdure

#endif  // PERDURE_TESTS_RUNTIME_COMM_CONTRACT_H_

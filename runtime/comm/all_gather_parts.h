#ifndef PERDURE_RUNTIME_COMM_ALL_GATHER_PARTS_H_
#define PERDURE_RUNTIME_COMM_ALL_GATHER_PARTS_H_

#include <vector>

#include "runtime/comm/communicator.h"

namespace perdure {

// Collective. An all-gather of parts that differ in size: rank r gives bytes[r]
// bytes, which all ranks know. (*parts)[r] is rank r's on all of them. Every
// part travels once to each other rank, nothing is padded: for the few bytes of
// a zeroth-order step.
absl::Status AllGatherParts(Communicator& comm, const void* mine,
                            const std::vector<uint64_t>& bytes,
                            std::vector<std::vector<char>>* parts);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_ALL_GATHER_PARTS_H_

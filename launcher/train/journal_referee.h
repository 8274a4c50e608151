#ifndef PERDURE_LAUNCHER_TRAIN_JOURNAL_REFEREE_H_
#define PERDURE_LAUNCHER_TRAIN_JOURNAL_REFEREE_H_

// Where replicas hold different weights and there is no majority: what a
// zeroth-order run's weights must be follows from its files.

#include <cstdint>
#include <string>
#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/replica_digests.h"

namespace perdure {

enum class Opinion : uint8_t {
  kNone,   // the files cannot be read here, or do not say
  kRight,  // this rank's weights are those of the journal
  kWrong,
};

// Of this rank's weights after `step`, whose digests are `mine`
// (DigestReplica). Not collective; takes as long as a resume.
Opinion AskJournal(const std::string& run_dir, int64_t step, int threads,
                   const ModelRuntime& runtime,
                   const std::vector<TensorDigest>& mine);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_JOURNAL_REFEREE_H_

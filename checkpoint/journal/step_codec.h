#ifndef PERDURE_CHECKPOINT_JOURNAL_STEP_CODEC_H_
#define PERDURE_CHECKPOINT_JOURNAL_STEP_CODEC_H_

// Steps as the journal stores them.

#include "checkpoint/journal/journal.pb.h"
#include "runtime/state/step_record.h"

namespace perdure {

JournalStep EncodeStep(const StepRecord& record);

// What can be worked out is not stored: projected_grad (with `constants`, those
// of the step's generation), grad_norm of a zeroth-order step,
// signal_to_noise. The bytes sent are forgotten.
StepRecord DecodeStep(const JournalStep& message,
                      const JournalConstants& constants);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_STEP_CODEC_H_

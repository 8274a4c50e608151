#include "checkpoint/journal/step_codec.h"

#include <cmath>

#include "runtime/state/train_state.h"

namespace perdure {
namespace {

// As parallel/zeroth_order/estimator.cc has it, in the same order.
void WorkOutGradients(const ZerothOrderConfig& config, StepRecord* record) {
  const bool central = config.estimator() == ZerothOrderConfig::CENTRAL;
  const double eps = config.eps_is_lr() ? record->learning_rate : config.eps();
  const double scale = central ? 2 * eps : eps;
  const double directions = static_cast<double>(record->loss_plus.size());
  double grad_squared = 0;
  for (size_t k = 0; k < record->loss_plus.size(); ++k) {
    const double reference =
        k < record->loss_minus.size() ? record->loss_minus[k] : record->loss;
    const double g = (record->loss_plus[k] - reference) / scale;
    record->projected_grad.push_back(g);
    grad_squared += g * g / directions;
  }
  record->grad_norm = std::sqrt(grad_squared);
}

}  // namespace

JournalStep EncodeStep(const StepRecord& record) {
  JournalStep message;
  message.set_step(record.step);
  message.set_loss(record.loss);
  message.set_tokens(record.tokens);
  message.set_samples_end(record.samples_end);
  message.set_learning_rate(record.learning_rate);
  message.set_seconds(static_cast<float>(record.seconds));
  if (record.skipped) message.set_skipped(true);
  if (!record.zeroth_order()) {
    message.set_grad_norm(record.grad_norm);
    return message;
  }
  message.mutable_coefficients()->Assign(record.coefficients.begin(),
                                         record.coefficients.end());
  if (record.decay != 1) message.set_decay(record.decay);
  message.set_grad_squared(record.grad_squared);
  message.set_error_squared(record.error_squared);
  message.mutable_loss_plus()->Assign(record.loss_plus.begin(),
                                      record.loss_plus.end());
  message.mutable_loss_minus()->Assign(record.loss_minus.begin(),
                                       record.loss_minus.end());
  return message;
}

StepRecord DecodeStep(const JournalStep& message,
                      const JournalConstants& constants) {
  StepRecord record;
  record.step = message.step();
  record.loss = message.loss();
  record.tokens = message.tokens();
  record.samples_end = message.samples_end();
  record.learning_rate = message.learning_rate();
  record.seconds = message.seconds();
  record.skipped = message.skipped();
  record.grad_norm = message.grad_norm();
  record.coefficients.assign(message.coefficients().begin(),
                             message.coefficients().end());
  record.decay = message.decay();
  record.grad_squared = message.grad_squared();
  record.error_squared = message.error_squared();
  record.loss_plus.assign(message.loss_plus().begin(),
                          message.loss_plus().end());
  record.loss_minus.assign(message.loss_minus().begin(),
                           message.loss_minus().end());
  if (!record.zeroth_order()) return record;
  WorkOutGradients(constants.zeroth_order(), &record);
  RunState after;
  Advance(record, &after);
  record.signal_to_noise = SignalToNoise(after);
  return record;
}

}  // namespace perdure

#include "parallel/engine/train_engine.h"

namespace perdure {

absl::StatusOr<SavedPieces> TrainEngine::Pieces() {
  return CollectPieces(SaveMap(), runtime().groups().world->rank(),
                       [this](StateSink* sink) { return Give(sink); });
}

}  // namespace perdure

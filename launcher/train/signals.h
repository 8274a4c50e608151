#ifndef PERDURE_LAUNCHER_TRAIN_SIGNALS_H_
#define PERDURE_LAUNCHER_TRAIN_SIGNALS_H_

namespace perdure {

// SIGUSR1 and SIGTERM from here on only raise a flag, which the train loop
// reads between steps; a second SIGTERM ends the process as usual. The one
// process-wide state of Perdure: signal handlers have no other way.
void InstallStopSignals();
// 0, or the number of the signal that came.
int StopSignal();

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_SIGNALS_H_

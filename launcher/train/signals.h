#ifndef PERDURE_LAUNCHER_TRAIN_SIGNALS_H_
#define PERDURE_LAUNCHER_TRAIN_SIGNALS_H_

namespace perdure {

// SIGUSR1, SIGUSR2 and SIGTERM from here on only raise a flag, which the train
// loop reads between steps; a second SIGTERM ends the process as usual. The one
// process-wide state of Perdure: signal handlers have no other way.
void InstallStopSignals();
// 0, or the number of the signal that came: SIGUSR1 and SIGTERM, which stay, or
// SIGUSR2 (save and go on), until SavedOnSignal.
int StopSignal();
// What SIGUSR2 asked for until now is done.
void SavedOnSignal();

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_SIGNALS_H_

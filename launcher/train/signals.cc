#include "launcher/train/signals.h"

#include <csignal>

namespace perdure {
namespace {

volatile std::sig_atomic_t stop_signal = 0;
volatile std::sig_atomic_t save_asked = 0;

void Remember(int signal) {
  if (signal == SIGUSR2) {
    save_asked = 1;
    return;
  }
  if (stop_signal != 0 && signal == SIGTERM) {
    std::signal(SIGTERM, SIG_DFL);
    std::raise(SIGTERM);
  }
  stop_signal = signal;
}

}  // namespace

void InstallStopSignals() {
  struct sigaction action = {};
  action.sa_handler = Remember;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  sigaction(SIGUSR2, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int StopSignal() {
  if (stop_signal != 0) return stop_signal;
  return save_asked != 0 ? SIGUSR2 : 0;
}

void SavedOnSignal() { save_asked = 0; }

}  // namespace perdure

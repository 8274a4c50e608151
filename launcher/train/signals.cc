#include "launcher/train/signals.h"

#include <csignal>

namespace perdure {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

void Remember(int signal) {
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
  sigaction(SIGTERM, &action, nullptr);
}

int StopSignal() { return stop_signal; }

}  // namespace perdure

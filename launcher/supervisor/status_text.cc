#include "launcher/supervisor/status_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace perdure {
namespace {

std::string Clock(double unix_seconds) {
  return absl::FormatTime(
      "%Y-%m-%d %H:%M:%S",
      absl::FromUnixMillis(static_cast<int64_t>(unix_seconds * 1e3)),
      absl::UTCTimeZone());
}

// What a line of history says of an event; "" for kinds it leaves out.
std::string Describe(const Event& event) {
  if (event.kind == "launch") {
    return absl::StrFormat("launch of %.0f ranks", event.Number("ranks"));
  }
  if (event.kind == "generation") {
    return absl::StrFormat("generation %.0f starts on %.0f ranks",
                           event.Number("generation"), event.Number("ranks"));
  }
  if (event.kind == "incident") {
    return absl::StrFormat("incident %.0f: %s at step %.0f: %s; %s",
                           event.Number("number"), event.Text("fault"),
                           event.Number("step"), event.Text("what"),
                           event.Text("why"));
  }
  if (event.kind == "swap") return event.Text("why");
  if (event.kind == "recovered" || event.kind == "moved") {
    return absl::StrFormat(
        "goes on at step %.0f on %.0f ranks, %.2f s after %s (seen %.2f, ended "
        "%.2f, probed %.2f, started %.2f, loaded %.2f, step %.2f)",
        event.Number("step"), event.Number("ranks"), event.Number("seconds"),
        event.kind == "moved" ? "the ranks were asked to move" : "the fault",
        event.Number("detect_seconds"), event.Number("kill_seconds"),
        event.Number("probe_seconds"), event.Number("start_seconds"),
        event.Number("load_seconds"), event.Number("step_seconds"));
  }
  if (event.kind == "end") {
    return absl::StrFormat("end, exit code %.0f: %s", event.Number("exit_code"),
                           event.Text("why"));
  }
  return "";
}

}  // namespace

std::string StatusText(const LaunchStatus& status) {
  const std::string wanted = status.wanted_ranks() > status.ranks()
                                 ? absl::StrCat(" of ", status.wanted_ranks())
                                 : "";
  std::string text = absl::StrFormat(
      "%s, generation %d, %d%s ranks, up %s\nstep %d of %d, loss %.4f\n",
      status.state(), status.generation(), status.ranks(), wanted,
      absl::FormatDuration(
          absl::Trunc(absl::Seconds(status.uptime()), absl::Seconds(1))),
      status.step(), status.total_steps(), status.loss());
  absl::StrAppend(&text, status.incidents(), " incidents, ", status.restarts(),
                  " restarts, ", status.dropped_datagrams(),
                  " datagrams dropped, ", status.denied_requests(),
                  " requests denied\n");
  for (const LaunchRank& rank : status.rank()) {
    absl::StrAppend(&text, "  ", rank.doing(), "\n");
  }
  if (status.ranks_left_out() > 0) {
    absl::StrAppend(&text, "  and ", status.ranks_left_out(), " more\n");
  }
  if (!status.last_incident().empty()) {
    absl::StrAppend(&text, "last ", status.last_incident());
  }
  return text;
}

std::string HistoryText(const std::vector<Event>& events) {
  std::string text;
  double running = 0, lost = 0, began = 0;
  int incidents = 0;
  for (const Event& event : events) {
    const std::string what = Describe(event);
    if (!what.empty()) {
      absl::StrAppend(&text, Clock(event.unix_seconds), "  ", what, "\n");
    }
    if (event.kind == "launch") began = event.unix_seconds;
    if (event.kind == "end" && began > 0) {
      running += event.unix_seconds - began;
      began = 0;
    }
    if (event.kind == "incident") ++incidents;
    if (event.kind == "recovered" || event.kind == "moved")
      lost += event.Number("seconds");
  }
  if (began > 0) running += events.back().unix_seconds - began;
  absl::StrAppendFormat(&text, "%d incidents, %.1f s lost of %.1f s", incidents,
                        lost, running);
  if (running > 0) {
    absl::StrAppendFormat(&text, ": effective training time ratio %.4f",
                          std::max(0.0, 1 - lost / running));
  }
  return text + "\n";
}

}  // namespace perdure

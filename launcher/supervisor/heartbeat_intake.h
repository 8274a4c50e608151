#ifndef PERDURE_LAUNCHER_SUPERVISOR_HEARTBEAT_INTAKE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_HEARTBEAT_INTAKE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "launcher/control/datagram.h"
#include "launcher/supervisor/rank_table.h"

namespace perdure {

// Takes a datagram in that arrived at `now`: the sealed answer to send back, or
// none for one that is no heartbeat of this job. Such a one changes nothing in
// `table` but its counters.
std::optional<std::string> TakeDatagram(const JobKey& key,
                                        absl::string_view datagram, double now,
                                        RankTable* table);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_HEARTBEAT_INTAKE_H_

#include "launcher/supervisor/slurm.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "launcher/supervisor/run_program.h"

namespace perdure {
namespace {

constexpr double kScontrolSeconds = 10;

std::string Value(const std::function<const char*(const char*)>& lookup,
                  const char* name) {
  const char* value = lookup(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::optional<SlurmJob> ReadSlurmJob(
    const std::function<const char*(const char*)>& lookup) {
  SlurmJob job;
  job.id = Value(lookup, "SLURM_JOB_ID");
  job.nodes = Value(lookup, "SLURM_JOB_NODELIST");
  if (job.id.empty() || job.nodes.empty()) return std::nullopt;
  job.tasks_per_node = Value(lookup, "SLURM_TASKS_PER_NODE");
  job.this_node = Value(lookup, "SLURMD_NODENAME");
  return job;
}

absl::StatusOr<std::vector<int>> ParseTasksPerNode(absl::string_view text) {
  std::vector<int> tasks;
  for (absl::string_view entry : absl::StrSplit(text, ',')) {
    int count = 0, times = 1;
    const size_t bracket = entry.find('(');
    absl::string_view repeated =
        bracket == absl::string_view::npos ? "" : entry.substr(bracket);
    const bool good =
        absl::SimpleAtoi(entry.substr(0, bracket), &count) && count >= 1 &&
        (repeated.empty() || (absl::ConsumePrefix(&repeated, "(x") &&
                              absl::ConsumeSuffix(&repeated, ")") &&
                              absl::SimpleAtoi(repeated, &times) &&
                              times >= 1 && times <= 1 << 20));
    if (!good) {
      return absl::InvalidArgumentError(
          absl::StrCat("SLURM_TASKS_PER_NODE '", text,
                       "' is not like 4 or 4(x2),1; give --hosts"));
    }
    tasks.insert(tasks.end(), static_cast<size_t>(times), count);
  }
  return tasks;
}

absl::StatusOr<std::vector<HostSlots>> SlurmHosts(const SlurmJob& job) {
  if (job.tasks_per_node.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Slurm job ", job.id,
                     " says nothing of tasks per node (SLURM_TASKS_PER_NODE): "
                     "submit it with "
                     "--ntasks-per-node, or give --hosts"));
  }
  ASSIGN_OR_RETURN(const std::vector<int> tasks,
                   ParseTasksPerNode(job.tasks_per_node));
  ASSIGN_OR_RETURN(const std::string names,
                   RunProgram({"scontrol", "show", "hostnames", job.nodes}, {},
                              kScontrolSeconds));
  std::vector<HostSlots> hosts;
  for (const absl::string_view name :
       absl::StrSplit(names, '\n', absl::SkipWhitespace())) {
    if (hosts.size() == tasks.size()) break;
    hosts.push_back({std::string(name), tasks[hosts.size()]});
  }
  if (hosts.size() == tasks.size()) return hosts;
  return absl::FailedPreconditionError(absl::StrCat(
      "Slurm job ", job.id, ": ", hosts.size(), " hosts in '", job.nodes,
      "' but tasks for ", tasks.size(), "; give --hosts"));
}

}  // namespace perdure

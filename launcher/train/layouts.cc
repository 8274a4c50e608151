#include "launcher/train/layouts.h"

#include <google/protobuf/text_format.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "launcher/train/machine_speed.h"
#include "launcher/train/memory_plan.h"
#include "launcher/train/step_time.h"
#include "parallel/zeroth_order/probes.h"
#include "runtime/base/text.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

// Left to the system and to what the plan does not count.
constexpr double kUsableMemory = 0.9;
constexpr int kMostRanks = 1 << 16;

// At most so many directions' signs can be given out.
int MostPerturbation(const RunConfig& config) {
  if (config.train().method() != TrainConfig::ZEROTH_ORDER) return 1;
  return static_cast<int>(ProbesOf(config.zeroth_order()).size());
}

std::string MemoryProblem(uint64_t rank_bytes, int ranks_on_node,
                          const MachineSpeed& speed) {
  const double needed = static_cast<double>(rank_bytes) * ranks_on_node;
  const double usable =
      kUsableMemory * static_cast<double>(speed.node_memory());
  if (needed <= usable) return "";
  return absl::StrCat(ranks_on_node, " ranks of ", HumanBytes(rank_bytes),
                      " exceed the ", HumanBytes(static_cast<uint64_t>(usable)),
                      " of a node");
}

uint64_t MostBytes(const RunConfig& config, const Topology& topology) {
  uint64_t most = 0;
  // Replicas differ by their shares, of which the first are the largest.
  for (int pp = 0; pp < topology.pp(); ++pp) {
    const int rank = topology.RankOf({pp, 0, 0, 0, 0});
    most = std::max(most, PlanMemory(config, topology, rank).total());
  }
  return most;
}

void Judge(const RunConfig& config, const LayoutRequest& request,
           const MachineSpeed& speed, Layout* layout) {
  TopologyConfig degrees;
  degrees.set_pp(layout->pp());
  degrees.set_dp(layout->dp());
  degrees.set_pertp(layout->pertp());
  degrees.set_tp(layout->tp());
  const absl::StatusOr<Topology> topology =
      Topology::Create(degrees, request.ranks);
  if (!topology.ok()) {
    layout->set_problem(std::string(topology.status().message()));
    return;
  }
  const std::vector<std::string> problems =
      CheckModelTopology(config.model(), *topology);
  if (!problems.empty()) {
    layout->set_problem(absl::StrJoin(problems, "; "));
    return;
  }
  layout->set_rank_bytes(MostBytes(config, *topology));
  const int on_node = std::min(request.ranks, request.ranks_per_node);
  const std::string problem =
      MemoryProblem(layout->rank_bytes(), on_node, speed);
  if (!problem.empty()) layout->set_problem(problem);
  const StepTime time =
      ModelStepTime(config, *topology, request.ranks_per_node, speed);
  layout->set_compute_seconds(time.compute);
  layout->set_memory_seconds(time.memory);
  layout->set_link_seconds(time.links);
}

}  // namespace

absl::StatusOr<std::vector<LayoutRequest>> ParseLayoutRequests(
    absl::string_view text) {
  std::vector<LayoutRequest> requests;
  for (const absl::string_view entry : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(entry, '@');
    LayoutRequest request;
    bool good = parts.size() <= 2 &&
                absl::SimpleAtoi(parts[0], &request.ranks) &&
                request.ranks >= 1 && request.ranks <= kMostRanks;
    request.ranks_per_node = request.ranks;
    if (good && parts.size() == 2) {
      good = absl::SimpleAtoi(parts[1], &request.ranks_per_node) &&
             request.ranks_per_node >= 1;
    }
    if (!good) {
      return absl::InvalidArgumentError(
          absl::StrCat("--layouts: '", entry,
                       "' is not RANKS or RANKS@RANKS_PER_NODE, such as 8@4"));
    }
    requests.push_back(request);
  }
  return requests;
}

LayoutTable ListLayouts(const RunConfig& config, const LayoutRequest& request,
                        const MachineSpeed& speed) {
  LayoutTable table;
  table.set_ranks(request.ranks);
  table.set_ranks_per_node(request.ranks_per_node);
  const int most_pertp = MostPerturbation(config);
  for (int tp = 1; tp <= request.ranks; ++tp) {
    if (request.ranks % tp != 0) continue;
    for (int pertp = 1; pertp <= most_pertp; ++pertp) {
      if (request.ranks % (tp * pertp) != 0) continue;
      for (int pp = 1; pp <= request.ranks / (tp * pertp); ++pp) {
        if (request.ranks % (tp * pertp * pp) != 0) continue;
        Layout* layout = table.add_layout();
        layout->set_pp(pp);
        layout->set_dp(request.ranks / (tp * pertp * pp));
        layout->set_pertp(pertp);
        layout->set_tp(tp);
        Judge(config, request, speed, layout);
      }
    }
  }
  return table;
}

absl::StatusOr<std::string> LayoutsText(const RunConfig& config,
                                        const std::string& requests,
                                        const std::string& run_dir) {
  ASSIGN_OR_RETURN(const std::vector<LayoutRequest> wanted,
                   ParseLayoutRequests(requests));
  bool measured = false;
  LayoutTables tables;
  *tables.mutable_speed() = KnownMachineSpeed(run_dir, &measured);
  tables.set_measured(measured);
  tables.set_zeroth_order(config.train().method() == TrainConfig::ZEROTH_ORDER);
  tables.set_tp(config.topology().tp());
  for (const LayoutRequest& request : wanted) {
    *tables.add_table() = ListLayouts(config, request, tables.speed());
  }
  std::string text;
  google::protobuf::TextFormat::PrintToString(tables, &text);
  return text;
}

}  // namespace perdure

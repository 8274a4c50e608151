#include "launcher/train/startup.h"

#include "absl/strings/str_cat.h"
#include "launcher/train/console.h"
#include "launcher/train/environment.h"
#include "launcher/train/plan.h"
#include "runtime/base/text.h"

namespace perdure {

std::string StartupTable(const RunConfig& config, const Topology& topology,
                         const StartupFacts& facts) {
  TableRows rows;
  rows.emplace_back(absl::StrCat("Perdure ", Version()), "");
  rows.emplace_back("host", facts.session.host);
  rows.emplace_back("device", facts.device);
  rows.emplace_back("peak",
                    absl::StrCat(HumanCount(facts.peak_flops),
                                 "FLOP/s measured, all ranks together"));
  rows.emplace_back("mpi", facts.session.mpi_version);
  for (auto& row : PlanRows(config, topology)) rows.push_back(std::move(row));
  rows.emplace_back("train data", facts.train_data);
  if (!facts.val_data.empty()) rows.emplace_back("val data", facts.val_data);
  rows.emplace_back("weights", facts.weights);
  rows.emplace_back("run directory", facts.run_dir);
  if (!facts.journal.empty()) {
    rows.emplace_back("journal", absl::StrCat("two copies, ", facts.journal));
  }
  return FormatTable(rows);
}

}  // namespace perdure

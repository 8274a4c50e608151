// convert, import, export, rules.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/convert/convert.h"
#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/convert/rule_sets.h"
#include "checkpoint/convert/verbs.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

absl::StatusOr<int> ConvertAndReport(const ConvertOptions& options,
                                     const CheckpointOutput& output) {
  ByteProgressLine line(output.progress);
  const auto report = Convert(options, [&](uint64_t done, uint64_t total) {
    line.Update(done, total);
  });
  RETURN_IF_ERROR(report.status());
  output.out << report->target << ": " << report->tensors << " tensors, "
             << HumanBytes(report->bytes) << ", " << report->from << " to "
             << report->to << " in " << HumanDuration(line.seconds()) << ", "
             << RateText(report->bytes, line.seconds()) << "\n";
  if (!options.config.empty()) {
    output.out << "go on with: --run_dir=" << options.target
               << " --config=" << options.config << " --resume\n";
  }
  if (report->resumed > 0) {
    output.out << "gone on: " << report->resumed << " tensors, "
               << HumanBytes(report->resumed_bytes)
               << ", were there already, and good\n";
  }
  for (const std::string& note : report->notes) {
    output.out << "note: " << note << "\n";
  }
  return 0;
}

}  // namespace

absl::StatusOr<int> RunConvert(const Operands& operands,
                               const CheckpointFlags& flags,
                               const CheckpointOutput& output) {
  return ConvertAndReport({operands[0], operands[1], flags.from, flags.to,
                           flags.rules, flags.model, flags.dtype, flags.config},
                          output);
}

absl::StatusOr<int> RunImport(const Operands& operands, const CheckpointFlags&,
                              const CheckpointOutput& output) {
  ConvertOptions options;
  options.source = operands[0];
  options.target = operands[1];
  options.to = "perdure";
  return ConvertAndReport(options, output);
}

absl::StatusOr<int> RunExport(const Operands& operands,
                              const CheckpointFlags& flags,
                              const CheckpointOutput& output) {
  const ByteProgressLine line(nullptr);
  RETURN_IF_ERROR(ExportHuggingFace(operands[0], operands[1],
                                    {.merge_lora = flags.merge_lora}));
  output.out << operands[1] << ": exported from " << operands[0] << " in "
             << HumanDuration(line.seconds()) << "\n";
  return 0;
}

absl::StatusOr<int> RunRules(const Operands& operands, const CheckpointFlags&,
                             const CheckpointOutput& output) {
  std::vector<std::string> names;
  for (const RuleSetText& set : ShippedRuleSets()) {
    names.push_back(set.name);
    if (operands.empty()) {
      ASSIGN_OR_RETURN(const ConversionRules rules,
                       ParseRules(set.text, set.name));
      output.out << absl::StrFormat("%-15s  %s\n", set.name, rules.about());
    } else if (operands[0] == set.name) {
      output.out << set.text;
      return 0;
    }
  }
  if (operands.empty()) return 0;
  return absl::NotFoundError(absl::StrCat("no set of rules is called '",
                                          operands[0], "'",
                                          DidYouMean(operands[0], names)));
}

}  // namespace perdure

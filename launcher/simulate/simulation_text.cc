#include "launcher/simulate/simulation_text.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using google::protobuf::FieldDescriptor;

class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber,
                const std::string& message) override {
    if (text.empty()) text = absl::StrCat(line + 1, ": ", message);
  }
  std::string text;
};

absl::Status MergeFile(const std::string& path, Simulation* simulation) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (parser.MergeFromString(text, simulation)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path, ":", error.text));
}

absl::Status SetField(const std::string& name, const std::string& value,
                      Simulation* simulation) {
  const auto* descriptor = Simulation::descriptor();
  const FieldDescriptor* field = descriptor->FindFieldByName(name);
  if (field == nullptr) {
    std::vector<std::string> names;
    for (int i = 0; i < descriptor->field_count(); ++i) {
      names.push_back(descriptor->field(i)->name());
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "a simulation has no '", name, "'", DidYouMean(name, names)));
  }
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (parser.ParseFieldValueFromString(value, field, simulation)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": '", value, "' is no ", field->cpp_type_name()));
}

}  // namespace

absl::StatusOr<Simulation> ReadSimulation(
    const std::vector<std::string>& words) {
  Simulation simulation;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      RETURN_IF_ERROR(MergeFile(word, &simulation));
    } else {
      RETURN_IF_ERROR(SetField(word.substr(0, equals), word.substr(equals + 1),
                               &simulation));
    }
  }
  RETURN_IF_ERROR(CheckSimulation(simulation));
  return simulation;
}

absl::Status CheckSimulation(const Simulation& simulation) {
  const double ranks =
      static_cast<double>(simulation.nodes()) * simulation.ranks_per_node();
  const struct {
    const char* name;
    double value, least, most;
  } ranges[] = {
      {"days", simulation.days(), 0.001, 36500},
      {"nodes", static_cast<double>(simulation.nodes()), 1, 1e6},
      {"ranks_per_node", static_cast<double>(simulation.ranks_per_node()), 1,
       1024},
      {"spares", static_cast<double>(simulation.spares()), 0, 1e6},
      {"node_mtbf_hours", simulation.node_mtbf_hours(), 0.001, 1e9},
      {"host_share", simulation.host_share(), 0, 1},
      {"repair_hours", simulation.repair_hours(), 0, 1e6},
      {"replica_ranks", static_cast<double>(simulation.replica_ranks()), 1,
       ranks},
      {"step_seconds", simulation.step_seconds(), 1e-4, 1e6},
      {"snapshot_interval_seconds", simulation.snapshot_interval_seconds(),
       0.001, 1e9},
      {"snapshot_cost_seconds", simulation.snapshot_cost_seconds(), 0, 1e6},
      {"detect_seconds", simulation.detect_seconds(), 0, 1e6},
      {"restart_seconds", simulation.restart_seconds(), 0, 1e6},
      {"load_seconds", simulation.load_seconds(), 0, 1e6},
      {"probe_seconds", simulation.probe_seconds(), 0.001, 1e6},
      {"cooldown_seconds", simulation.cooldown_seconds(), 0.001, 1e6},
      {"min", static_cast<double>(simulation.min()), 0, ranks},
      {"trials", static_cast<double>(simulation.trials()), 1, 1000},
  };
  for (const auto& range : ranges) {
    if (range.value >= range.least && range.value <= range.most) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("simulation: ", range.name, " = ", range.value,
                     " is not within ", range.least, " and ", range.most));
  }
  return absl::OkStatus();
}

}  // namespace perdure

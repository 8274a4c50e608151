// generate: continues a text with a trained model.

#include <gflags/gflags.h>

#include "launcher/train/generate_run.h"
#include "launcher/train/program.h"

DEFINE_string(model, "",
              "Hugging Face directory, snapshot or run directory (its newest "
              "snapshot)");
DEFINE_string(prompt, "", "text to continue");
DEFINE_string(prompt_ids, "", "token ids to continue instead, as 1,2,3");
DEFINE_int64(max_new_tokens, 100, "how many tokens to add");
DEFINE_double(temperature, 0, "0: the likeliest token; 1: as the model says");
DEFINE_int32(top_k, 0, "sample among the k likeliest tokens; 0: all");
DEFINE_uint64(seed, 1, "of sampling");
DEFINE_bool(print_ids, false, "print prompt and new ids as the last line");
DEFINE_bool(stop_at_end, false, "stop at the tokenizer's end-of-text token");
DEFINE_string(set, "",
              "path=value: topology.* and train.threads_per_rank; may be "
              "repeated");

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "continues a text with a trained model, over any tensor- and "
      "pipeline-parallel ranks.\n\n"
      "  generate --model runs/a --prompt 'In the beginning' --max_new_tokens "
      "200 --temperature 0.8\n"
      "  mpirun -n 4 generate --model DIR --prompt_ids 1 --set topology.tp=2 "
      "--set topology.pp=2 --print_ids");
  perdure::TrainerFlags flags;
  const std::optional<int> done = perdure::BeginProgram(argc, argv, &flags);
  if (done.has_value()) return *done;
  perdure::GenerateRequest request;
  request.model = FLAGS_model;
  request.prompt = FLAGS_prompt;
  request.prompt_ids = FLAGS_prompt_ids;
  request.max_new_tokens = FLAGS_max_new_tokens;
  request.temperature = FLAGS_temperature;
  request.top_k = FLAGS_top_k;
  request.seed = FLAGS_seed;
  request.print_ids = FLAGS_print_ids;
  request.stop_at_end = FLAGS_stop_at_end;
  if (request.model.empty()) {
    return perdure::ReportEarlyFailure(absl::InvalidArgumentError(
        "--model is missing; name a Hugging Face directory, a snapshot or a "
        "run directory"));
  }
  return perdure::RunProgram(
      flags, [&](perdure::Communicator& world, const perdure::SessionInfo&,
                 const perdure::RunConfig& config) {
        return perdure::GenerateRun(world, request, config).status();
      });
}

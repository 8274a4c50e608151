#ifndef PERDURE_CHECKPOINT_CONVERT_CONVERT_H_
#define PERDURE_CHECKPOINT_CONVERT_CONVERT_H_

// `perdure-ckpt convert`: from any format that is read to any that is written,
// a few blocks in memory at a time, on one process.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/convert/open_source.h"
#include "checkpoint/convert/tensor_pieces.h"
#include "runtime/base/status.h"

namespace perdure {

struct ConvertOptions {
  std::string source;
  std::string target;  // must not be there, or be an empty directory
  std::string from;    // of SourceFormats(); "" to look
  std::string to;      // of TargetFormats(); "": hf from perdure, else perdure
  std::string rules;   // a shipped set or a file; "": by format and family
  std::string model;   // config.json where the source does not say its model
  // "fp32", "bf16"; "" as they are. A snapshot keeps 1-D weights as they are,
  // as training does, and fp32 masters where it has moments.
  std::string dtype;
  // A run's config, text format; then `target` is the directory of a new run,
  // `to` is perdure, and the run goes on from the source's step with --resume.
  // It says the dtype.
  std::string config;
};

struct ConvertReport {
  std::string from;
  std::string to;
  size_t tensors = 0;
  uint64_t bytes = 0;
  size_t resumed = 0;  // tensors that an interrupted conversion had written
  uint64_t resumed_bytes = 0;
  std::string target;              // what was written
  std::vector<std::string> notes;  // what was left out; means and how far off
};

// "perdure", "hf", "safetensors", "llmc", "llama2c".
std::vector<std::string> TargetFormats();

// The target appears complete and durable, or not at all. After an interruption
// the same call goes on: tensors that are whole in the temporary directory are
// read back, checked and kept.
//
// Rules are applied from theirs to ours for perdure and hf, and where the
// source is a peer's; back, on the way to safetensors, where it is one of ours.
// llmc and llama2c are written by their own sets.
absl::StatusOr<ConvertReport> Convert(const ConvertOptions& options,
                                      const ConvertProgress& progress);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_CONVERT_H_

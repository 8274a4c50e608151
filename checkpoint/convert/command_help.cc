#include "absl/strings/str_cat.h"
#include "checkpoint/convert/commands.h"

namespace perdure {
namespace {

constexpr char kOverview[] =
    R"(perdure-ckpt: look at, check, compare and convert checkpoints

  perdure-ckpt convert SOURCE TARGET   from any format that is read to any other
  perdure-ckpt import HF_DIR SNAPSHOT_DIR      a snapshot of foreign weights
  perdure-ckpt export SNAPSHOT_DIR HF_DIR      for transformers, for PEFT
  perdure-ckpt replay RUN_DIR --to_step=S --output=DIR
                                       any past step of a zeroth-order run
  perdure-ckpt rules [NAME]            the sets of conversion rules
  perdure-ckpt inspect PATH            what a checkpoint or a run holds
  perdure-ckpt verify DIR              every byte against its checksum
  perdure-ckpt diff A B                what differs; exit code 1 if anything
  perdure-ckpt prune RUN_DIR --keep_last=N     removes old snapshots
  perdure-ckpt du RUN_DIR              bytes of each snapshot

  perdure-ckpt VERB --help    a verb's flags, with examples
  --progress                  progress on stderr (default: on a terminal)
  --help, --version

Snapshots are in RUN_DIR/snapshots/step-000001000. One that is damaged is never
read; a resumed run takes the one before it.

Exit codes: 0 done, 1 diff found a difference, 2 wrong command line, 3 missing
or unusable files, 7 damaged snapshot or full disk.
)";

constexpr char kConvert[] = R"(perdure-ckpt convert SOURCE TARGET

  --from=FORMAT   perdure, hf, deepspeed, llmc, llama2c, pt, safetensors
                  (default: what lies at SOURCE)
  --to=FORMAT     perdure, hf, safetensors, llmc, llama2c
                  (default: hf from a snapshot without --config, else perdure)
  --rules=RULES   a shipped set (perdure-ckpt rules) or a file of your own
                  (default: by format and model family)
  --model=FILE    config.json, or a directory with one, where SOURCE does not
                  say its model
  --dtype=TYPE    fp32 or bf16 (default: as they are)
  --config=FILE   TARGET becomes the directory of a run with this config, which
                  --resume goes on with, from SOURCE's step, with its moments

  # a model from the hub, sharded or not, safetensors or pytorch_model.bin
  perdure-ckpt convert gpt2/ runs/a/snapshots/step-000000000
  # nanoGPT's checkpoint, which says its model itself
  perdure-ckpt convert out/ckpt.pt gpt.snapshot
  # DeepSpeed: weights, Adam's moments and the step
  perdure-ckpt convert ckpt/global_step500_universal ds.snapshot --model=hf/
  # the same, to go on training: pretrain --run_dir=run --config=FILE --resume
  perdure-ckpt convert ckpt/global_step500_universal run --model=hf/ \
      --config=run.textproto
  # Megatron-Core's state dict, q, k and v fused by head group
  perdure-ckpt convert model.pt meg.snapshot --rules=megatron-llama --model=hf/
  # a snapshot for llama2.c's run.c
  perdure-ckpt convert runs/a model.bin --to=llama2c

A few blocks are in memory at a time, whatever the size of the model. TARGET
appears when it is complete; after an interruption the same command goes on.
To start training from a source it need not be converted first, if it says its
model:  --set model.init_from=SOURCE
)";

constexpr char kImport[] = R"(perdure-ckpt import HF_DIR SNAPSHOT_DIR

Makes a snapshot (step 0, weights only) of a Hugging Face directory: config.json,
weights, tokenizer files. Names, dtypes and bytes are kept. Short for convert
--to=perdure, so other sources that say their model will do as well.
To start a training from it:  --set model.init_from=SNAPSHOT_DIR

  perdure-ckpt import gpt2/ gpt2.snapshot
)";

constexpr char kExport[] = R"(perdure-ckpt export SNAPSHOT_DIR HF_DIR

  --merge_lora    add low-rank adapters to the weights

Writes the weights of a snapshot as a Hugging Face directory, which
transformers.AutoModelForCausalLM.from_pretrained(HF_DIR) loads. (It also loads
SNAPSHOT_DIR as it is; export leaves the optimizer state behind and checks every
byte that it reads.) Of a model with low-rank adapters (model.lora) it writes
the adapters alone, as a directory that PEFT's PeftModel.from_pretrained loads,
or with --merge_lora the whole model, the adapters added to its weights.

  perdure-ckpt export runs/a/snapshots/step-000001000 hf/
)";

constexpr char kRules[] = R"(perdure-ckpt rules [NAME]

Without a name: the sets that come with the program. With one: its text, to
start one of your own from.

  perdure-ckpt rules megatron-gpt2 > mine.textproto
  perdure-ckpt convert model.pt out --rules=mine.textproto --model=config.json
)";

constexpr char kInspect[] = R"(perdure-ckpt inspect PATH

  --from=FORMAT   as for convert (default: what lies at PATH)
  --stats         mean, standard deviation, least, largest value and number of
                  NaNs of every tensor

What a snapshot or a checkpoint of another program holds, or which snapshots a
run directory has. Nothing of a pickle is executed.

  perdure-ckpt inspect runs/a
  perdure-ckpt inspect out/ckpt.pt --stats
)";

constexpr char kVerify[] = R"(perdure-ckpt verify DIR

Reads every byte of a snapshot, or of all snapshots of a run directory, and
compares checksums. Exit code 7 if one is damaged.

  perdure-ckpt verify runs/a
)";

constexpr char kDiff[] = R"(perdure-ckpt diff A B

  --tolerance=X   elements may be X apart (default: bits must be equal; between
                  dtypes, values)
  --rules, --model   as for convert, for a side that needs them

Compares tensors under canonical names: snapshots, run directories (their newest
snapshot), Hugging Face directories and all else that convert reads. Exit code 1
if anything differs. Optimizer state that one side lacks is named, and no
difference.

  perdure-ckpt diff runs/a runs/b
  perdure-ckpt diff runs/a hf/ --tolerance=1e-3
)";

constexpr char kPrune[] = R"(perdure-ckpt prune RUN_DIR --keep_last=N

  --keep_last=N    the newest N snapshots stay
  --keep_every=M   and those of every M-th step
  --dry_run        say what would go, remove nothing

Nothing is removed unless every byte of the newest snapshot is good.

  perdure-ckpt prune runs/a --keep_last=2 --keep_every=10000 --dry_run
)";

constexpr char kDu[] = R"(perdure-ckpt du RUN_DIR

Bytes of each snapshot of a run (weights, optimizer state, the rest), of what
writes have left unfinished, and of the journal.

  perdure-ckpt du runs/a
)";

}  // namespace

std::string CheckpointHelp(absl::string_view verb) {
  const std::pair<absl::string_view, const char*> pages[] = {
      {"convert", kConvert}, {"import", kImport},   {"export", kExport},
      {"rules", kRules},     {"inspect", kInspect}, {"verify", kVerify},
      {"diff", kDiff},       {"prune", kPrune},     {"du", kDu}};
  for (const auto& [name, page] : pages) {
    if (name == verb) return page;
  }
  return kOverview;
}

}  // namespace perdure

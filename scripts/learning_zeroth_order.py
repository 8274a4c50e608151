"""python3 learning_zeroth_order.py DATA_FOLDER: does zeroth-order training learn?

Three seeds each: a trained story model adapts to another text; a small model that
pretrain made learns a prompted classification; bf16 follows fp32 at small rates.
Writes docs/benchmarks/zeroth_order_learning.md; fails where a bound is missed.
"""

import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

from learning import BIN, ROOT, processor, run

SEEDS = (1337, 1338, 1339)

PAGE = """# What zeroth-order training learns

Three seeds each; every run is of the programs as they are, on {machine}.
`scripts/nightly learning`, commit {commit}.

## A story model adapts to Shakespeare

stories260K (260,032 parameters, trained on children's stories) on tinyshakespeare in
its own tokens: 16 windows of 128 tokens a step, 8 Gaussian directions, lr 1e-4,
eps 1e-3, 200 steps of forward passes only. Validation loss over 64 windows:

| seed | before | after |
|---|---|---|
{adapt}

## A prompted classification

A GPT-2 shape of 2 layers, 64 wide, with a vocabulary of 5,000, first trained here by
`pretrain` on 10,000 unlabelled lines (movie reviews and Shakespeare, 600 steps of
AdamW). Then `finetune` from losses alone: "LINE It is from a" is answered by " play"
or " review"; 1,000 examples, 32 a step, 8 Rademacher directions, lr = eps = 1e-3, 150
steps. 800 other examples; in brackets the 95 % interval.

| seed | zero-shot | after 150 steps |
|---|---|---|
{classify}

## Small rates and bf16

stories260K again, lr 1e-6, 4 directions, 300 steps. The change of the validation loss in fp32, in
bf16 with stochastic rounding, and in bf16 rounded to nearest, where most updates
are too small to be seen:

| seed | fp32 | bf16 stochastic | bf16 nearest |
|---|---|---|---|
{rounding}
"""


def finetune(folder, config, settings):
    """The evaluations of a run, in order."""
    command = [BIN / "finetune", "--config", config, "--run_dir", folder]
    for path, value in settings.items():
        command += ["--set", f"{path}={value}"]
    run(*command)
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [e for e in map(json.loads, lines) if "val_loss" in e]


def write_adapt_config(scratch, data):
    tokens = scratch / "shakespeare.tokens"
    run(BIN / "perdure-data", "prepare", "--input",
        data / "tinyshakespeare/input.txt", "--tokenizer",
        data / "stories260K/tok512.bin", "--output", tokens)
    config = scratch / "adapt.textproto"
    config.write_text(f"""
model {{ init_from: "{data}/stories260K/hf" }}
data {{ train {{ path: "{tokens}" }} val_fraction: 0.1 }}
train {{ method: ZEROTH_ORDER steps: 200 global_batch: 16 micro_batch: 16
        sequence_length: 128 threads_per_rank: 2 }}
optim {{ lr: 1e-4 }}
zeroth_order {{ directions: 8 }}
eval {{ every_steps: 1000 sequences: 64 }}
snapshot {{ at_end: false }}
""")
    return config


def start_loss(config):
    """Of the weights as they came."""
    output = subprocess.run(
        [str(BIN / "evaluate"), "--config", str(config)], check=True,
        capture_output=True, text=True).stdout
    return float(output.split("loss")[1].split()[0])


def adapt(scratch, config, before):
    rows, gains = [], []
    for seed in SEEDS:
        after = finetune(scratch / f"adapt{seed}", config,
                         {"train.seed": seed})[-1]["val_loss"]
        rows.append(f"| {seed} | {before:.4f} | {after:.4f} |")
        gains.append(before - after)
    return rows, min(gains) > 0.1


def rounding(scratch, config):
    variants = {"fp32": {}, "bf16 stochastic": {"train.dtype": "BF16"},
                "bf16 nearest": {"train.dtype": "BF16",
                                 "zeroth_order.rounding": "NEAREST"}}
    rows, changes = [], {name: [] for name in variants}
    for seed in SEEDS:
        for name, settings in variants.items():
            folder = scratch / f"rounding{seed}{name.replace(' ', '')}"
            # Against the same dtype with a rate that moves nothing.
            still = finetune(pathlib.Path(f"{folder}still"), config, {
                **settings, "train.seed": seed, "optim.lr": 1e-30,
                "train.steps": 1})[-1]["val_loss"]
            moved = finetune(folder, config, {
                **settings, "train.seed": seed, "optim.lr": 1e-6,
                "train.steps": 300, "zeroth_order.directions": 4})[-1]["val_loss"]
            changes[name].append(moved - still)
        rows.append(f"| {seed} | " + " | ".join(
            f"{changes[name][-1]:+.5f}" for name in variants) + " |")
    mean = {name: statistics.mean(x) for name, x in changes.items()}
    follows = abs(mean["bf16 stochastic"] / mean["fp32"] - 1) < 0.5
    stalls = abs(mean["bf16 nearest"]) < 0.5 * abs(mean["fp32"])
    return rows, follows and stalls


def write_lines(scratch, data):
    """Reviews and verse: unlabelled for pretrain, labelled for finetune."""
    noise = random.Random(1)
    reviews = [line.split("\t")[0] for line in
               (data / "sst2/train.tsv").read_text().splitlines()]
    verse = [line.strip().lower() for line in
             (data / "tinyshakespeare/input.txt").read_text().splitlines()]
    verse = [v for v in verse if len(v) > 25 and "\t" not in v]
    noise.shuffle(reviews)
    noise.shuffle(verse)
    lines = reviews[:5000] + verse[:5000]
    noise.shuffle(lines)
    (scratch / "lines.jsonl").write_text(
        "".join(json.dumps({"text": line}) + "\n" for line in lines))
    for name, begin, end in (("train", 5000, 5500), ("val", 5500, 5900)):
        rows = ([f"{x}\treview\n" for x in reviews[begin:end]] +
                [f"{x}\tplay\n" for x in verse[begin:end]])
        noise.shuffle(rows)
        (scratch / f"{name}.tsv").write_text("".join(rows))


def pretrain_lines(scratch, data):
    tokenizer = scratch / "tokenizer"
    tokenizer.mkdir()
    for name in ("vocab.json", "merges.txt"):
        (tokenizer / name).write_bytes(
            (data / "megatron-bin-idx" / f"gpt2-tiny-{name}").read_bytes())
    run(BIN / "perdure-data", "prepare", "--input", scratch / "lines.jsonl",
        "--document_separator", "jsonl:text", "--tokenizer", tokenizer,
        "--output", scratch / "lines/lines.tokens")
    config = scratch / "pretrain.textproto"
    config.write_text(f"""
model {{ family: "gpt2" vocab_size: 5000 context: 128 layers: 2 heads: 4
        hidden: 64 dropout: 0.1 }}
data {{ train {{ path: "{scratch}/lines/lines.tokens" }} reset_at_document: true
       mask_document_start: true }}
train {{ steps: 600 global_batch: 16 threads_per_rank: 2 }}
optim {{ lr: 2e-3 warmup_steps: 50 }}
""")
    run(BIN / "pretrain", "--config", config, "--run_dir", scratch / "model")


def classify(scratch):
    config = scratch / "classify.textproto"
    config.write_text(f"""
model {{ init_from: "{scratch}/model" }}
task {{
  kind: CLASSIFICATION
  train: "{scratch}/train.tsv" val: "{scratch}/val.tsv"
  column: "text" column: "label"
  prompt: "{{text}} It is from a" label_field: "label"
  label {{ value: "play" word: " play" }} label {{ value: "review" word: " review" }}
}}
train {{ method: ZEROTH_ORDER steps: 150 global_batch: 32 sequence_length: 96
        threads_per_rank: 2 }}
optim {{ lr: 1e-3 }}
zeroth_order {{ directions: 8 noise: RADEMACHER eps_is_lr: true }}
eval {{ every_steps: 150 }}
snapshot {{ at_end: false }}
""")
    rows, good = [], True
    for seed in SEEDS:
        before, after = (e["val_accuracy"] for e in finetune(
            scratch / f"classify{seed}", config, {"train.seed": seed}))
        low, high = interval(before), interval(after)
        cell = lambda mean, bounds: f"{mean:.3f} ({bounds[0]:.3f}–{bounds[1]:.3f})"
        rows.append(f"| {seed} | {cell(before, low)} | {cell(after, high)} |")
        good = good and high[0] > low[1]
    return rows, good


def interval(mean, n=800, z=1.959964):
    """Wilson 1927."""
    center = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (mean * (1 - mean) / n + z * z / (4 * n * n)) ** 0.5
    return center - half, center + half


def main():
    data = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="perdure_learning_") as name:
        scratch = pathlib.Path(name)
        write_lines(scratch, data)
        pretrain_lines(scratch, data)
        results = {"classify": classify(scratch)}
        config = write_adapt_config(scratch, data)
        before = start_loss(config)
        results["adapt"] = adapt(scratch, config, before)
        results["rounding"] = rounding(scratch, config)
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True).stdout.strip()
    (ROOT / "docs/benchmarks/zeroth_order_learning.md").write_text(PAGE.format(
        machine=processor(), commit=commit,
        **{key: "\n".join(rows) for key, (rows, _) in results.items()}))
    for key, (rows, good) in results.items():
        print(key, "good" if good else "MISSED ITS BOUND", *rows, sep="\n")
    return 0 if all(good for _, good in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""nanoGPT's small character setting in plain PyTorch.

4 layers, 4 heads, 128 wide, context 64, batch 12, 2,000 steps, AdamW 1e-3 with
cosine to 1e-4 after 100 steps of warm-up, betas 0.9 / 0.99, weight decay 0.1 on
matrices, gradient norm clipped at 1. The first 90 % of the text train, the rest
validates. Prints one JSON object a step, then the loss over all of the
validation split; names and conventions are those of Perdure's metrics.jsonl.
"""
import argparse
import json
import math

import numpy
import torch

import perdure_windows
import torch_gpt2

CONTEXT, BATCH = 64, 12
LR, MIN_LR, WARMUP, DECAY_STEPS = 1e-3, 1e-4, 100, 2000


def learning_rate(step):
    """Of a step counted from 1."""
    if step <= WARMUP:
        return LR * step / WARMUP
    done = min(1.0, (step - WARMUP) / (DECAY_STEPS - WARMUP))
    return MIN_LR + 0.5 * (1 + math.cos(math.pi * done)) * (LR - MIN_LR)


def read_splits(path):
    text = open(path, encoding="utf-8").read()
    alphabet = {c: i for i, c in enumerate(sorted(set(text)))}
    ids = torch.tensor([alphabet[c] for c in text])
    cut = int(0.9 * len(ids))
    return ids[:cut], ids[cut:], len(alphabet)


def sample_offsets(args, tokens):
    """[steps, BATCH] where each window of CONTEXT + 1 tokens begins."""
    if args.perdure_seed is not None:
        return perdure_windows.random_offsets(
            args.perdure_seed, args.steps * BATCH, tokens,
            CONTEXT).reshape(args.steps, BATCH)
    if args.offsets:
        offsets = numpy.fromfile(args.offsets, dtype=numpy.int32)
        if offsets.size < args.steps * BATCH:
            raise SystemExit(f"{args.offsets}: {offsets.size} offsets, "
                             f"{args.steps} steps need {args.steps * BATCH}")
        return offsets[:args.steps * BATCH].reshape(args.steps, BATCH)
    noise = numpy.random.default_rng(args.seed)
    return noise.integers(0, tokens - CONTEXT, (args.steps, BATCH))


def windows(ids, offsets):
    rows = torch.stack([ids[o:o + CONTEXT + 1] for o in offsets.tolist()])
    return rows[:, :-1], rows[:, 1:]


@torch.no_grad()
def validation_loss(model, ids):
    """Over consecutive windows, every token but the first predicted once."""
    predictions = len(ids) - 1
    whole = numpy.arange(predictions // CONTEXT) * CONTEXT
    total = 0.0
    for part in numpy.array_split(whole, math.ceil(len(whole) / 64)):
        total += model(*windows(ids, part)).item() * len(part) * CONTEXT
    rest = ids[len(whole) * CONTEXT:]
    if len(rest) > 1:
        total += model(rest[None, :-1], rest[None, 1:]).item() * (len(rest) - 1)
    return total / predictions


def train_step(model, optimizer, batch, step):
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step)
    optimizer.zero_grad()
    loss = model(*batch)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    print(json.dumps({"step": step, "loss": loss.item(),
                      "lr": learning_rate(step), "grad_norm": norm.item()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", help="such as tinyshakespeare/input.txt")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--init", help="Hugging Face directory to start from")
    parser.add_argument("--save_init", help="write the initial weights there")
    parser.add_argument("--perdure_seed", type=int,
                        help="train on the windows of a Perdure run of this seed")
    parser.add_argument("--offsets", help="int32 file: BATCH window offsets a step")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train, val, vocab = read_splits(args.text)
    model = torch_gpt2.Gpt2(vocab, CONTEXT, layers=4, heads=4, hidden=128)
    if args.init:
        torch_gpt2.load(model, args.init)
    if args.save_init:
        torch_gpt2.save(model, args.save_init)
    optimizer = torch.optim.AdamW(model.optimizer_groups(0.1), lr=LR,
                                  betas=(0.9, 0.99))
    offsets = sample_offsets(args, len(train))
    for step in range(1, args.steps + 1):
        train_step(model, optimizer, windows(train, offsets[step - 1]), step)
    print(json.dumps({"step": args.steps, "val_loss": validation_loss(model, val)}))


if __name__ == "__main__":
    main()

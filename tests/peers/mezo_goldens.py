#!/usr/bin/env python3
"""Makes tests/goldens/mezo: zeroth-order steps as PyTorch takes them.

  mezo_goldens.py --out tests/goldens     writes tests/goldens/mezo/<model>
  mezo_goldens.py --check tests/goldens   computes the losses again and compares

A plain MeZO (Malladi et al. 2023, algorithm 1) with several directions and
weight decay: perturbed copies are made out of place, losses are
torch.nn.functional.cross_entropy of Hugging Face's classes in fp32. The random
directions are docs/noise.md's, computed here by numpy in double precision.
"""
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import golden_main
import golden_models

SEED, STEPS, DIRECTIONS = 1337, 20, 2
EPS, LR, DECAY = 1e-3, 2e-4, 0.1
MODELS = ["gpt2_tied", "gpt2_untied", "opt_tied", "opt_untied", "llama_tied",
          "llama_untied"]
MASK = np.uint64(0xFFFFFFFF)


def philox(counter, key):
    """Philox4x32-10 of arrays of 32-bit words held in uint64."""
    c = [np.asarray(word, np.uint64) for word in counter]
    k = [np.uint64(key[0]), np.uint64(key[1])]
    for _ in range(10):
        low, high = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(high >> np.uint64(32)) ^ c[1] ^ k[0], high & MASK,
             (low >> np.uint64(32)) ^ c[3] ^ k[1], low & MASK]
        k = [(k[0] + np.uint64(0x9E3779B9)) & MASK,
             (k[1] + np.uint64(0xBB67AE85)) & MASK]
    return c


def direction_key(name):
    salt = 0xCBF29CE484222325  # FNV-1a
    for byte in name.encode():
        salt = (salt ^ byte) * 0x100000001B3 % 2**64
    words = philox([salt % 2**32, salt >> 32, 5, 0x50524455], [SEED, 0])
    return int(words[0]), int(words[1])


def gaussian(name, size, step, direction):
    i = np.arange(size, dtype=np.uint64)
    group, word = i // np.uint64(64), i % np.uint64(64) // np.uint64(16)
    lane = i % np.uint64(16)
    n = group * np.uint64(16) + lane
    w = philox([n & MASK, n >> np.uint64(32), np.full_like(n, step),
                np.full_like(n, direction)], direction_key(name))
    pair = word // np.uint64(2)
    a = np.where(pair == 0, w[0], w[2])
    b = np.where(pair == 0, w[1], w[3])
    signed = lambda x: x.astype(np.uint32).view(np.int32).astype(np.float64)
    radius = np.sqrt(-2 * np.log(np.abs(signed(a)) * 2.0**-31 + 2.0**-33))
    angle = np.pi / 2 * signed(b) * 2.0**-31
    cosine = np.where(signed(a) < 0, -np.cos(angle), np.cos(angle))
    z = radius * np.where(word % np.uint64(2) == 0, cosine, np.sin(angle))
    return torch.from_numpy(z.astype(np.float32))


def loss_at(model, theta, ids, targets):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(theta[name])
        logits = model(ids).logits
        return torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]).double(), targets.reshape(-1)).item()


def train(model, ids, targets):
    """Losses and gradients, [STEPS, DIRECTIONS] each."""
    theta = {n: p.detach().clone() for n, p in model.named_parameters()}
    plus, minus, grads = [], [], []
    for step in range(1, STEPS + 1):
        noise = [{n: gaussian(n, p.numel(), step, k).reshape(p.shape)
                  for n, p in theta.items()} for k in range(DIRECTIONS)]
        l_plus = [loss_at(model, {n: p + EPS * z[n] for n, p in theta.items()},
                          ids, targets) for z in noise]
        l_minus = [loss_at(model, {n: p - EPS * z[n] for n, p in theta.items()},
                           ids, targets) for z in noise]
        g = [(a - b) / (2 * EPS) for a, b in zip(l_plus, l_minus)]
        for n, p in theta.items():
            update = sum(gk / DIRECTIONS * z[n] for gk, z in zip(g, noise))
            if p.dim() > 1:
                update = update + DECAY * p
            theta[n] = p - LR * update
        plus.append(l_plus)
        minus.append(l_minus)
        grads.append(g)
    return plus, minus, grads


def golden(folder, name):
    """The tensors of one model; folder has its weights and batch."""
    weights = load_file(folder / name / "model.safetensors")
    batch = load_file(folder / name / "golden.safetensors")
    model = golden_models.MODELS[name]().float().eval()
    model.load_state_dict(weights, strict=False)
    plus, minus, grads = train(model, batch["input_ids"].long(),
                               batch["targets"].long())
    tensor = lambda x: torch.tensor(x, dtype=torch.float64).float()
    return {"loss_plus": tensor(plus), "loss_minus": tensor(minus),
            "projected_grad": tensor(grads)}


def check(folder):
    """0 if the losses are those of the files; gradients amplify their rounding."""
    bad = 0
    for name in MODELS:
        want = load_file(folder / "mezo" / f"{name}.safetensors")
        got = golden(folder, name)
        error = max(float((want[key] / got[key] - 1).abs().max())
                    for key in ("loss_plus", "loss_minus"))
        bad += error > 1e-5
        print(f"mezo/{name}: largest relative difference of losses {error:.1e}")
    return 1 if bad else 0


def write_all(folder):
    (folder / "mezo").mkdir(exist_ok=True)
    for name in MODELS:
        save_file(golden(folder, name), folder / "mezo" / f"{name}.safetensors")


if __name__ == "__main__":
    sys.exit(golden_main.main(__doc__, write_all, check))

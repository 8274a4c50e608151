#!/usr/bin/env python3
"""Makes tests/goldens: what PyTorch and Hugging Face's classes compute.

  make_goldens.py --out DIR      writes the golden files
  make_goldens.py --check DIR    computes them again and compares

The tensors of each file are described in tests/goldens/README.md.
"""
import pathlib
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

import golden_main
import golden_models

SEED = 20260101
BATCH, TOKENS = 2, 20
PACKED = {"gpt2_tied": (7, 13), "llama_untied": (7, 13)}  # document lengths


def draw_ids(model, shape, noise):
    # From 2 on: OPT's token 1 is its padding, to which torch.nn.Embedding gives
    # no gradient.
    return torch.randint(2, model.config.vocab_size, shape, generator=noise)


def cross_entropy(logits, targets):
    return torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def model_golden(model, noise):
    """Logits, mean loss and its gradients for one batch."""
    window = draw_ids(model, (BATCH, TOKENS + 1), noise)
    ids, targets = window[:, :-1].contiguous(), window[:, 1:].contiguous()
    model.zero_grad()
    logits = model(ids).logits
    loss = cross_entropy(logits, targets)
    loss.backward()
    golden = {"input_ids": ids.int(), "targets": targets.int(),
              "logits": logits.detach(), "loss": loss.detach().reshape(1)}
    for key, value in model.named_parameters():
        golden["grad." + key] = value.grad.clone()
    return golden


def packed_golden(model, lengths, noise):
    """Documents laid end to end; the logits are those of separate runs."""
    documents = [draw_ids(model, (1, n), noise) for n in lengths]
    with torch.no_grad():
        logits = torch.cat([model(ids).logits for ids in documents], dim=1)
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    return {
        "packed.input_ids": torch.cat(documents, dim=1).int(),
        "packed.positions": torch.cat(
            [torch.arange(n) for n in lengths])[None].int(),
        "packed.first_visible": torch.cat(
            [torch.full((n,), s) for n, s in zip(lengths, starts)])[None].int(),
        "packed.logits": logits,
    }


def adamw_golden(noise):
    """Five steps of AdamW on a matrix (decayed) and a vector (not decayed)."""
    draw = lambda *shape: torch.randn(*shape, generator=noise)
    matrix = torch.nn.Parameter(draw(5, 7))
    vector = torch.nn.Parameter(draw(11))
    params = {"matrix": matrix, "vector": vector}
    lr, betas, eps, decay, clip = 0.02, (0.9, 0.95), 1e-8, 0.1, 1.0
    optimizer = torch.optim.AdamW(
        [{"params": [matrix], "weight_decay": decay},
         {"params": [vector], "weight_decay": 0.0}],
        lr=lr, betas=betas, eps=eps)
    golden = {"settings": torch.tensor([lr, *betas, eps, decay, clip])}
    golden.update({f"param.0.{k}": p.detach().clone() for k, p in params.items()})
    norms = []
    for step in range(1, 6):
        for key, param in params.items():
            # Some steps are clipped, others not; gradients span magnitudes.
            param.grad = draw(*param.shape) * (0.02 if step == 3 else 0.7)
            golden[f"grad.{step}.{key}"] = param.grad.clone()
        norms.append(torch.nn.utils.clip_grad_norm_(params.values(), clip))
        optimizer.step()
        golden.update(
            {f"param.{step}.{k}": p.detach().clone() for k, p in params.items()})
    golden["norms"] = torch.stack(norms)
    for key, param in params.items():
        golden["m." + key] = optimizer.state[param]["exp_avg"]
        golden["v." + key] = optimizer.state[param]["exp_avg_sq"]
    return golden


def write_all(out):
    for i, name in enumerate(golden_models.MODELS):
        model = golden_models.build(name, SEED + i)
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder, safe_serialization=True)
        (folder / "generation_config.json").unlink(missing_ok=True)
        noise = torch.Generator().manual_seed(SEED + 100 + i)
        golden = model_golden(model, noise)
        if name in PACKED:
            golden.update(packed_golden(model, PACKED[name], noise))
        save_file(golden, folder / "golden.safetensors")
    (out / "adamw").mkdir(exist_ok=True)
    save_file(adamw_golden(torch.Generator().manual_seed(SEED + 200)),
              out / "adamw" / "golden.safetensors")


def difference(want, got):
    if want.keys() != got.keys():
        return f"tensors {sorted(want.keys() ^ got.keys())} are in one of them only"
    for key, value in want.items():
        # Gradients that are zero but for rounding (OPT's key biases) have no
        # scale of their own.
        scale = max(float(value.abs().max()), 1e-3)
        error = float((value.double() - got[key].double()).abs().max()) / scale
        if error > 1e-5:
            return f"{key}: relative difference {error:.2e}"
    return ""


def check_folder(out, write):
    """0 if what `write` computes now equals the files in `out`."""
    with tempfile.TemporaryDirectory() as again:
        write(pathlib.Path(again))
        bad = 0
        for file in sorted(pathlib.Path(again).rglob("*.safetensors")):
            relative = file.relative_to(again)
            problem = ("missing" if not (out / relative).exists() else
                       difference(load_file(out / relative), load_file(file)))
            print(f"{relative}: {problem or 'equal'}")
            bad += bool(problem)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(golden_main.main(__doc__, write_all,
                              lambda out: check_folder(out, write_all)))

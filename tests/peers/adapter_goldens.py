#!/usr/bin/env python3
"""Makes tests/goldens/adapters: low-rank adapters and prefixes in PyTorch.

  adapter_goldens.py --out DIR      writes the golden files
  adapter_goldens.py --check DIR    computes them again and compares

The models are Hugging Face's, with the weights of tests/goldens. A low-rank
adapter is the formula of Hu et al. 2021 on the module's output; a prefix goes in
as past_key_values, while positions stay what they are without one (MeZO's way).
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file

import golden_main
import golden_models
from make_goldens import (BATCH, SEED, TOKENS, check_folder, cross_entropy,
                          draw_ids)

RANK, ALPHA, PREFIX = 3, 5.0, 4
MODELS = ("gpt2_tied", "opt_tied", "llama_untied", "llama_tied")
# Every kind of layer is adapted in some model.
TARGETS = {
    "gpt2_tied": ("c_attn", "c_proj", "c_fc"),
    "opt_tied": ("q_proj", "v_proj", "out_proj", "fc1", "fc2"),
    "llama_untied": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj",
                     "up_proj", "down_proj"),
    "llama_tied": ("v_proj", "up_proj"),
}


def parameter(noise, *shape):
    return torch.nn.Parameter(0.2 * torch.randn(*shape, generator=noise))


def sizes(module):
    """(in, out) of torch.nn.Linear or GPT-2's Conv1D."""
    if isinstance(module, torch.nn.Linear):
        return module.in_features, module.out_features
    return tuple(module.weight.shape)


def add_lora(name, model, noise):
    """Adapters on the target modules; their parameters by canonical name."""
    params = {}
    for key, module in model.named_modules():
        if key.split(".")[-1] not in TARGETS[name]:
            continue
        inputs, outputs = sizes(module)
        a = parameter(noise, RANK, inputs)
        b = parameter(noise, outputs, RANK)
        module.register_forward_hook(
            lambda _, x, y, a=a, b=b:
            y + ALPHA / RANK * ((x[0] @ a.T) @ b.T))
        params[key + ".lora_A.weight"] = a
        params[key + ".lora_B.weight"] = b
    return params


def add_prefix(name, model, noise):
    """Keys and values of every layer; their parameters by canonical name."""
    config = model.config
    heads = getattr(config, "num_key_value_heads", None) or \
        config.num_attention_heads
    width = config.hidden_size // config.num_attention_heads
    block = {"gpt2": "transformer.h.", "opt": "model.decoder.layers.",
             "llama": "model.layers."}[name.split("_")[0]]
    params = {}
    for layer in range(config.num_hidden_layers):
        for kind in "kv":
            params[f"{block}{layer}.prefix_{kind}"] = parameter(
                noise, PREFIX, heads * width)

    def expand(values, batch):
        return values.view(PREFIX, heads, width).transpose(0, 1).unsqueeze(
            0).expand(batch, -1, -1, -1)

    def run(ids):
        past = tuple(
            tuple(expand(params[f"{block}{layer}.prefix_{kind}"], len(ids))
                  for kind in "kv")
            for layer in range(config.num_hidden_layers))
        mask = torch.ones(len(ids), PREFIX + ids.shape[1], dtype=torch.long)
        positions = torch.arange(ids.shape[1])[None].expand(len(ids), -1)
        return model(ids, attention_mask=mask, position_ids=positions,
                     past_key_values=past).logits

    return params, run


def golden(name, kind, seed):
    model = golden_models.build(name, SEED + list(golden_models.MODELS).index(name))
    noise = torch.Generator().manual_seed(seed)
    if kind == "prefix":
        params, run = add_prefix(name, model, noise)
    else:
        params, run = add_lora(name, model, noise), lambda ids: model(ids).logits
    window = draw_ids(model, (BATCH, TOKENS + 1), noise)
    ids, targets = window[:, :-1].contiguous(), window[:, 1:].contiguous()
    logits = run(ids)
    loss = cross_entropy(logits, targets)
    loss.backward()
    trained = dict(params)
    if kind == "lora_all":
        trained.update(model.named_parameters())
    tensors = {"input_ids": ids.int(), "targets": targets.int(),
               "logits": logits.detach(), "loss": loss.detach().reshape(1)}
    for key, value in params.items():
        tensors["weight." + key] = value.detach()
    for key, value in trained.items():
        tensors["grad." + key] = value.grad.clone()
    return tensors


def write_all(out):
    out.mkdir(parents=True, exist_ok=True)
    cases = [(name, kind) for name in MODELS for kind in ("lora", "prefix")]
    cases += [("gpt2_tied", "lora_all"), ("llama_untied", "lora_all")]
    for i, (name, kind) in enumerate(cases):
        save_file(golden(name, kind, SEED + 400 + i),
                  out / f"{name}_{kind}.safetensors")


if __name__ == "__main__":
    sys.exit(golden_main.main(__doc__, write_all,
                              lambda out: check_folder(out, write_all)))

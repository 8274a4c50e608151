#!/usr/bin/env python3
"""Makes tests/goldens/convert: checkpoints as other programs write them.

  convert_goldens.py --out DIR     all but state_1.pt and legacy.pt
                                   (PyTorch 2, safetensors)
  convert_goldens.py --old DIR     these two (PyTorch 1.13)

The files are described in tests/goldens/convert/README.md.
"""
import argparse
import collections
import json
import os
import pathlib
import pickle
import struct

import torch

GPT2 = dict(layers=2, hidden=16, heads=4, vocab=17, context=8)
LLAMA = dict(layers=2, hidden=16, heads=4, kv_heads=2, ffn=24, vocab=127,
             context=8)
PADDED = 128


def draw(names_and_shapes, seed):
    noise = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=noise) * 0.1
            for name, shape in names_and_shapes}


def gpt2_weights(m):
    d = m["hidden"]
    names = [("transformer.wte.weight", (m["vocab"], d)),
             ("transformer.wpe.weight", (m["context"], d))]
    for i in range(m["layers"]):
        h = f"transformer.h.{i}."
        names += [(h + "ln_1.weight", (d,)), (h + "ln_1.bias", (d,)),
                  (h + "attn.c_attn.weight", (d, 3 * d)),
                  (h + "attn.c_attn.bias", (3 * d,)),
                  (h + "attn.c_proj.weight", (d, d)),
                  (h + "attn.c_proj.bias", (d,)),
                  (h + "ln_2.weight", (d,)), (h + "ln_2.bias", (d,)),
                  (h + "mlp.c_fc.weight", (d, 4 * d)),
                  (h + "mlp.c_fc.bias", (4 * d,)),
                  (h + "mlp.c_proj.weight", (4 * d, d)),
                  (h + "mlp.c_proj.bias", (d,))]
    names += [("transformer.ln_f.weight", (d,)), ("transformer.ln_f.bias", (d,))]
    return draw(names, 1)


def llama_weights(m, tied=False, seed=2):
    d, f = m["hidden"], m["ffn"]
    kv = d // m["heads"] * m["kv_heads"]
    names = [("model.embed_tokens.weight", (m["vocab"], d))]
    for i in range(m["layers"]):
        h = f"model.layers.{i}."
        names += [(h + "input_layernorm.weight", (d,)),
                  (h + "self_attn.q_proj.weight", (d, d)),
                  (h + "self_attn.k_proj.weight", (kv, d)),
                  (h + "self_attn.v_proj.weight", (kv, d)),
                  (h + "self_attn.o_proj.weight", (d, d)),
                  (h + "post_attention_layernorm.weight", (d,)),
                  (h + "mlp.gate_proj.weight", (f, d)),
                  (h + "mlp.up_proj.weight", (f, d)),
                  (h + "mlp.down_proj.weight", (d, f))]
    names += [("model.norm.weight", (d,))]
    if not tied:
        names += [("lm_head.weight", (m["vocab"], d))]
    return draw(names, seed)


def gpt2_config(m):
    return dict(architectures=["GPT2LMHeadModel"], model_type="gpt2",
                n_positions=m["context"], n_layer=m["layers"],
                n_head=m["heads"], n_embd=m["hidden"],
                activation_function="gelu_new", layer_norm_epsilon=1e-5,
                vocab_size=m["vocab"], tie_word_embeddings=True,
                torch_dtype="float32")


def llama_config(m, tied=False):
    return dict(architectures=["LlamaForCausalLM"], model_type="llama",
                max_position_embeddings=m["context"],
                num_hidden_layers=m["layers"],
                num_attention_heads=m["heads"],
                num_key_value_heads=m["kv_heads"], hidden_size=m["hidden"],
                intermediate_size=m["ffn"], hidden_act="silu",
                rms_norm_eps=1e-5, rope_theta=10000.0,
                vocab_size=m["vocab"], tie_word_embeddings=tied,
                torch_dtype="float32")


def write_hugging_face(directory, config, weights):
    from safetensors.torch import save_file
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file({k: v.contiguous() for k, v in weights.items()},
              directory / "model.safetensors", metadata={"format": "pt"})


def write_pickled_shards(directory, config, weights):
    """As save_pretrained(safe_serialization=False) of old transformers."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    index = {"metadata": {}, "weight_map": {}}
    names = list(weights)
    for shard in range(2):
        file = f"pytorch_model-0000{shard + 1}-of-00002.bin"
        mine = {name: weights[name] for name in names[shard::2]}
        torch.save(mine, directory / file)
        index["weight_map"].update({name: file for name in mine})
    (directory / "pytorch_model.bin.index.json").write_text(
        json.dumps(index, indent=2) + "\n")


def pad_rows(table):
    padding = torch.zeros(PADDED - table.shape[0], table.shape[1])
    return torch.cat([table, padding])


# --- PyTorch: everything a state dict may hold ---

def mixed_state():
    base = torch.arange(60, dtype=torch.float32).reshape(6, 10) / 7
    wide = torch.arange(40 * 30, dtype=torch.float32).reshape(40, 30)
    state = collections.OrderedDict()
    state["f32"] = base
    state["bf16"] = base.to(torch.bfloat16)
    state["f16"] = base.to(torch.float16)
    state["f64"] = base.to(torch.float64)
    state["i64"] = torch.arange(5)
    state["i32"] = torch.arange(5, dtype=torch.int32)
    state["u8"] = torch.arange(5, dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    state["rows"] = base[1:3]          # shares base's storage
    state["columns"] = base[:, 2:5]    # strided
    state["turned"] = wide.t()         # transposed
    state["expanded"] = torch.tensor([1.5, 2.5]).unsqueeze(1).expand(2, 4)
    state["scalar"] = torch.tensor(3.25)
    state["empty"] = torch.zeros(0, 4)
    state["parameter"] = torch.nn.Parameter(base + 1)
    state._metadata = collections.OrderedDict(version=1)
    return {"model": state, "list": [torch.ones(2), {"deep": torch.zeros(1)}],
            "epoch": 3, "lr": 0.5, "name": "mixed", "flag": True, "none": None,
            "big": 1 << 80, "shape": base.shape}


def write_states(out):
    from safetensors.torch import save_file
    state = mixed_state()
    torch.save(state, out / "state_2.pt")
    flat = {"model." + k: v.detach() for k, v in state["model"].items()}
    flat["list.0"] = state["list"][0]
    flat["list.1.deep"] = state["list"][1]["deep"]
    save_file({k: v.clone().contiguous() for k, v in flat.items()},
              out / "state.safetensors")


# --- nanoGPT ---

def write_nanogpt(path, weights, bias):
    model = {}
    for name, tensor in weights.items():
        if name.endswith(".bias") and not bias:
            continue
        linear = tensor.dim() == 2 and ".h." in name
        model["_orig_mod." + name] = tensor.t().contiguous() if linear else tensor
    model["_orig_mod.lm_head.weight"] = model["_orig_mod.transformer.wte.weight"]
    args = dict(n_layer=GPT2["layers"], n_head=GPT2["heads"],
                n_embd=GPT2["hidden"], block_size=GPT2["context"], bias=bias,
                vocab_size=GPT2["vocab"], dropout=0.0)
    optimizer = {"state": {0: {"step": torch.tensor(1.0),
                               "exp_avg": torch.zeros(2)}},
                 "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.95),
                                   "params": [0]}]}
    torch.save({"model": model, "optimizer": optimizer, "model_args": args,
                "iter_num": 10, "best_val_loss": torch.tensor(1.5),
                "config": {"out_dir": "out", "compile": True}},
               path)


# --- Megatron-Core: q, k, v by head group, matrices [out, in] ---

def fuse_qkv(q, k, v, groups):
    """q, k, v: [rows, ...], rows of a group together."""
    parts = []
    for g in range(groups):
        for part in (q, k, v):
            parts.append(part.chunk(groups)[g])
    return torch.cat(parts)


def megatron_gpt2(weights):
    m = {"embedding.word_embeddings.weight":
         pad_rows(weights["transformer.wte.weight"]),
         "embedding.position_embeddings.weight":
         weights["transformer.wpe.weight"]}
    d = GPT2["hidden"]
    for i in range(GPT2["layers"]):
        h, t = f"transformer.h.{i}.", f"decoder.layers.{i}."
        m[t + "input_layernorm.weight"] = weights[h + "ln_1.weight"]
        m[t + "input_layernorm.bias"] = weights[h + "ln_1.bias"]
        m[t + "pre_mlp_layernorm.weight"] = weights[h + "ln_2.weight"]
        m[t + "pre_mlp_layernorm.bias"] = weights[h + "ln_2.bias"]
        qkv = weights[h + "attn.c_attn.weight"].t()
        m[t + "self_attention.linear_qkv.weight"] = fuse_qkv(
            *qkv.split(d), GPT2["heads"])
        m[t + "self_attention.linear_qkv.bias"] = fuse_qkv(
            *weights[h + "attn.c_attn.bias"].split(d), GPT2["heads"])
        for ours, theirs in (("attn.c_proj", "self_attention.linear_proj"),
                             ("mlp.c_fc", "mlp.linear_fc1"),
                             ("mlp.c_proj", "mlp.linear_fc2")):
            m[t + theirs + ".weight"] = weights[h + ours + ".weight"].t()
            m[t + theirs + ".bias"] = weights[h + ours + ".bias"]
            m[t + theirs + "._extra_state"] = torch.zeros(
                3, dtype=torch.uint8)
    m["decoder.final_layernorm.weight"] = weights["transformer.ln_f.weight"]
    m["decoder.final_layernorm.bias"] = weights["transformer.ln_f.bias"]
    return {k: v.contiguous() for k, v in m.items()}


def megatron_llama(weights):
    m = {"embedding.word_embeddings.weight":
         pad_rows(weights["model.embed_tokens.weight"]),
         "output_layer.weight": pad_rows(weights["lm_head.weight"]),
         "decoder.final_layernorm.weight": weights["model.norm.weight"]}
    for i in range(LLAMA["layers"]):
        h, t = f"model.layers.{i}.", f"decoder.layers.{i}."
        w = lambda name: weights[h + name + ".weight"]
        m[t + "self_attention.linear_qkv.layer_norm_weight"] = w(
            "input_layernorm")
        m[t + "self_attention.linear_qkv.weight"] = fuse_qkv(
            w("self_attn.q_proj"), w("self_attn.k_proj"),
            w("self_attn.v_proj"), LLAMA["kv_heads"])
        m[t + "self_attention.linear_proj.weight"] = w("self_attn.o_proj")
        m[t + "mlp.linear_fc1.layer_norm_weight"] = w(
            "post_attention_layernorm")
        m[t + "mlp.linear_fc1.weight"] = torch.cat(
            [w("mlp.gate_proj"), w("mlp.up_proj")])
        m[t + "mlp.linear_fc2.weight"] = w("mlp.down_proj")
    return {k: v.contiguous() for k, v in m.items()}


def write_megatron_ranks(out, weights):
    """The Llama's state dict cut for two tensor-parallel ranks."""
    out.mkdir(parents=True, exist_ok=True)
    whole = megatron_llama(weights)
    for rank in range(2):
        mine = {}
        for name, tensor in whole.items():
            if tensor.dim() == 1:
                mine[name] = tensor
            elif "linear_proj" in name or "linear_fc2" in name:
                mine[name] = tensor.chunk(2, dim=1)[rank].contiguous()
            elif "linear_fc1" in name:
                gate, up = tensor.chunk(2)
                mine[name] = torch.cat(
                    [gate.chunk(2)[rank], up.chunk(2)[rank]])
            else:
                mine[name] = tensor.chunk(2)[rank].clone()
        # One norm has drifted.
        drifted = dict(mine)
        drifted["decoder.final_layernorm.weight"] = (
            mine["decoder.final_layernorm.weight"] + rank * 0.5)
        torch.save(drifted, out / f"tp_{rank:02d}.pt")


# --- DeepSpeed's universal checkpoint ---

def write_universal(out, weights):
    for n, (name, tensor) in enumerate(weights.items()):
        folder = out / "zero" / name
        folder.mkdir(parents=True, exist_ok=True)
        states = {"fp32": tensor, "exp_avg": tensor * 0.25,
                  "exp_avg_sq": tensor * tensor}
        for state, value in states.items():
            if n % 3 == 0:  # as ZeRO stage 3 without tensor parallelism writes
                torch.save(value.flatten().clone(), folder / f"{state}.pt")
            else:
                torch.save({"param": value.clone(), "cat_dim": 0},
                           folder / f"{state}.pt")
        torch.save(torch.tensor(7.0) if n % 2 else 7, folder / "step.pt")
    torch.save({"param_groups": [{"lr": 1e-3}]},
               out / "zero" / "optimizer_state.pt")


# --- llm.c, llama2.c: written from the formats' description ---

def write_llmc(path, weights, version):
    m = GPT2
    header = [0] * 256
    header[:8] = [20240326, version, m["context"], m["vocab"], m["layers"],
                  m["heads"], m["hidden"], PADDED]
    layers = range(m["layers"])
    tensors = [pad_rows(weights["transformer.wte.weight"]),
               weights["transformer.wpe.weight"]]
    for name, turned in (("ln_1.weight", False), ("ln_1.bias", False),
                         ("attn.c_attn.weight", True),
                         ("attn.c_attn.bias", False),
                         ("attn.c_proj.weight", True),
                         ("attn.c_proj.bias", False),
                         ("ln_2.weight", False), ("ln_2.bias", False),
                         ("mlp.c_fc.weight", True), ("mlp.c_fc.bias", False),
                         ("mlp.c_proj.weight", True),
                         ("mlp.c_proj.bias", False)):
        for i in layers:
            w = weights[f"transformer.h.{i}.{name}"]
            tensors.append(w.t().contiguous() if turned else w)
    tensors += [weights["transformer.ln_f.weight"],
                weights["transformer.ln_f.bias"]]
    with open(path, "wb") as f:
        f.write(struct.pack("256i", *header))
        for t in tensors:
            if version == 5:
                t = t.to(torch.bfloat16).view(torch.int16)
            f.write(t.contiguous().numpy().tobytes())


def to_pairs(w, heads):
    """Rows of each head from halves (i, i + E/2) to pairs (2i, 2i + 1)."""
    rows, columns = w.shape
    return (w.reshape(heads, 2, rows // heads // 2, columns)
            .transpose(1, 2).reshape(rows, columns))


def write_llama2c(path, weights, version):
    m = LLAMA
    layers = range(m["layers"])

    def stack(name, heads=None):
        out = []
        for i in layers:
            w = weights[f"model.layers.{i}.{name}.weight"]
            out.append(to_pairs(w, heads) if heads else w)
        return out

    norm1, norm2 = stack("input_layernorm"), stack("post_attention_layernorm")
    attention = (stack("self_attn.q_proj", m["heads"]) +
                 stack("self_attn.k_proj", m["kv_heads"]) +
                 stack("self_attn.v_proj") + stack("self_attn.o_proj"))
    mlp = (stack("mlp.gate_proj") + stack("mlp.down_proj") +
           stack("mlp.up_proj"))
    embedding = [weights["model.embed_tokens.weight"]]
    norm = [weights["model.norm.weight"]]
    head = [weights["lm_head.weight"]]
    numbers = [m["hidden"], m["ffn"], m["layers"], m["heads"], m["kv_heads"],
               m["vocab"], m["context"]]
    with open(path, "wb") as f:
        if version == 0:
            numbers[5] = -numbers[5]  # the head is not shared
            f.write(struct.pack("7i", *numbers))
            half = m["hidden"] // m["heads"] // 2
            angles = torch.outer(
                torch.arange(m["context"]).double(),
                10000.0 ** -(torch.arange(half).double() / half))
            tables = [angles.cos().float(), angles.sin().float()]
            tensors = (embedding + norm1 + attention + norm2 + mlp + norm +
                       tables + head)
        else:
            f.write(struct.pack("I8i", 0x616b3432, 1, *numbers) + b"\0")
            f.write(b"\0" * (256 - f.tell()))
            tensors = norm1 + norm2 + norm + embedding + attention + mlp + head
        for t in tensors:
            f.write(t.contiguous().numpy().tobytes())


# --- pickles that want more than tensors ---

class Call:
    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __call__(self):
        """Only what can be called may stand first in a reduction."""

    def __reduce__(self):
        return self.reduced


def write_pickles(out):
    out.mkdir(parents=True, exist_ok=True)

    def put(name, data):
        (out / (name + ".pkl")).write_bytes(data)

    put("os_system", pickle.dumps(Call(os.system, "true"), protocol=2))
    put("os_system_4", pickle.dumps(Call(os.system, "true"), protocol=4))
    put("eval", pickle.dumps({"a": [Call(eval, "1")]}, protocol=2))
    nested = Call(collections.OrderedDict, [])
    for _ in range(5):
        nested = Call(Call(getattr, nested, "update"), nested)
    put("nested_reduce", pickle.dumps(nested, protocol=2))
    put("huge_memo", b"\x80\x02}r\xff\xff\xff\xff}r\xfe\xff\xff\xff"
        b"j\xff\xff\xff\xff.")
    put("missing_memo", b"\x80\x02j\xff\xff\xff\x7f.")
    put("truncated", pickle.dumps({"a": list(range(100))}, protocol=2)[:40])
    put("long_string", b"\x80\x02X\xff\xff\xff\xffabc.")
    put("deep", b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b".")
    laughs = b"\x80\x02]q\x00(K\x01K\x02e0"
    for i in range(40):  # each list holds the one before twice
        laughs += b"]q" + bytes([i + 1]) + b"(h" + bytes([i]) + b"h" + bytes(
            [i]) + b"e0"
    put("billion_laughs", laughs + b"h\x28.")
    put("cycle", b"\x80\x02]q\x00h\x00a.")
    put("no_stop", b"\x80\x02}")
    put("empty_stack", b"\x80\x02.")
    put("tensor_of_no_storage", b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n"
        b"(K\x00K\x00))\x89}tR.")
    put("good", pickle.dumps({"a": [1, 2.5, "x", None, True]}, protocol=2))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--old", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.old:
        torch.save(mixed_state(), arguments.old / "state_1.pt")
        torch.save({"w": torch.ones(2)}, arguments.old / "legacy.pt",
                   _use_new_zipfile_serialization=False)
        return
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    gpt2, llama = gpt2_weights(GPT2), llama_weights(LLAMA)
    write_hugging_face(out / "gpt2", gpt2_config(GPT2), gpt2)
    write_hugging_face(out / "llama", llama_config(LLAMA), llama)
    write_pickled_shards(out / "gpt2_pickled", gpt2_config(GPT2), gpt2)
    write_states(out)
    write_nanogpt(out / "nanogpt.pt", gpt2, bias=True)
    write_nanogpt(out / "nanogpt_no_bias.pt", gpt2, bias=False)
    torch.save(megatron_gpt2(gpt2), out / "megatron_gpt2.pt")
    torch.save(megatron_llama(llama), out / "megatron_llama.pt")
    write_megatron_ranks(out / "megatron_ranks", llama)
    small = dict(LLAMA, layers=1, vocab=17)
    tied = llama_weights(small, tied=True, seed=3)
    write_hugging_face(out / "tied", llama_config(small, tied=True), tied)
    write_universal(out / "universal", tied)
    write_llmc(out / "llmc_v3.bin", gpt2, 3)
    write_llmc(out / "llmc_v5.bin", gpt2, 5)
    write_llama2c(out / "llama2c_v0.bin", llama, 0)
    write_llama2c(out / "llama2c_v1.bin", llama, 1)
    write_pickles(out / "pickles")


if __name__ == "__main__":
    main()

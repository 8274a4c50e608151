"""GPT-2 in plain PyTorch 1.13 or newer: a peer to learn and to race against.

The architecture is that of Radford et al. 2019 as Hugging Face names it: tied
embeddings, biases everywhere, pre-norm, tanh GELU, no dropout.
"""
import json
import math
import pathlib

import torch
from torch import nn
from torch.nn import functional as F


def attend(q, k, v):
    """Causal attention, [B, H, T, D]; the fused kernel where torch has one."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    tokens = q.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    mask = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    return scores.masked_fill(~mask, float("-inf")).softmax(-1) @ v


class Block(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(hidden)
        self.c_attn = nn.Linear(hidden, 3 * hidden)
        self.attn_proj = nn.Linear(hidden, hidden)
        self.ln_2 = nn.LayerNorm(hidden)
        self.c_fc = nn.Linear(hidden, 4 * hidden)
        self.mlp_proj = nn.Linear(4 * hidden, hidden)

    def forward(self, x):
        batch, tokens, hidden = x.shape
        split = lambda t: t.view(batch, tokens, self.heads, -1).transpose(1, 2)
        q, k, v = (split(t) for t in self.c_attn(self.ln_1(x)).split(hidden, dim=2))
        y = attend(q, k, v).transpose(1, 2).reshape(batch, tokens, hidden)
        x = x + self.attn_proj(y)
        y = F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh")
        return x + self.mlp_proj(y)


class Gpt2(nn.Module):
    def __init__(self, vocab, context, layers, heads, hidden):
        super().__init__()
        self.sizes = dict(vocab_size=vocab, n_positions=context, n_layer=layers,
                          n_head=heads, n_embd=hidden)
        self.wte = nn.Embedding(vocab, hidden)
        self.wpe = nn.Embedding(context, hidden)
        self.blocks = nn.ModuleList(Block(hidden, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(hidden)
        for name, value in self.named_parameters():
            if value.dim() == 2:  # GPT-2: residual projections start smaller
                scale = math.sqrt(2 * layers) if name.endswith("_proj.weight") else 1
                nn.init.normal_(value, std=0.02 / scale)
            elif name.endswith("bias"):
                nn.init.zeros_(value)

    def forward(self, ids, targets):
        """Mean cross-entropy, ids and targets [B, T]."""
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head_loss(self.ln_f(x), self.wte.weight, targets)

    @staticmethod
    def head_loss(x, weight, targets):
        logits = F.linear(x, weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))

    def optimizer_groups(self, weight_decay):
        matrices = [p for p in self.parameters() if p.dim() == 2]
        vectors = [p for p in self.parameters() if p.dim() != 2]
        return [{"params": matrices, "weight_decay": weight_decay},
                {"params": vectors, "weight_decay": 0.0}]


def hugging_face_name(name):
    name = (name.replace("blocks.", "h.").replace("attn_proj", "attn.c_proj")
            .replace("c_attn", "attn.c_attn").replace("c_fc", "mlp.c_fc")
            .replace("mlp_proj", "mlp.c_proj"))
    return "transformer." + name


def _convert(name, value):
    # Hugging Face keeps GPT-2's projections as [in, out].
    transposed = name.startswith("blocks.") and value.dim() == 2
    return value.t().contiguous() if transposed else value


def save(model, folder):
    """Writes a Hugging Face directory."""
    from safetensors.torch import save_file
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = dict(model_type="gpt2", architectures=["GPT2LMHeadModel"],
                  activation_function="gelu_new", layer_norm_epsilon=1e-5,
                  tie_word_embeddings=True, torch_dtype="float32",
                  attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0, **model.sizes)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file({hugging_face_name(k): _convert(k, v) for k, v in
               model.state_dict().items()}, folder / "model.safetensors",
              metadata={"format": "pt"})


def load(model, folder):
    """Reads the weights of a Hugging Face directory of the same sizes."""
    from safetensors.torch import load_file
    stored = load_file(pathlib.Path(folder) / "model.safetensors")
    model.load_state_dict({k: _convert(k, stored[hugging_face_name(k)])
                           for k in model.state_dict()})

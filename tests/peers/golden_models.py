"""The tiny models whose behaviour is pinned by tests/goldens.

Sizes are chosen to be awkward: a vocabulary divisible by neither 2 nor 3, an
FFN width not divisible by 4, 3 layers, 3 or 2 KV heads under 6 query heads.
Every parameter is random and large enough to matter, norms and biases too.
"""
import torch
import transformers as hf

HIDDEN, HEADS, LAYERS, CONTEXT, FFN = 24, 6, 3, 32, 50


def _gpt2(**settings):
    return hf.GPT2LMHeadModel(hf.GPT2Config(
        vocab_size=65, n_positions=CONTEXT, n_embd=HIDDEN, n_layer=LAYERS,
        n_head=HEADS, n_inner=FFN, attn_pdrop=0.0, embd_pdrop=0.0,
        resid_pdrop=0.0, bos_token_id=0, eos_token_id=0, **settings))


def _opt(**settings):
    return hf.OPTForCausalLM(hf.OPTConfig(
        vocab_size=67, max_position_embeddings=CONTEXT, hidden_size=HIDDEN,
        word_embed_proj_dim=HIDDEN, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, ffn_dim=FFN, dropout=0.0, **settings))


def _llama_sizes():
    return dict(max_position_embeddings=CONTEXT, hidden_size=HIDDEN,
                num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                intermediate_size=FFN, bos_token_id=1, eos_token_id=2)


def _llama(**settings):
    return hf.LlamaForCausalLM(hf.LlamaConfig(**_llama_sizes(), **settings))


def _qwen2(**settings):
    return hf.Qwen2ForCausalLM(hf.Qwen2Config(**_llama_sizes(), **settings))


# name -> function that makes the model
MODELS = {
    "gpt2_tied": lambda: _gpt2(activation_function="gelu_new"),
    "gpt2_untied": lambda: _gpt2(activation_function="gelu",
                                 tie_word_embeddings=False),
    "opt_tied": lambda: _opt(activation_function="relu"),
    "opt_untied": lambda: _opt(activation_function="relu",
                               tie_word_embeddings=False),
    "llama_untied": lambda: _llama(vocab_size=65, num_key_value_heads=2,
                                   rms_norm_eps=1e-6,
                                   tie_word_embeddings=False),
    "llama_tied": lambda: _llama(vocab_size=67, num_key_value_heads=3,
                                 rms_norm_eps=1e-5, rope_theta=500.0,
                                 tie_word_embeddings=True),
    "qwen2_tied": lambda: _qwen2(vocab_size=65, num_key_value_heads=2,
                                 rms_norm_eps=1e-6, rope_theta=1000.0,
                                 tie_word_embeddings=True),
}


def build(name, seed):
    """The model in fp32, its weights a pure function of (name, seed)."""
    model = MODELS[name]().float().eval()
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in model.named_parameters():
            is_norm_weight = value.dim() == 1 and key.endswith("weight")
            value.normal_(1.0 if is_norm_weight else 0.0, 0.2, generator=noise)
    return model

#!/usr/bin/env python3
"""Times PyTorch's training step of GPT-2 124M on the CPU.

A step is forward + backward + gradient clipping + AdamW on B x T random tokens,
fp32 or bf16 autocast (fp32 weights). The process starts again in a clean
environment (variables such as OPENBLAS_CORETYPE were seen to cost a third) with
settings chosen in PyTorch's favour. Prints one JSON object.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys
import time

CLEAN = "PERDURE_BENCH_ENVIRONMENT_IS_CLEAN"


def start_again_clean(threads):
    if os.environ.get(CLEAN):
        return
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    environment = {k: os.environ[k] for k in kept if k in os.environ}
    environment.update({
        CLEAN: "1",
        "OMP_NUM_THREADS": str(threads),
        # Keeps freed activations in the process, backed by huge pages: fewer
        # page faults.
        "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=17179869184:"
                          "glibc.malloc.trim_threshold=17179869184:"
                          "glibc.malloc.hugetlb=1"})
    if "avx512f" in pathlib.Path("/proc/cpuinfo").read_text():
        environment["ATEN_CPU_CAPABILITY"] = "avx512"  # torch 1.13: AVX2
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def common_parser(description, steps, warmup):
    """What every timed step of GPT-2 124M can be told."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--warmup", type=int, default=warmup)
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    return parser


def parse():
    parser = common_parser(__doc__, steps=10, warmup=2)
    parser.add_argument("--chunked_head", action="store_true",
                        help="linear_cross_entropy by chunks (torch >= 2.12)")
    return parser.parse_args()


def make_model(torch, args):
    sys.path.append(str(pathlib.Path(__file__).parents[2] / "tests" / "peers"))
    import torch_gpt2
    model = torch_gpt2.Gpt2(50257, 1024, layers=12, heads=12, hidden=768)
    if args.chunked_head:
        functional = torch.nn.functional
        model.head_loss = lambda x, weight, targets: functional.linear_cross_entropy(
            x.view(-1, x.shape[-1]), weight, targets.reshape(-1),
            options=torch.nn.LinearCrossEntropyOptions())
    return model


def make_optimizer(torch, model):
    """The fused AdamW where torch has one for the CPU."""
    groups = model.optimizer_groups(0.1)
    try:
        return torch.optim.AdamW(groups, lr=1e-4, fused=True), True
    except (RuntimeError, TypeError):
        return torch.optim.AdamW(groups, lr=1e-4, foreach=False), False


def time_steps(torch, args, model, optimizer):
    """Milliseconds of each step after the warm-up, and the last loss."""
    forward = torch.compile(model) if args.compile else model
    times = []
    for step in range(args.warmup + args.steps):
        window = torch.randint(50257, (args.batch, args.tokens + 1))
        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16"):
            loss = forward(window[:, :-1], window[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        if step >= args.warmup:
            times.append(1e3 * (time.perf_counter() - begin))
    return times, value


def main():
    args = parse()
    start_again_clean(args.threads)
    import torch
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = make_model(torch, args)
    optimizer, fused = make_optimizer(torch, model)
    times, loss = time_steps(torch, args, model, optimizer)
    step_tokens = args.batch * args.tokens
    print(json.dumps({
        "peer": "torch " + torch.__version__, **vars(args), "fused_adamw": fused,
        "sdpa": hasattr(torch.nn.functional, "scaled_dot_product_attention"),
        "loss": loss, "ms": [round(t, 1) for t in times],
        "tokens_per_s_best": step_tokens / min(times) * 1e3,
        "tokens_per_s_median": step_tokens / statistics.median(times) * 1e3,
        "environment": {k: v for k, v in os.environ.items()
                        if k.startswith(("ATEN", "OMP", "MKL", "GLIBC"))}}))


if __name__ == "__main__":
    main()

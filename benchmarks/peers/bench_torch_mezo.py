#!/usr/bin/env python3
"""Times a MeZO step of GPT-2 124M in PyTorch on the CPU.

Malladi et al. 2023, algorithm 1: perturb by +eps z, loss, by -2 eps z, loss, by
+eps z, update; in place. z is drawn anew from the seed for each of the four
passes, as MeZO does, or drawn once a step and kept (--store: +0.5 GB). Written in
PyTorch's favour: one fused torch operation a tensor and pass. bf16 is autocast of
fp32 weights: torch draws bf16 noise six times more slowly. Prints one JSON object.
"""
import json
import statistics
import time

import bench_torch_gpt2

EPS, LR = 1e-3, 1e-6


def parse():
    parser = bench_torch_gpt2.common_parser(__doc__, steps=5, warmup=1)
    parser.add_argument("--store", action="store_true", help="keep z of a step")
    parser.set_defaults(chunked_head=False)
    return parser.parse_args()


class Noise:
    """z of one step, tensor by tensor, the same in every pass."""

    def __init__(self, torch, params, store):
        self.torch, self.params, self.store = torch, params, store
        self.generator = torch.Generator()
        self.buffers = [torch.empty_like(p) for p in params] if store else None
        largest = max(p.numel() for p in params)
        self.scratch = None if store else torch.empty(largest)

    def new_step(self, seed):
        self.seed = seed
        if self.store:
            self.generator.manual_seed(seed)
            for buffer in self.buffers:
                buffer.normal_(generator=self.generator)

    def add(self, scale):
        """params += scale z."""
        if self.store:
            self.torch._foreach_add_(self.params, self.buffers, alpha=scale)
            return
        self.generator.manual_seed(self.seed)
        for p in self.params:
            z = self.scratch[:p.numel()].view(p.shape)
            p.add_(z.normal_(generator=self.generator), alpha=scale)


def time_steps(torch, args, model):
    forward = torch.compile(model) if args.compile else model
    noise = Noise(torch, list(model.parameters()), args.store)
    times = []

    def loss(window):
        with torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16"):
            return forward(window[:, :-1], window[:, 1:]).item()

    for step in range(args.warmup + args.steps):
        window = torch.randint(50257, (args.batch, args.tokens + 1))
        begin = time.perf_counter()
        noise.new_step(step)
        noise.add(EPS)
        plus = loss(window)
        noise.add(-2 * EPS)
        minus = loss(window)
        noise.add(EPS)
        noise.add(-LR * (plus - minus) / (2 * EPS))
        if step >= args.warmup:
            times.append(1e3 * (time.perf_counter() - begin))
    return times


def main():
    args = parse()
    bench_torch_gpt2.start_again_clean(args.threads)
    import torch
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = bench_torch_gpt2.make_model(torch, args).eval()
    with torch.inference_mode():
        times = time_steps(torch, args, model)
    print(json.dumps({"peer": "torch " + torch.__version__, **vars(args),
                      "median": statistics.median(times),
                      "ms": [round(t, 1) for t in times]}))


if __name__ == "__main__":
    main()

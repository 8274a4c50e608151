"""A rank of recovery_vs_torchrun: sums a small gradient over all ranks, again and
again, and writes time and process of every step of rank 0 to a file. Started by torchrun."""
import datetime
import os
import sys
import time

import torch
import torch.distributed as dist

times, seconds = sys.argv[1], float(sys.argv[2])
torch.set_num_threads(1)
dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=seconds))
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.GELU(),
                            torch.nn.Linear(256, 64))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
batch = torch.randn(8, 64)
while True:
    optimizer.zero_grad()
    (model(batch) - batch).square().mean().backward()
    for parameter in model.parameters():
        dist.all_reduce(parameter.grad)
        parameter.grad /= dist.get_world_size()
    optimizer.step()
    time.sleep(0.01)
    if dist.get_rank() == 0:
        with open(times, "a", encoding="utf-8") as file:
            file.write(f"{time.time_ns()} {os.getpid()}\n")

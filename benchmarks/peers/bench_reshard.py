"""A state of so many MiB (weights and two moments, fp32) on other ranks than it was
saved from, in the ways of PyTorch and DeepSpeed: prints "name value" lines. Run with
a torch of its own.

  dcp_reshard_gb_s   torch.distributed.checkpoint: rows on two ranks, saved, loaded as
                     columns on two ranks
  ds_convert_s       DeepSpeed's universal checkpoint: ZeRO-1 of two ranks to slices
                     of every parameter, and those merged, as ds_to_universal.py does
"""
import argparse
import multiprocessing
import os
import pathlib
import shutil
import time

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh, zeros

SHAPE = (1024, 4096)
STATES = ("fp32", "exp_avg", "exp_avg_sq")


def drop_cache(folder):
    for file in folder.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def dcp_rank(rank, count, folder, port, results):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    state = {f"layer.{i}.{kind}": distribute_tensor(torch.randn(SHAPE), mesh, [Shard(0)])
             for i in range(count) for kind in STATES}
    dcp.save(state, checkpoint_id=folder)
    state = {name: zeros(*SHAPE, device_mesh=mesh, placements=[Shard(1)])
             for name in state}
    for tensor in state.values():
        tensor.to_local().fill_(1)  # its pages are there
    if rank == 0:
        drop_cache(folder)
    dist.barrier()
    start = time.perf_counter()
    dcp.load(state, checkpoint_id=folder)
    dist.barrier()
    if rank == 0:
        results.put(time.perf_counter() - start)
    dist.destroy_process_group()


def write_zero1(folder, count):
    """One file for each of two ranks: half of the flat parameters and moments."""
    numel = SHAPE[0] * SHAPE[1]
    half = count * numel // 2
    for rank in range(2):
        slices = {}
        for i in range(count):
            begin, end = max(i * numel, rank * half), min((i + 1) * numel, (rank + 1) * half)
            if begin < end:
                slices[f"layer.{i}.weight"] = (begin - rank * half, end - begin)
        flat = {state: torch.randn(half) for state in STATES}
        torch.save({"flat": flat, "slices": slices},
                   folder / f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt")


def extract(work):
    file, rank, temporary = work
    saved = torch.load(file, weights_only=True)
    for name, (begin, length) in saved["slices"].items():
        folder = temporary / name / "0"
        folder.mkdir(parents=True, exist_ok=True)
        for state, flat in saved["flat"].items():
            torch.save(flat.narrow(0, begin, length).clone(), folder / f"{state}.{rank:02d}")


def merge(work):
    name, temporary, output = work
    (output / name).mkdir(parents=True)
    for state in STATES:
        parts = sorted((temporary / name / "0").glob(f"{state}.*"))
        whole = torch.cat([torch.load(part, weights_only=True) for part in parts])
        torch.save({"param": whole.reshape(SHAPE), "cat_dim": 0},
                   output / name / f"{state}.pt")


def convert(source, count):
    temporary, output = source / "tmp", source / "zero"
    with multiprocessing.Pool(4) as pool:  # its default
        pool.map(extract, [(source / f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt",
                            rank, temporary) for rank in range(2)])
    with multiprocessing.Pool(2) as pool:  # its default
        pool.map(merge, [(f"layer.{i}.weight", temporary, output)
                         for i in range(count)])
    shutil.rmtree(temporary)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, required=True)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    count = max(2, arguments.mib // (16 * len(STATES)))
    folder = arguments.dir / "bench_reshard"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    results = multiprocessing.get_context("spawn").Queue()
    torch.multiprocessing.spawn(
        dcp_rank, (count, folder, 29500 + os.getpid() % 1000, results), nprocs=2)
    size = count * len(STATES) * SHAPE[0] * SHAPE[1] * 4 / 1e9
    print("dcp_reshard_gb_s", f"{size / results.get():.6g}")
    shutil.rmtree(folder)

    folder.mkdir()
    write_zero1(folder, count)
    drop_cache(folder)
    start = time.perf_counter()
    convert(folder, count)
    print("ds_convert_s", f"{time.perf_counter() - start:.6g}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

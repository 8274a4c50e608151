"""torch.save and torch.distributed.checkpoint of a state of so many MiB, once
each: prints "name value" lines. Run with a torch of its own."""
import argparse
import os
import pathlib
import shutil
import time

import torch
import torch.distributed.checkpoint as dcp


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def sync(path):
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)


def drop_cache(path):
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, required=True)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    # Tensors of 16 MiB, as a model's matrices are.
    state = {f"layer.{i}.weight": torch.randn(1024, 4096)
             for i in range(arguments.mib // 16)}
    size = sum(tensor.nbytes for tensor in state.values()) / 1e9
    def rate(took):
        print_value(name, size / took)

    def print_value(name, value):
        print(name, f"{value:.6g}")

    file = arguments.dir / "torch_save.pt"
    folder = arguments.dir / "torch_dcp"
    shutil.rmtree(folder, ignore_errors=True)

    name = "torch_save_gb_s"
    rate(seconds(lambda: (torch.save(state, file), sync(file))))
    drop_cache(file)
    name = "torch_load_gb_s"
    rate(seconds(lambda: torch.load(file)))
    file.unlink()

    name = "dcp_save_gb_s"
    rate(seconds(lambda: (dcp.save(state, checkpoint_id=folder), sync(folder))))
    drop_cache(folder)
    name = "dcp_load_gb_s"
    rate(seconds(lambda: dcp.load(state, checkpoint_id=folder)))
    start = time.perf_counter()
    shutil.rmtree(folder)
    pending = dcp.async_save(state, checkpoint_id=folder)
    print_value("dcp_async_stall_s", time.perf_counter() - start)
    pending.result()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

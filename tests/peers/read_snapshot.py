#!/usr/bin/env python3
"""Opens a snapshot as other programs do: transformers, safetensors, h5py.

  read_snapshot.py SNAPSHOT_DIR [--reference HF_DIR]

Fails if transformers misses or does not use a tensor, if a parameter of the
loaded model differs from the file's bytes, if h5py cannot read a dataset of
optimizer.h5, or if the weights differ from those of the reference directory.
In the virtual environment of tests/peers/requirements.txt plus python3-h5py.
"""
import argparse
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def check_model(directory):
    """from_pretrained takes the directory as it is, every tensor bit for bit."""
    model, info = AutoModelForCausalLM.from_pretrained(
        directory, torch_dtype="auto", output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys",
                 "error_msgs"):
        if info[what]:
            sys.exit(f"{directory}: {what}: {info[what]}")
    stored = load_file(directory / "model.safetensors")
    state = model.state_dict()
    for name, tensor in stored.items():
        if not torch.equal(state[name], tensor.to(state[name].dtype)):
            sys.exit(f"{directory}: {name} is not what the file holds")
    with torch.no_grad():
        logits = model(torch.tensor([[2, 3, 4]])).logits
    if not torch.isfinite(logits).all():
        sys.exit(f"{directory}: the model's logits are not finite")
    print(f"transformers: {type(model).__name__}, {len(stored)} tensors, "
          f"{model.dtype}")
    return stored


def check_optimizer(path, weights):
    """h5py reads every dataset, in the shape of its weight."""
    if not path.exists():
        print("no optimizer.h5")
        return
    import h5py
    with h5py.File(path, "r") as file:
        for kind in file:
            if set(file[kind]) != set(weights):
                sys.exit(f"{path}: {kind} has other tensors than the model")
            for name in file[kind]:
                values = torch.from_numpy(file[kind][name][...])
                if values.shape != weights[name].shape:
                    sys.exit(f"{path}: {kind}/{name} has another shape")
                if not torch.isfinite(values).all():
                    sys.exit(f"{path}: {kind}/{name} is not finite")
                if kind == "master" and not torch.equal(
                        values.to(weights[name].dtype), weights[name]):
                    sys.exit(f"{path}: {kind}/{name} is not its weight's master")
            print(f"h5py: /{kind}: {len(file[kind])} datasets")


def check_reference(stored, directory):
    reference = load_file(directory / "model.safetensors")
    if set(reference) != set(stored):
        sys.exit(f"{directory} has other tensors: "
                 f"{sorted(set(reference) ^ set(stored))}")
    for name, tensor in reference.items():
        same = (tensor.dtype == stored[name].dtype
                and tensor.shape == stored[name].shape
                and tensor.numpy(force=True).tobytes()
                == stored[name].numpy(force=True).tobytes())
        if not same:
            sys.exit(f"{directory}: {name} differs")
    print(f"equal to {directory}, bit for bit")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("snapshot", type=pathlib.Path)
    parser.add_argument("--reference", type=pathlib.Path)
    arguments = parser.parse_args()
    stored = check_model(arguments.snapshot)
    check_optimizer(arguments.snapshot / "optimizer.h5", stored)
    if arguments.reference:
        check_reference(stored, arguments.reference)


if __name__ == "__main__":
    main()

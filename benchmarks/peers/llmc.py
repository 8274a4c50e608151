"""llm.c's CPU trainer as a peer: builds it and feeds it.

None of its code is kept here: `LLMC_DIR` names a checkout, of which a copy with
other constants (sequence length, number of steps) is compiled.
"""
import array
import os
import pathlib
import random
import re

from case import clean_environment, run

BUILD = ("-Ofast -march=native -mprefer-vector-width=512 -fopenmp -DOMP "
         "-Wno-unused-result").split()
LAYERS, HEADS, WIDTH, CONTEXT, VOCAB, PADDED = 12, 12, 768, 1024, 50257, 50304


def write_tokens(path, count=300000):
    """Random GPT-2 tokens in llm.c's format, which Perdure reads too."""
    noise = random.Random(1)
    header = array.array("i", [20240520, 1, count] + [0] * 253)
    ids = array.array("H", (noise.randrange(VOCAB) for _ in range(count)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(header.tobytes() + ids.tobytes())


def write_model(path):
    """A GPT-2 124M with small random weights, in llm.c's format, version 3."""
    sizes = [PADDED * WIDTH, CONTEXT * WIDTH]
    per_layer = [(WIDTH, 1), (WIDTH, 0), (3 * WIDTH * WIDTH, None),
                 (3 * WIDTH, 0), (WIDTH * WIDTH, None), (WIDTH, 0), (WIDTH, 1),
                 (WIDTH, 0), (4 * WIDTH * WIDTH, None), (4 * WIDTH, 0),
                 (4 * WIDTH * WIDTH, None), (WIDTH, 0)]
    plan = [(n, None) for n in sizes] + [(n * LAYERS, v) for n, v in per_layer]
    plan += [(WIDTH, 1), (WIDTH, 0)]
    noise = random.Random(2)
    # A block of noise, repeated: the speed does not depend on the values.
    block = array.array("f", (noise.gauss(0, 0.02) for _ in range(1 << 16)))
    header = [20240326, 3, CONTEXT, VOCAB, LAYERS, HEADS, WIDTH, PADDED]
    with open(path, "wb") as file:
        array.array("i", header + [0] * 248).tofile(file)
        for count, value in plan:
            part = block if value is None else array.array("f", [value]) * (1 << 16)
            for begin in range(0, count, len(part)):
                part[:min(len(part), count - begin)].tofile(file)


def _build(source, work, tokens, steps):
    """Compiles a copy for one sequence length; every change must apply."""
    text = (source / "train_gpt2.c").read_text()
    for old, new in (("int T = 64;", f"int T = {tokens};"),
                     ("step <= 40;", f"step <= {steps};"),
                     ("int val_num_batches = 5;", "int val_num_batches = 1;")):
        if text.count(old) != 1:
            raise RuntimeError(f"{source}/train_gpt2.c has no single '{old}': "
                               "this version of llm.c is not known")
        text = text.replace(old, new)
    program = work / f"train_gpt2_{tokens}"
    (work / "train.c").write_text(text)
    run(["gcc", *BUILD, "-I", str(source), "-o", str(program),
         str(work / "train.c"), "-lm"], env=clean_environment())
    return program


def time_steps(case, work):
    """Milliseconds of each step but the first, which allocates."""
    work = pathlib.Path(work)
    data = work / "dev/data/tinyshakespeare"
    for split in ("train", "val"):
        if not (data / f"tiny_shakespeare_{split}.bin").exists():
            write_tokens(data / f"tiny_shakespeare_{split}.bin")
    if not (work / "gpt2_124M.bin").exists():
        write_model(work / "gpt2_124M.bin")
    program = _build(pathlib.Path(os.environ["LLMC_DIR"]), work, case.tokens,
                     max(1, case.steps() // 2))
    output = run([str(program)], cwd=work,
                 env=clean_environment(OMP_NUM_THREADS=str(case.threads)))
    return [float(ms) for ms in re.findall(r"took ([0-9.]+) ms", output)][1:]

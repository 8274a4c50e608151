"""Runs one case with Perdure or with a peer; each gives milliseconds a step."""
import json
import os
import pathlib
import tempfile

import llmc
from case import clean_environment, run

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = pathlib.Path(os.environ.get(
    "PERDURE_CACHE", pathlib.Path.home() / ".cache" / "perdure"))


def _mpirun(ranks):
    bind = ["--bind-to", "core"]
    if ranks > len(os.sched_getaffinity(0)):  # they share the cores
        bind = ["--bind-to", "none", "--oversubscribe",
                "--mca", "mpi_yield_when_idle", "1"]
    line = ["mpirun", "-n", str(ranks), *bind]
    return line + (["--allow-run-as-root"] if os.geteuid() == 0 else [])


def overrides(case, tokens):
    return {
        "data.train.path": tokens,
        "data.val.path": tokens,  # opened even where nothing is evaluated
        "train.steps": case.warmup() + case.steps(),
        "train.global_batch": case.batch,
        "train.micro_batch": case.batch // case.ranks,
        "train.sequence_length": case.tokens,
        "train.dtype": case.dtype.upper(),
        "train.threads_per_rank": case.threads,
        "topology.dp": case.ranks,
        "eval.every_steps": 0,
        "snapshot.at_end": "false",
    }


def random_tokens():
    tokens = CACHE / "benchmark" / "random_tokens.bin"
    if not tokens.exists():
        llmc.write_tokens(tokens)
    return tokens


def run_pretrain(folder, ranks, settings):
    """The steps of metrics.jsonl of a run in folder/run."""
    build = pathlib.Path(os.environ.get("PERDURE_BUILD", ROOT / "build/release"))
    command = [build / "bin/pretrain", "--run_dir", f"{folder}/run",
               "--config", ROOT / "configs/gpt2_124m.textproto"]
    for path, value in settings.items():
        command += ["--set", f"{path}={value}"]
    prefix = _mpirun(ranks) if ranks > 1 else []
    run([*prefix, *map(str, command)], env=clean_environment())
    lines = pathlib.Path(folder, "run/metrics.jsonl").read_text().splitlines()
    return [step for step in map(json.loads, lines) if "seconds" in step]


def perdure(case):
    with tempfile.TemporaryDirectory() as folder:
        steps = run_pretrain(folder, case.ranks, overrides(case, random_tokens()))
    return [1e3 * step["seconds"] for step in steps][case.warmup():]


def torch_runner(python, flags):
    """A peer: the interpreter of a virtual environment and a variant's flags."""
    def time_steps(case):
        output = run([python, str(HERE / "bench_torch_gpt2.py"), *flags,
                      "--batch", str(case.batch), "--tokens", str(case.tokens),
                      "--dtype", case.dtype, "--threads", str(case.threads),
                      "--steps", str(case.steps()), "--warmup",
                      str(case.warmup())])
        return json.loads(output.splitlines()[-1])["ms"]
    return time_steps


def llmc_runner(case):
    work = CACHE / "benchmark" / "llmc"
    work.mkdir(parents=True, exist_ok=True)
    return llmc.time_steps(case, work)


def _torch_version(python):
    return run([python, "-c", "import torch; print(torch.__version__)"]).strip()


def _environment(variable, folder):
    """(python, version of torch) of a virtual environment, or None."""
    venv = pathlib.Path(os.environ.get(variable, CACHE / folder))
    python = str(venv / "bin/python")
    if os.path.exists(python):
        return python, _torch_version(python)
    print(f"left out: no virtual environment {venv} ({variable})")
    return None


def torch_environments():
    """All that are there, as _environment gives them."""
    found = [_environment("PERDURE_PEERS_VENV", "peers"),
             _environment("PERDURE_TORCH_VENV", "torch")]
    return [environment for environment in found if environment]


def find_peers():
    """name -> function of a case. Those that are not there are left out."""
    found = {}
    for python, version in torch_environments():
        found[f"torch {version} eager"] = torch_runner(python, [])
        if int(version.split(".")[0]) >= 2:
            found[f"torch {version} compile"] = torch_runner(python, ["--compile"])
    if "LLMC_DIR" in os.environ:
        found["llm.c"] = llmc_runner
    else:
        print("left out: llm.c (LLMC_DIR names no checkout)")
    return found

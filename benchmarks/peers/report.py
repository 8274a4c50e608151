"""The benchmark page, from the measurements."""
import datetime
import os
import pathlib
import re

from case import run

ROOT = pathlib.Path(__file__).resolve().parents[2]

INTRODUCTION = """\
# Pretraining GPT-2 124M on the CPU, beside its peers

Tokens per second of one training step (forward, backward, gradient clipping,
AdamW), B = 4 sequences of T random tokens: the median over all timed steps of
all rounds, in brackets the best. Perdure and its peers ran in turn, in a clean
environment, with settings chosen in favour of each (benchmarks/peers/README.md).
*ranks*: data parallel over so many ranks of one thread each. *bf16*: bf16 matrices
with fp32 masters (Perdure), bf16 autocast of fp32 weights (torch). *foreign*: the
most that other programs used of the machine during a run of this row; above 8 %
a row is not to be trusted.
"""


def _hardware():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    field = lambda key: re.search(rf"^{key}\s*: (.*)$", info, re.M).group(1)
    flags = field("flags").split()
    isa = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (f"{os.cpu_count()} × {field('model name')} (family {field('cpu family')}, "
            f"model {field('model')}; {', '.join(isa)}), {pages:.0f} GiB")


def _commit():
    head = run(["git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"]).strip()
    dirty = run(["git", "-C", ROOT, "status", "--porcelain", "-uno"]).strip()
    return head + (" with local changes" if dirty else "")


def _cell(result):
    if result is None:
        return "–"
    return f"{result.tokens_per_s():.0f} ({result.tokens_per_s(min):.0f})"


def _row(row, names, results):
    tokens, dtype, cores = row
    mine = {name: result for (name, case), result in results.items()
            if (case.tokens, case.dtype, case.cores) == row}
    ours = [r.tokens_per_s() for n, r in mine.items() if n.startswith("Perdure")]
    ratio = lambda prefix: max(
        (r.tokens_per_s() for n, r in mine.items() if n.startswith(prefix)),
        default=None)
    versus = [f"{max(ours) / best:.2f} ×" if ours and best else "–"
              for best in (ratio("torch"), ratio("llm.c"))]
    foreign = max(max(r.foreign) for r in mine.values())
    cells = [f"4 × {tokens}", dtype, str(cores),
             *(_cell(mine.get(name)) for name in names), *versus,
             f"{100 * foreign:.0f} %"]
    return "| " + " | ".join(cells) + " |"


def facts(script, options):
    """Where, when and how a page was measured."""
    options = [o for o in options
               if "/" not in o and o not in ("--page", "--raw")]
    command = " ".join([f"benchmarks/peers/{script}", *options])
    return [f"- hardware: {_hardware()}", f"- commit: {_commit()}",
            f"- date: {datetime.date.today()}", f"- command: `{command}`"]


def page(results, options):
    """Markdown. results: (name, Case) -> Result."""
    names = list(dict.fromkeys(name for name, _ in results))
    rows = sorted({(c.tokens, c.dtype, c.cores) for _, c in results})
    head = ["B × T", "dtype", "cores", *names, "best Perdure / best torch",
            "best Perdure / llm.c", "foreign"]
    return "\n".join([
        INTRODUCTION, *facts("pretrain_vs_peers", options), "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *(_row(row, names, results) for row in rows), ""])

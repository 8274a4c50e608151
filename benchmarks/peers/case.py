"""What is measured: one shape of one training step, and how it went."""
import contextlib
import dataclasses
import os
import pathlib
import resource
import statistics
import subprocess


@dataclasses.dataclass(frozen=True)
class Case:
    tokens: int          # T
    dtype: str           # fp32 or bf16
    threads: int         # of each rank
    ranks: int = 1
    batch: int = 4       # B, of all ranks together

    @property
    def cores(self):
        return self.threads * self.ranks

    def steps(self):
        """Timed steps of one run: a large shape needs fewer."""
        return {64: 8, 256: 4}.get(self.tokens, 2)

    def warmup(self):
        """Untimed steps before them: of long steps, one settles enough."""
        return 2 if self.tokens <= 256 else 1


@dataclasses.dataclass
class Result:
    """Milliseconds a step, over all runs, and who else used the machine."""
    case: Case
    ms: list = dataclasses.field(default_factory=list)
    foreign: list = dataclasses.field(default_factory=list)  # shares, 0 .. 1

    def tokens_per_s(self, pick=statistics.median):
        return self.case.batch * self.case.tokens / pick(self.ms) * 1e3


def clean_environment(**more):
    """Variables such as OPENBLAS_CORETYPE distort what is measured."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {**{k: os.environ[k] for k in kept if k in os.environ}, **more}


def _busy_seconds():
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _, _, irq, soft, steal = map(int, fields)
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _our_seconds():
    usage = [resource.getrusage(who) for who in
             (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


@contextlib.contextmanager
def foreign_load(shares):
    """Appends the share of all processor time in the block that was not ours."""
    begin = _busy_seconds(), _our_seconds(), os.times().elapsed
    yield
    busy, ours = _busy_seconds() - begin[0], _our_seconds() - begin[1]
    elapsed = max(os.times().elapsed - begin[2], 1e-3)
    shares.append(max(0.0, busy - ours) / elapsed / os.cpu_count())


def run(command, **options):
    """Standard output of a command; its error text is ours if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise RuntimeError(f"{' '.join(map(str, command))}\n"
                           f"ended with {done.returncode}:\n{tail}")
    return done.stdout

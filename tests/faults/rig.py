"""The crash rig: run a program under the recorder, choose where the power fails, or kill it outright.

Rule. A program "says" something when it writes to its standard output; each line is an acknowledgement. What
it has said must be true on every disk that a power failure at that moment could leave.

    trace = run_recorded([python, "-m", "program", ...], root)      # every write and sync below root
    for seq in crash_points(trace, 200, seed=1):
        image = trace.image_at(seq, empty_directory, keep_unsynced="random", seed=seq)
        ...open the image, and look for all of trace.acks_before(seq)

and, to show that the test can fail, `drop_syncs=lambda op: op.path == "main.db-wal"`.
A snippet of Python may be given in place of an argument list; it finds the root in os.environ[ROOT].
Acknowledge with `ack(line)` or `print(line, flush=True)`: a line that was not flushed was not said.

`kill_at_random` ends a program with SIGKILL instead. The page cache survives that, so it shows that a program
recovers from being stopped anywhere; it shows nothing about syncs.
Linux with a C compiler only; elsewhere tests that need the recorder are skipped.
"""

from __future__ import annotations

import atexit
import functools
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest
from disk import Kind, Op, Trace, read_trace, read_tree

from amana.errors import VerificationFailed

ROOT = "AMANA_FAULTS_ROOT"
"""Environment variable in which a recorded program finds the watched directory."""

Program = Sequence[str] | str
"""An argument list, or Python source to run with this interpreter."""


def ack(line: str) -> None:
    """Tell the outside world one line, at once and in one write."""
    os.write(1, line.encode() + b"\n")


@functools.cache
def library() -> Path:
    """The recorder, compiled once per process. Skips the calling test where that cannot be done."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("the recorder needs Linux and a C compiler (cc)")
    directory = Path(tempfile.mkdtemp(prefix="amana-faults-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    built = directory / "recorder.so"
    flags = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-U_FORTIFY_SOURCE", "-pthread")
    source = Path(__file__).with_name("recorder.c")
    subprocess.run([compiler, *flags, "-o", str(built), str(source)], check=True)
    return built


def run_recorded(
    program: Program, root: Path, env: Mapping[str, str] | None = None, *, timeout: float = 120.0
) -> Trace:
    """Run a program to its end and return all it did to the files below `root`.

    What stands in `root` before counts as being on the disk. `env` is added to this process's environment;
    `timeout` is in seconds. Raises VerificationFailed when the program fails or wrote past the recorder,
    subprocess.TimeoutExpired (after killing it) when it takes too long.
    """
    root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()
    baseline = read_tree(root)
    with tempfile.TemporaryDirectory(prefix="amana-faults-") as name:
        work = Path(name).resolve()
        settings = {ROOT: str(root), "AMANA_FAULTS_TRACE": str(work / "trace")}
        settings |= {"AMANA_FAULTS_ACKS": str(work / "acks"), "LD_PRELOAD": str(library())}
        with open(work / "acks", "ab") as acks, open(work / "stderr", "w+b") as stderr:
            process = _start(program, {**(env or {}), **settings}, acks, stderr)
            in_time = _ends_within(process, timeout)
            _kill(process)
            said = _tail(stderr)
        if not in_time:
            raise subprocess.TimeoutExpired(process.args, timeout)
        trace = Trace(
            ops=read_trace(work / "trace"), baseline=baseline, returncode=process.returncode, stderr=said
        )
    if process.returncode != 0:
        raise VerificationFailed(
            "The recorded program failed", expected="exit status 0", got=f"{process.returncode}: {said}"
        )
    trace.check_complete(root)
    return trace


def _start(
    program: Program, env: Mapping[str, str], stdout: BinaryIO | int, stderr: BinaryIO
) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", program] if isinstance(program, str) else list(program)
    # A session of its own, so that the program's children can be ended with it.
    return subprocess.Popen(
        argv,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait without reaping: until it is reaped, its process group cannot become somebody else's."""
    descriptor = os.pidfd_open(process.pid)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _signal(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for a program that was not waited for yet, and for all it started."""
    os.killpg(process.pid, signal.SIGKILL)


def _kill(process: subprocess.Popen[bytes]) -> None:
    _signal(process)
    process.wait()


def _tail(stderr: BinaryIO) -> str:
    stderr.seek(0)
    return stderr.read().decode(errors="replace")[-2000:]


_TELLING = frozenset({Kind.SYNC, Kind.SYNC_ALL, Kind.RENAME, Kind.UNLINK, Kind.TRUNCATE, Kind.ACK})


def crash_points(trace: Trace, n: int, seed: int) -> list[int]:
    """`n` different crash points, in order, those near a promise eight times likelier than others.

    Near: beside a sync, rename, unlink, truncation or acknowledgement. The points before the first and after
    the last operation are always among them. A trace with fewer than `n` points gives them all.
    """
    rng = random.Random(seed)
    edges = {0, trace.last}
    inner = range(1, trace.last)
    # Weighted choice without replacement: the largest of u^(1/weight) (Efraimidis and Spirakis 2006).
    drawn = {seq: rng.random() ** (1 / (8 if _near_promise(trace.ops, seq) else 1)) for seq in inner}
    chosen = sorted(inner, key=drawn.__getitem__, reverse=True)[: max(0, n - len(edges))]
    return sorted(edges.union(chosen))


def _near_promise(ops: tuple[Op, ...], seq: int) -> bool:
    """Whether the operation before the point or the two after it are ones on which promises hang."""
    return any(op.kind in _TELLING for op in ops[seq - 1 : seq + 2])


class Killed(msgspec.Struct, frozen=True, kw_only=True):
    """How one run of `kill_at_random` ended."""

    acks: tuple[str, ...]  # whole lines that the program had written to its standard output
    returncode: int  # -9 where the kill came before the program's own end
    stderr: str


def kill_at_random(
    program: Program,
    n: int,
    seed: int,
    delay_range: tuple[float, float] = (0.0, 0.5),
    *,
    ack_range: tuple[int, int] = (1, 20),
    linger: float = 0.0,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> Iterator[Killed]:
    """Run a program `n` times and kill it with all its children; yields after each run, for the check.

    Every other run ends after a random delay (seconds), the rest after a random number of acknowledgements and
    up to `linger` seconds more; a run that says too little ends by itself or at `timeout` seconds.
    """
    rng = random.Random(seed)
    for turn in range(n):
        delay, acks = rng.uniform(*delay_range), rng.randint(*ack_range)
        limits = (delay, None) if turn % 2 == 0 else (timeout, acks)
        yield _killed(program, env or {}, *limits, rng.uniform(0, linger))


def _killed(
    program: Program, env: Mapping[str, str], seconds: float, acks: int | None, linger: float
) -> Killed:
    with tempfile.TemporaryFile() as stderr:
        process = _start(program, env, subprocess.PIPE, stderr)
        assert process.stdout is not None
        alarm = threading.Timer(seconds, _signal, [process])
        alarm.start()
        said: list[bytes] = []
        with process.stdout as lines:
            for line in lines:
                said.append(line)
                if len(said) == acks:
                    time.sleep(linger)
                    _signal(process)
        alarm.cancel()
        alarm.join()
        _kill(process)
        whole = tuple(line[:-1].decode() for line in said if line.endswith(b"\n"))
        return Killed(acks=whole, returncode=process.returncode, stderr=_tail(stderr))

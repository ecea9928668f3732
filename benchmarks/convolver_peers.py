"""Other convolvers behind one small interface: `run()` filters the signal once, and says its cost.

Each gets the same signal and the same filters, in the form that suits it best. Costs are seconds of
processor time of all threads, without starting up. An engine that is not installed gives a reason.
"""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numba
import numpy as np
from scipy.signal import oaconvolve

from roomcal.convolver import kernel
from roomcal.convolver.engine import Convolver

HERE = Path(__file__).resolve().parent
# BruteFIR's processes do not wait for each other: this one adopts and counts the orphans (Linux).
COUNT_ALL = """
import ctypes, os, resource, subprocess, sys
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
sys.exit(code)
"""


class Missing(Exception):  # noqa: N818 - an answer, not an error
    """An engine that cannot run here, and why."""


@dataclass(frozen=True)
class Case:
    """One row of the table: a matrix of filters, a block and a signal."""

    name: str
    n_channels: int
    n_taps: int
    block: int
    fs: int
    dense: bool
    seconds: float

    @property
    def n_blocks(self):
        """Blocks of the signal."""
        return max(64, round(self.seconds * self.fs / self.block))

    @cached_property
    def paths(self):
        """Where there is a filter: (output, input)."""
        channels = range(self.n_channels)
        return [(o, i) for o in channels for i in channels if self.dense or o == i]

    @cached_property
    def taps(self):
        """Filters of all paths, decaying noise, of shape (n_paths, n_taps), 32-bit floats."""
        rng = np.random.default_rng(1)
        envelope = 0.01 * np.exp(-4 * np.arange(self.n_taps) / self.n_taps)
        return np.float32(rng.standard_normal((len(self.paths), self.n_taps)) * envelope)

    @cached_property
    def x(self):
        """Signal, of shape (n_channels, n_frames), 32-bit floats."""
        rng = np.random.default_rng(2)
        return np.float32(0.1 * rng.standard_normal((self.n_channels, self.n_blocks * self.block)))

    def percent(self, cpu_s):
        """Processor time in per cent of the duration of the signal."""
        return 100 * cpu_s / (self.n_blocks * self.block / self.fs)


@numba.njit(nogil=True)
def _run_blocks(table, pool, x, y, block):
    for start in range(0, x.shape[1], block):
        kernel.process(table, pool, x[:, start : start + block], y[:, start : start + block])


class Roomcal:
    """The convolver of roomcal, called block by block from compiled code, interleaved frames."""

    def __init__(self, case, folder, dtype):  # noqa: ARG002 - all engines get the same
        shape = (case.n_channels, case.n_channels, case.n_taps)
        self.engine = Convolver(shape, block=case.block, paths=case.paths, dtype=dtype)
        matrix = np.zeros(shape)
        for (output, source), h in zip(case.paths, case.taps, strict=True):
            matrix[output, source] = h
        self.engine.load(0, matrix)
        self.engine.begin_with(0)
        self.block = case.block
        self.x = np.ascontiguousarray(case.x.T).T
        self.y = np.zeros_like(self.x)

    def run(self):
        """Filter the signal once."""
        start = time.process_time()
        _run_blocks(self.engine.table, self.engine.pool, self.x, self.y, self.block)
        return time.process_time() - start

    def close(self):
        """Nothing to end."""


class Zita:
    """zita-convolver, the engine of jconvolver, in a C++ program that is compiled here."""

    def __init__(self, case, folder):
        if case.block > 8192 or case.n_taps > 1 << 20 or case.block < 16:
            raise Missing("beyond its limits")
        program = folder / "zita_convolver"
        if not program.exists():
            compiler = shutil.which("g++")
            if not compiler:
                raise Missing("needs g++")
            source = HERE / "zita_convolver.cpp"
            libraries = ["-lzita-convolver", "-lfftw3f", "-lpthread"]
            done = subprocess.run(
                [compiler, "-O3", "-march=native", "-o", program, source, *libraries],
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise Missing("needs libzita-convolver-dev")
        files = [folder / f"{case.name}.{part}".replace(" ", "-") for part in ("x", "h", "y")]
        case.x.tofile(files[0])
        case.taps.tofile(files[1])
        numbers = [case.n_channels, case.n_taps, case.block, case.n_blocks, int(case.dense)]
        self.case, self.result = case, files[2]
        self.process = subprocess.Popen(
            [program, *files, *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.process.stdout.readline() != "ready\n":
            raise Missing("refuses this configuration")

    def run(self):
        """Filter the signal once."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    @property
    def y(self):
        """What it wrote at last."""
        return np.fromfile(self.result, dtype=np.float32).reshape(self.case.n_channels, -1)

    def close(self):
        """End the program."""
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class Pedalboard:
    """JUCE's convolution, through pedalboard: two channels at a time."""

    def __init__(self, case, folder):  # noqa: ARG002
        try:
            import pedalboard
        except ImportError:
            raise Missing("needs pip install pedalboard") from None
        if case.dense:
            raise Missing("has no matrix")
        self.case = case
        self.engines = [
            pedalboard.Convolution(case.taps[i : i + 2], 1.0, case.fs)
            for i in range(0, case.n_channels, 2)
        ]

    def run(self):
        """Filter the signal once."""
        case, start = self.case, time.process_time()
        for number, engine in enumerate(self.engines):
            part = case.x[2 * number : 2 * number + 2]
            engine.process(part, case.fs, buffer_size=case.block, reset=False)
        return time.process_time() - start

    def close(self):
        """Nothing to end."""


class Scipy:
    """scipy's overlap-add convolution of a long signal at once, offline."""

    def __init__(self, case, folder):  # noqa: ARG002
        if case.dense:
            raise Missing("has no matrix")
        self.case = case
        rng = np.random.default_rng(3)
        n_frames = 24 * case.n_taps  # half a minute: long enough for its best block
        self.x = np.float32(0.1 * rng.standard_normal((case.n_channels, n_frames)))

    def run(self):
        """Filter as much as the signal of the others has."""
        start = time.process_time()
        oaconvolve(self.x, self.case.taps, axes=1)
        share = self.case.x.shape[1] / self.x.shape[1]
        return (time.process_time() - start) * share

    def close(self):
        """Nothing to end."""


class BruteFir:
    """BruteFIR from file to file; what starting it takes is subtracted."""

    def __init__(self, case, folder):
        if not shutil.which("brutefir"):
            raise Missing("needs brutefir")
        if case.dense:
            raise Missing("not asked for")
        self.folder = folder
        self.short, self.long = (
            self._configuration(case, part, name)
            for name, part in (("short", case.x[:, : case.block]), ("long", case.x))
        )

    def _configuration(self, case, x, name):
        stem = self.folder / f"brutefir-{name}"
        x.T.tofile(f"{stem}.in")
        channels = range(case.n_channels)
        for channel in channels:
            case.taps[channel].tofile(f"{stem}.h{channel}")
        inputs = ", ".join(f'"x{channel}"' for channel in channels)
        outputs = ", ".join(f'"y{channel}"' for channel in channels)
        text = f"""
float_bits: 32; sampling_rate: {case.fs}; filter_length: {case.block},{case.n_taps // case.block};
overflow_warnings: false; show_progress: false; max_dither_table_size: 0;
allow_poll_mode: false; monitor_rate: false; powersave: false; lock_memory: false;
modules_path: "/usr/lib/brutefir"; convolver_config: "{self.folder}/brutefir-wisdom";
input {inputs} {{ device: "file" {{ path: "{stem}.in"; }};
  sample: "FLOAT_LE"; channels: {case.n_channels}; }};
output {outputs} {{ device: "file" {{ path: "{stem}.out"; }};
  sample: "FLOAT_LE"; channels: {case.n_channels}; dither: false; }};
"""
        for channel in channels:
            text += f"""
coeff "h{channel}" {{ filename: "{stem}.h{channel}"; format: "FLOAT_LE"; attenuation: 0.0; }};
filter "f{channel}" {{ from_inputs: "x{channel}"; to_outputs: "y{channel}";
  coeff: "h{channel}"; }};
"""
        path = Path(f"{stem}.conf")
        path.write_text(text)
        return path

    def _cpu_s(self, configuration):
        done = subprocess.run(
            [sys.executable, "-c", COUNT_ALL, "brutefir", "-nodefault", configuration],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise Missing(done.stderr.strip().splitlines()[-1])
        return float(done.stdout)

    def run(self):
        """Filter the signal once."""
        return max(1e-9, self._cpu_s(self.long) - self._cpu_s(self.short))

    def close(self):
        """Nothing to end."""

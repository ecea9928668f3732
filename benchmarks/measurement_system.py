"""What measuring costs and survives: time, memory, `kill -9`, a real audio system, the matrix.

The kills and the chain through JACK are those of the tests, run here for their figures.
"""

import importlib.util
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from peak_memory import peak_memory_mb
from scipy.io import wavfile

from roomcal.measure.judge import judge_capture
from roomcal.measure.plan import plan_take
from roomcal.model.sweep import Sweep

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
FS = 48000
KILLS = 50
# Measuring, data and process, safety: what runs live has a matrix of its own.
ROWS = [*range(1, 34), *range(42, 54)]
# The job in a process of its own, in a room that plays and is judged.
SESSION = """
import pathlib, tempfile
from roomcal.jobs.conversation import Silent
from roomcal.jobs.measure import MeasureRequest, measure
from roomcal.jobs.studio import open_place
with tempfile.TemporaryDirectory() as folder:
    place = open_place(pathlib.Path(folder), "virtual:control-room")
    studio = place.studio
    request = MeasureRequest(studio.speakers, studio.positions[:{positions}])
    measure(pathlib.Path(folder), "s", place, request, Silent())
"""


def speed(record, *, quick: bool) -> list[tuple]:
    """Time the analysis of a take of 3 x 5.5 s, and measure the memory of a whole session."""
    plan = plan_take(Sweep(fs=FS), repeats=3)
    capture, _ = record("bedroom", "L", plan, cable=False, perfect=False)
    times = []
    for _ in range(2 if quick else 5):
        start = time.process_time()
        judge_capture(capture)
        times.append(time.process_time() - start)
    memory_mb = peak_memory_mb(SESSION.format(positions=1 if quick else 9))
    positions = "1 position" if quick else "9 positions"
    return [
        ("analysis of a take of 3 x 5.5 s", statistics.median(times), "s", 2.0),
        (f"memory of `measure`, 2 speakers x {positions}", memory_mb, "MB", 600.0),
    ]


def kills() -> list[tuple]:
    """Kill a measurement at 50 random moments: what was lost, or not told of.

    The program asserts both after every kill, and fails with the first of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(TESTS / "killed_sessions.py"), folder, "moments"],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    failures = float(done.returncode != 0)
    return [(f"finished takes lost, or not told of, in {KILLS} kills", failures, "", 0.0)]


def chain() -> list[tuple]:
    """Measure through JACK: the largest level error against the room's own truth."""
    if shutil.which("jackd") is None or importlib.util.find_spec("jack") is None:
        print("no chain: apt install jackd2, pip install JACK-Client", file=sys.stderr)
        return [("level error through JACK, 20 Hz-20 kHz", float("nan"), "dB", 0.01)]
    conftest, tests = (_module(TESTS / "jack" / f"{n}.py") for n in ("conftest", "test_jack_chain"))
    taps = conftest.taps.__wrapped__()
    with tempfile.TemporaryDirectory() as folder, conftest._lab(Path(folder)) as lab:
        bench = lab.bench()
        bench.open_room(taps, "room")
        bench.studio(output="room")
        code, _, err = bench.run(f"measure before {tests.TAKE} --level -20")
        if code:
            raise RuntimeError(err)
        session = bench.folder / "measurements" / "before"
        document = json.loads((session / "session.json").read_text())
        errors_db = []
        for record in document["responses"]:
            _, h = wavfile.read(session / record["file"]["name"])
            truth = taps["LR".index(record["speaker"])]
            errors_db.append(tests.band_levels_db(h) - tests.band_levels_db(truth))
    worst = float(np.abs(errors_db).max())
    return [("level error through JACK, 20 Hz-20 kHz", worst, "dB", 0.01)]


def matrix() -> list[tuple]:
    """Count the rows of the fault matrix without a test of their number."""
    found = {
        int(n)
        for file in TESTS.rglob("test_*.py")
        for n in re.findall(r"^def test_row_(\d\d)_", file.read_text("utf-8"), re.MULTILINE)
    }
    missing = [n for n in ROWS if n not in found]
    return [(f"rows of the fault matrix without a test, of {len(ROWS)}", len(missing), "", 0.0)]


def _module(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

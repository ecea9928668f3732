"""What is looked at: smoothing and decays of a million samples, and the report.

The report is that of two speakers at nine positions: its time, its size and its memory. Times are
those of the processor, which a busy machine does not stretch.

    python benchmarks/seeing.py [--json] [--quick]

`--quick` leaves out the report with a bank and a verification.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from roomcal.analyze.cumulative_decay import cumulative_decay
from roomcal.analyze.phase import phase_response
from roomcal.analyze.spectrograms import spectrogram, wavelet_spectrogram
from roomcal.analyze.waterfall import waterfall
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.dsp.smoothing import NAMED_WIDTHS, smoothed_level_db
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import log_grid_hz

FS = 48000
MEGA = 1_000_000
ROOM, N_POSITIONS, DURATION_S = "bedroom", 9, 1.4
WIDTHS = (48, 24, 12, 6, 3, 1, *NAMED_WIDTHS)
SMOOTHING_S, DECAY_S = 0.1, 2.0
REPORT_S, REPORT_MB, MEMORY_MB = 10.0, 1.5, 800.0
REPEATS = 5


def goal(name: str, figure: float, unit: str, limit: float) -> dict[str, object]:
    """State one goal."""
    return {
        "name": name,
        "figure": round(float(figure), 4),
        "unit": unit,
        "goal": f"< {limit:g}",
        "met": bool(figure < limit),
    }


def seconds(work: Callable[[], object], *, repeats: int = REPEATS) -> float:
    """Return the median time of some runs."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def million() -> ImpulseResponse:
    """Make a response of a million samples that decays by 60 dB a second."""
    rng = np.random.default_rng(1)
    h = 0.05 * rng.standard_normal(MEGA) * 10.0 ** (-3.0 * np.arange(MEGA) / FS)
    h[:1000] = 0.0
    h[1000] = 1.0
    return ImpulseResponse(h, FS, "L", "p1")


def transform_goals() -> list[dict[str, object]]:
    """Time what a picture of a million samples needs."""
    response = million()
    f_hz = log_grid_hz(20.0, 20000.0, 96)
    goals = []
    slowest, width = max(
        (seconds(lambda w=w: smoothed_level_db(response.samples, FS, f_hz, w)), str(w))
        for w in WIDTHS
    )
    goals.append(goal(f"smoothing 1M samples, the slowest ({width})", slowest, "s", SMOOTHING_S))
    for name, work in (
        ("waterfall", waterfall),
        ("cumulative decay", cumulative_decay),
        ("spectrogram", spectrogram),
        ("wavelet spectrogram", wavelet_spectrogram),
        ("phase and group delay", phase_response),
    ):
        taken = seconds(lambda work=work: work(response), repeats=3)
        goals.append(goal(f"{name} of 1M samples", taken, "s", DECAY_S))
    return goals


def roomcal(folder: Path, *arguments: str) -> tuple[float, float]:
    """Run the tool: seconds of the processor, and the peak of its memory in MB.

    Where the system tells neither, seconds by the clock and NaN.
    """
    command = [sys.executable, "-m", "roomcal", "-C", str(folder), "--quiet", *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    if hasattr(os, "wait4"):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1024.0**2 if sys.platform == "darwin" else 1024.0
        taken, memory_mb = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit
    else:
        process.wait()
        taken, memory_mb = time.perf_counter() - start, float("nan")
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return taken, memory_mb


def write_session(folder: Path) -> None:
    """Import the true responses of a virtual room with a little noise."""
    room = ROOMS[ROOM]
    studio = VirtualStudio(room)
    rng = np.random.default_rng(2)
    names = []
    for speaker in room.speakers[:2]:
        for position in room.positions[:N_POSITIONS]:
            h = np.array(studio.true_response(speaker.name, position.name, FS).samples)
            h = np.pad(h, (0, max(round(DURATION_S * FS) - h.size, 0)))[: round(DURATION_S * FS)]
            h += 1e-6 * rng.standard_normal(h.size)
            names.append(str(folder / f"{speaker.name}-{position.name}.wav"))
            soundfile.write(names[-1], h, FS, subtype="FLOAT")
    for session in ("before", "after"):
        roomcal(folder, "import", *names, "--session", session)


def report_goals(*, quick: bool) -> list[dict[str, object]]:
    """Time and weigh the report."""
    goals = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_session(folder)
        cases = [("report", ["report", "before"])]
        if not quick:
            roomcal(folder, "design", "mix", "--from", "before", "--taps", "65536")
            arguments = ["report", "before", "--bank", "mix", "--against", "after"]
            cases.append(("report with a bank and its verification", arguments))
        for title, arguments in cases:
            page = folder / "report.html"
            runs = [
                roomcal(folder, *arguments, "--force", "-o", str(page))
                for _ in range(1 if quick else 3)
            ]
            taken, memory_mb = (float(np.median(column)) for column in zip(*runs, strict=True))
            goals.append(goal(f"{title}: time", taken, "s", REPORT_S))
            goals.append(goal(f"{title}: size", page.stat().st_size / 1e6, "MB", REPORT_MB))
            if np.isfinite(memory_mb):
                goals.append(goal(f"{title}: peak memory", memory_mb, "MB", MEMORY_MB))
    return goals


def main() -> None:
    """Print the table, or the goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    # The report first: a child is told the memory of what started it, as long as that is more.
    report = report_goals(quick=options.quick)
    goals = [*transform_goals(), *report]
    if options.json:
        print(json.dumps({"goals": goals}, indent=1))
        return
    for g in goals:
        mark = "met" if g["met"] else "MISSED"
        print(f"{g['name']:<58} {g['figure']:>9} {g['unit']:<3} goal {g['goal']:<7} {mark}")


if __name__ == "__main__":
    main()

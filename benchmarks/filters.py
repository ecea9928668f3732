"""Correction filters on the judge's rooms: roomcal beside DRC-FIR, naive rows and oracles.

    python benchmarks/filters.py [--quick] [--json] [--rooms DIR]

The judge (rooms.py, score.py, target.txt) is found through ROOMCAL_JUDGE, by default
../shared/judge beside the repository. Rooms are built once, in DIR (40 s each). All figures are
means of L and R at positions that the design has not seen; preX is the worst. DRC-FIR (Debian
package drc) runs where it is installed. Rows of filters_peers.py are naive designs and oracles;
PORC and CamillaFIR are quoted.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import filters_goals
import filters_peers
import numpy as np

from roomcal.design.design import design
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("A_studio", "B_living", "C_bedroom")
COLUMNS = [
    *("lo6", "lo6own", "loAvg", "loPk", "mid6", "hiE", "tail150own", "tail300own"),
    *("Tmode", "preX", "erLo", "erHi", "fdw", "lr", "gain", "lat"),
]
WARMER = 0.009  # of the speed of sound: 5 K
# name -> (spec, positions)
OURS = {
    "roomcal": (DesignSpec(), 9),
    "roomcal 9 dB": (DesignSpec(max_boost_db=9.0), 9),
    "roomcal 20 ms": (DesignSpec(max_latency_s=0.020), 9),
    "roomcal 0 ms": (DesignSpec(max_latency_s=0.0), 9),
    "roomcal minimum": (DesignSpec(phase="minimum"), 9),
    "roomcal unguarded": (DesignSpec(guard=False), 9),
    "roomcal p1": (DesignSpec(), 1),
    "roomcal 20 bands": (DesignSpec(peq=20), 9),
}
QUICK = ("roomcal", "roomcal p1")
PRESETS = ("soft", "normal", "strong")


def main():
    """Print the table, or the goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one room, few rows: about a minute")
    parser.add_argument("--json", action="store_true", help="the goals as one JSON document")
    default = Path(tempfile.gettempdir()) / "roomcal-judge-rooms"
    parser.add_argument("--rooms", type=Path, default=default, help="where built rooms are kept")
    options = parser.parse_args()
    judge = Path(os.environ.get("ROOMCAL_JUDGE") or ROOT.parent / "shared" / "judge")
    if not (judge / "score.py").is_file():
        sys.exit(f"the judge is not at {judge}: set ROOMCAL_JUDGE to the folder with score.py")
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(judge))
    names = ROOMS[:1] if options.quick else ROOMS
    rows, warm = {}, {}
    for name in names:
        room = load_room(name, judge, options.rooms)
        print(name, file=sys.stderr)
        rows[name] = score_room(room, quick=options.quick)
        if not options.quick:
            warm[name] = score_warm(room)
    means = {row: mean([r[row] for r in rows.values()]) for row in rows[names[0]]}
    warm_means = {row: mean([r[row] for r in warm.values()]) for row in warm.get(names[0], {})}
    goals = filters_goals.find_goals(means, warm_means)
    goals += filters_goals.timing_goals(load_room(names[0], judge, options.rooms))
    goals += filters_goals.promise_goals(load_room(names[0], judge, options.rooms))
    goals += filters_goals.control_room_goals(ROOT)
    if options.json:
        print(json.dumps({"goals": goals}, indent=2))
    else:
        print_tables(rows, means, warm_means)
        for goal in goals:
            sign = "met " if goal["met"] else "MISS"
            print(f"{sign} {goal['name']}: {goal['figure']:.3f} {goal['unit']} ({goal['goal']})")
    return 0 if all(goal["met"] for goal in goals) else 1


def load_room(name, judge, folder):
    """Load one room of the judge, and build it when it is not there yet."""
    path = folder / f"{name}.npz"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"building {name} (40 s) ...", file=sys.stderr)
        env = os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, str(judge / "rooms.py"), str(folder), name]
        subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
    with np.load(path) as room:
        return dict(room)


def score_room(room, *, quick):
    """Rows of one room: the judge's columns and the seconds of the design."""
    import score

    nothing = np.array([1.0])
    rows = {"none": score.row(room, nothing, nothing) | {"seconds": 0.0}}
    for name, (spec, n_positions) in OURS.items():
        if not quick or name in QUICK:
            left, right, seconds = designed(room, spec, n_positions)
            rows[name] = score.row(room, left, right) | {"seconds": seconds}
            print(f"  {name}", file=sys.stderr)
    if quick:
        return rows
    if shutil.which("drc"):
        for preset in PRESETS:
            made = [score.drc(room[f"design_{c}_meas"][0], preset) for c in "LR"]
            rows[f"DRC {preset}, p1"] = score.row(room, made[0][0], made[1][0]) | {
                "seconds": made[0][1] + made[1][1]
            }
            print(f"  DRC {preset}", file=sys.stderr)
    for name, make in filters_peers.PEERS.items():
        start = time.perf_counter()
        made = [make(room, c, score.TARGET) for c in "LR"]
        seconds = time.perf_counter() - start
        rows[name] = score.row(room, *made) | {"seconds": seconds}
        print(f"  {name}", file=sys.stderr)
    return rows


def score_warm(room):
    """Rows with the seats 5 K warmer than the measurement."""
    import score
    from scipy.signal import resample

    left, right, seconds = designed(room, DesignSpec(), 9)
    made = {"roomcal": (left, right, seconds)}
    if shutil.which("drc"):
        (a, s), (b, t) = (score.drc(room[f"design_{c}_meas"][0], "normal") for c in "LR")
        made["DRC normal, p1"] = (a, b, s + t)
    warm = dict(room)
    for c in "LR":
        h = room[f"held_{c}"]
        n = 2 * round(h.shape[1] * (1.0 + WARMER) / 2.0)
        warm[f"held_{c}"] = resample(h, n, axis=-1)[:, : h.shape[1]]
    return {n: score.row(warm, a, b) | {"seconds": s} for n, (a, b, s) in made.items()}


def responses_of(room, n_positions, speakers="LR"):
    """Give the measured responses of the first positions."""
    return [
        ImpulseResponse(h, int(room["fs"]), speaker, f"p{k + 1}")
        for speaker in speakers
        for k, h in enumerate(room[f"design_{speaker}_meas"][:n_positions])
    ]


def designed(room, spec, n_positions):
    """Taps of both speakers, and the seconds they took."""
    import score

    target = Curve(*np.array(score.TARGET).T)
    start = time.perf_counter()
    made = design(
        responses_of(room, n_positions), target, spec, name="judged", fs=int(room["fs"])
    ).filters
    seconds = time.perf_counter() - start
    return made.path("L", "L"), made.path("R", "R"), seconds


def mean(rows):
    """Mean over rooms; of preX the worst."""
    return {
        c: float((max if c == "preX" else np.mean)([row[c] for row in rows]))
        for c in [*COLUMNS, "seconds"]
    }


def print_tables(rows, means, warm):
    """One table a room, their mean, and the mean of warm seats."""
    tables = dict(rows) if len(rows) == 1 else rows | {"mean of the rooms": means}
    if warm:
        tables["mean, seats 5 K warmer"] = warm
    for title, table in tables.items():
        print(title)
        print(" " * 24, *[c.rjust(max(6, len(c))) for c in COLUMNS], "seconds")
        for name, row in table.items():
            figures = [f"{row[c]:.2f}".rjust(max(6, len(c))) for c in COLUMNS]
            print(f"{name:24}", *figures, f"{row['seconds']:7.2f}")
        if title == "mean of the rooms":
            for name, row in filters_peers.QUOTED.items():
                figures = [
                    (f"{row[c]:.2f}" if c in row else "-").rjust(max(6, len(c))) for c in COLUMNS
                ]
                print(f"{name:24}", *figures, " quoted")
        print()


if __name__ == "__main__":
    sys.exit(main())

"""How long `roomcal export --to all` takes for a stereo bank at three rates, and how equal it is.

python benchmarks/export.py [--json] [--quick]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.signal

from roomcal.dsp.biquads import biquad
from roomcal.export.registry import FORMATS
from roomcal.jobs.export import export_bank
from roomcal.model.filter_bank import Bank, FilterBank, PathStructure

RATES = (44100, 48000, 96000)
TAPS_AT_48K = 65536  # the default of `design`
N_PEAKS = 40
LIMIT_S = 10.0
FIR_LIMIT, BANDS_LIMIT_DB = 1e-6, 0.05


def bank() -> Bank:
    """Make one correction for all rates: forty peaks a speaker, more than any equaliser has."""
    filters = {}
    for fs in RATES:
        rng = np.random.default_rng(20240711)
        taps = np.zeros((2, 2, TAPS_AT_48K * fs // 48000))
        for channel in range(2):
            rows = [
                biquad(
                    "peak",
                    float(np.exp(rng.uniform(np.log(25.0), np.log(15000.0)))),
                    fs,
                    q=float(rng.uniform(0.7, 12.0)),
                    gain_db=float(rng.normal(0.0, 2.0)),
                )
                for _ in range(N_PEAKS)
            ]
            pulse = np.zeros(taps.shape[2])
            pulse[fs // 200] = 1.0
            taps[channel, channel] = scipy.signal.sosfilt(np.array(rows), pulse)
        taps /= max(np.abs(np.fft.rfft(taps[c, c])).max() for c in range(2))
        paths = (PathStructure("L", "L"), PathStructure("R", "R", gain_db=-0.5, delay_s=7e-5))
        filters[fs] = FilterBank(taps, fs, ("L", "R"), ("L", "R"), fs // 200, 6.0, paths)
    return Bank("mix", filters)


def main() -> None:
    """Print a line a format, or the goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="no difference: it is quick")
    given = parser.parse_args()
    made = bank()
    rows, worst_ratio, worst_db = [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as place:
        for name in FORMATS:
            start_s = time.perf_counter()
            done = export_bank(made, name, Path(place) / name)
            rows.append((name, time.perf_counter() - start_s, done.proof))
            if done.proof.worst_db is None:
                worst_ratio = max(worst_ratio, done.proof.worst_difference)
            else:
                worst_db = max(worst_db, done.proof.worst_db)
    total_s = sum(seconds for _, seconds, _ in rows)
    goals = [
        ("all formats, stereo at three rates", total_s, "s", LIMIT_S),
        ("largest difference of taps", worst_ratio, "ratio", FIR_LIMIT),
        ("largest difference of bands", worst_db, "dB", BANDS_LIMIT_DB),
    ]
    if given.json:
        print(
            json.dumps(
                {
                    "goals": [
                        {"name": n, "figure": f, "unit": u, "goal": g, "met": f <= g}
                        for n, f, u, g in goals
                    ]
                },
                indent=2,
            )
        )
        return
    for name, seconds, proof in rows:
        equal = (
            f"{proof.worst_difference:.1e}"
            if proof.worst_db is None
            else f"{proof.worst_db:.3f} dB"
        )
        print(f"{name:15} {seconds:6.2f} s   {equal}")
    for name, figure, unit, goal in goals:
        print(f"{name}: {figure:.3g} {unit}, goal at most {goal:g} {unit}")


if __name__ == "__main__":
    main()

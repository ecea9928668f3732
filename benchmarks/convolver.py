"""The convolver against its peers: processor time, evenness, exactness, swaps, start, endurance.

    python benchmarks/convolver.py [--quick] [--json]

Engines take turns, and the medians of their processor times are compared: on a busy machine the
ratios hold, not the times. Needs g++ and libzita-convolver-dev, brutefir, and `pip install
pedalboard`; what is missing is left out of the table, and its goal is not met.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numba
import numpy as np
from convolver_live import LiveCallback, start_seconds
from convolver_peers import BruteFir, Case, Missing, Pedalboard, Roomcal, Scipy, Zita
from convolver_soak import soak
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from scipy.signal import oaconvolve

from roomcal.convolver import kernel
from roomcal.convolver.engine import Convolver

ENGINES = {
    "roomcal 32": lambda case, folder: Roomcal(case, folder, np.float32),
    "roomcal 64": lambda case, folder: Roomcal(case, folder, np.float64),
    "callback 32": lambda case, folder: LiveCallback(case, folder, np.float32),
    "callback 64": lambda case, folder: LiveCallback(case, folder, np.float64),
    "zita": Zita,
    "pedalboard": Pedalboard,
    "scipy": Scipy,
    "BruteFIR": BruteFir,
}
SLOW = ("pedalboard", "BruteFIR")  # once is enough to know by how much
STEREO = [f"stereo {block}" for block in (64, 128, 256, 1024)]
QUICK_ROWS = ("stereo 64", "stereo 1024")  # where they run with --quick
SWAP_RAMP = 4096  # frames
SOAK_MINUTES = {False: 10.0, True: 0.2}  # of audio; True: with --quick


def cases(seconds):
    """Rows of the table that the goals speak of."""
    stereo = [
        Case(name, 2, 65_536, int(name.split()[1]), 48_000, dense=False, seconds=seconds)
        for name in STEREO
    ]
    twelve = [
        Case(f"12 channels {block}", 12, 65_536, block, 48_000, dense=False, seconds=seconds / 2)
        for block in (64, 256)
    ]
    dense = Case("dense 12x12 64", 12, 65_536, 64, 48_000, dense=True, seconds=seconds / 4)
    fast = Case("192 kHz stereo 32", 2, 131_072, 32, 192_000, dense=False, seconds=seconds / 2)
    return [*stereo, *twelve, dense, fast]


def costs(case, folder, n_rounds, *, quick):
    """Per cent of a core by engine: medians of rounds in which the engines take turns."""
    engines, times = {}, {}
    for name, make in ENGINES.items():
        slow_here = name in SLOW and case.name not in QUICK_ROWS
        if quick and (slow_here or (name == "scipy" and case.name not in STEREO)):
            continue
        try:
            engines[name] = make(case, folder)
        except Missing as reason:
            print(f"{case.name}: {name} {reason}", file=sys.stderr)
    for number in range(n_rounds + 1):  # the first one warms up
        for name, engine in list(engines.items()):
            if name in SLOW and number > 1:
                continue
            try:
                times.setdefault(name, []).append(case.percent(engine.run()))
            except Missing as reason:
                print(f"{case.name}: {name} {reason}", file=sys.stderr)
                del engines[name]
    for engine in engines.values():
        engine.close()
    return {name: statistics.median(values[1:] or values) for name, values in times.items()}


# --- the worst block ---


@intrinsic
def cycles(typing_context):  # noqa: ARG001 - numba's interface, here and below
    """Return the processor's clock."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        kind = ir.FunctionType(ir.IntType(64), [])
        name = "llvm.readcyclecounter"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])

    return types.int64(), generate


@numba.njit(nogil=True)
def least_cycles(table, pool, x, y, block, least):
    """Keep the least time of each block of a period: what interrupts it does not count."""
    for number in range(x.shape[1] // block):
        part = slice(number * block, (number + 1) * block)
        start = cycles()
        kernel.process(table, pool, x[:, part], y[:, part])
        phase = number % len(least)
        least[phase] = min(least[phase], cycles() - start)


def worst_block(case, folder, n_rounds):
    """Time of the worst block of a period re the mean, each the least of many periods."""
    peer = Roomcal(case, folder, np.float32)
    period = peer.engine.plan.longest
    n_frames = case.block * period * max(1, case.n_blocks // period)
    x, y = peer.x[:, :n_frames], peer.y[:, :n_frames]
    least = np.full(period, np.iinfo(np.int64).max)
    for _ in range(n_rounds):
        least_cycles(peer.engine.table, peer.engine.pool, x, y, case.block, least)
    return float(least.max() / least.mean())


# --- exactness ---


def error_db(dtype, sample_dtype, *, quick):
    """Largest error re the output over many shapes, against exact convolution; rms re rms."""
    rng = np.random.default_rng(3)
    shapes = [(1, 1, 1, 64), (3, 2, 4096, 16), (2, 2, 65_536, 64), (1, 2, 3000, 480)]
    shapes += [] if quick else [(32, 32, 4096, 256), (1, 1, 1_048_576, 64), (2, 2, 50_000, 8192)]
    worst = -np.inf
    for n_outputs, n_inputs, n_taps, block in shapes:
        taps = rng.standard_normal((n_outputs, n_inputs, n_taps))
        n = block * ((2 * n_taps + 4 * block) // block)
        x = rng.standard_normal((n_inputs, n)).astype(sample_dtype)
        y = Convolver.of(taps, block=block, dtype=dtype).process(x)
        exact = [
            sum(oaconvolve(np.float64(x[i]), row[i])[:n] for i in range(n_inputs)) for row in taps
        ]
        ratio = np.mean((y - np.stack(exact)) ** 2) / np.mean(np.square(exact))
        worst = max(worst, 10 * np.log10(ratio + 1e-40))
    return float(worst)


def swap_figures():
    """Disturbance of a swap in dB, and its largest step beyond the signal's slope."""
    rng = np.random.default_rng(4)
    block, n_taps, n_blocks = 64, 65_536, 3200
    envelope = 0.01 * np.exp(-np.arange(n_taps) / 1e4)
    banks = [envelope * rng.standard_normal((1, 1, n_taps)) for _ in range(2)]
    levels = {}
    for name, x in (
        ("noise", 0.1 * rng.standard_normal((1, block * n_blocks))),
        ("sine", np.sin(2 * np.pi * 60 / 48_000 * np.arange(block * n_blocks))[None]),
    ):
        engine = Convolver((1, 1, n_taps), block=block, n_banks=2)
        for number, taps in enumerate(banks):
            engine.load(number, taps)
        engine.begin_with(0)
        engine.set_ramps(SWAP_RAMP)
        at = 1600
        y = engine.process(x[:, : at * block])
        engine.swap_to(1)
        y = np.concatenate([y, engine.process(x[:, at * block :])], axis=1)[0]
        old, new = (oaconvolve(x[0], taps[0, 0])[: x.shape[1]] for taps in banks)
        first = (at + 2 * engine.plan.longest) * block
        u = np.clip((np.arange(y.size) - first + 1) / SWAP_RAMP, 0, 1)
        exact = old + (new - old) * (0.5 - 0.5 * np.cos(np.pi * u))
        levels[name] = 20 * np.log10(np.abs(y - exact).max() / exact.std())
        settled = slice(n_taps, None)  # behind the onset of the signal
        scale = max(np.abs(old[settled]).max(), np.abs(new[settled]).max())
        slope = max(np.abs(np.diff(part[settled])).max() for part in (old, new))
        step = (np.abs(np.diff(y[settled])).max() - slope) / scale
    return max(levels.values()), float(step)


# --- the table and the goals ---


def goal(name, figure, unit, limit, *, at_least=False):
    """One goal: met when the figure does not exceed its limit, or reaches it."""
    met = figure >= limit if at_least else figure <= limit
    figure = None if np.isnan(figure) else round(float(figure), 4)
    return {"name": name, "figure": figure, "unit": unit, "goal": limit, "met": bool(met)}


def goals_of(table, worst, *, quick):
    """All goals that the issue states for the engine itself."""

    def ratio(row, above, below):
        return table[row].get(above, np.nan) / table[row][below]

    # scipy does the same in every row: one figure for all.
    scipy_percent = statistics.median(table[row]["scipy"] for row in STEREO)
    disturbance_db, step = swap_figures()
    return [
        goal(
            "stereo 64, zita re float32",
            ratio("stereo 64", "zita", "roomcal 32"),
            "x",
            2.5,
            at_least=True,
        ),
        goal(
            "stereo 64, pedalboard re float32",
            ratio("stereo 64", "pedalboard", "roomcal 32"),
            "x",
            20,
            at_least=True,
        ),
        goal(
            "stereo 64, zita re float64",
            ratio("stereo 64", "zita", "roomcal 64"),
            "x",
            1.0,
            at_least=True,
        ),
        goal(
            "stereo 128, zita re float64",
            ratio("stereo 128", "zita", "roomcal 64"),
            "x",
            1.0,
            at_least=True,
        ),
        goal(
            "12 channels 256, zita re float32",
            ratio("12 channels 256", "zita", "roomcal 32"),
            "x",
            1.0,
            at_least=True,
        ),
        *(
            goal(
                f"{row}, float32 live re scipy offline",
                table[row]["roomcal 32"] / scipy_percent,
                "x",
                0.5,
            )
            for row in STEREO
        ),
        goal(
            "192 kHz stereo 32, float32",
            table["192 kHz stereo 32"]["roomcal 32"],
            "% of a core",
            3.0,
        ),
        goal("stereo 64, worst block re mean", worst["stereo 64"], "x", 3.0),
        goal("12 channels 64, worst block re mean", worst["12 channels 64"], "x", 1.5),
        goal(
            "12 channels 64, worst block re budget",
            worst["12 channels 64"] * table["12 channels 64"]["roomcal 32"],
            "%",
            5.0,
        ),
        goal("float64, error re output", error_db(np.float64, np.float64, quick=quick), "dB", -240),
        goal(
            "float64 to 32-bit samples, error",
            error_db(np.float64, np.float32, quick=quick),
            "dB",
            -150,
        ),
        goal("float32, error re output", error_db(np.float32, np.float32, quick=quick), "dB", -130),
        goal("swap, largest disturbance re output rms", disturbance_db, "dB", -110),
        goal("swap, step beyond the slope re full scale", step, "", 1e-3),
        *live_goals(quick=quick),
    ]


def live_goals(*, quick):
    """Return the goals of the engine around the convolver."""
    cold_s, warm_s = start_seconds(quick=quick)
    endured = soak(SOAK_MINUTES[quick])
    minutes = f"{endured['minutes']:g} minutes with {endured['commands']} commands"
    print(f"soak: {minutes}, {endured['swaps']} swaps", file=sys.stderr)
    return [
        goal("start without cached code to the first block", cold_s, "s of processor", 30.0),
        goal("start with cached code to the first block", warm_s, "s of processor", 2.5),
        goal("soak, growth of resident memory", endured["grown_mb"], "MB", 1.0),
        goal("soak, bad samples", endured["bad_samples"], "", 0),
        goal("soak, error afterwards re output rms", endured["error_db"], "dB", -110),
    ]


def main():
    """Print the table and the goals, or the goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter signals, fewer rounds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seconds, n_rounds = (0.4, 2) if options.quick else (4.0, 9)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = cases(seconds)
        table = {case.name: costs(case, folder, n_rounds, quick=options.quick) for case in rows}
        worst = {
            case.name: worst_block(case, folder, 8 * n_rounds)
            for case in rows
            if case.name in ("stereo 64", "12 channels 64")
        }
        goals = goals_of(table, worst, quick=options.quick)
    if options.json:
        print(json.dumps({"goals": goals}, indent=2))
        return 0 if all(item["met"] for item in goals) else 1
    print("% of a core (ratio to roomcal float32)")
    print(f"{'':18}" + "".join(f"{name:>18}" for name in ENGINES))
    for row, costs_of in table.items():
        texts = [
            f"{costs_of[name]:.3f} ({costs_of[name] / costs_of['roomcal 32']:.1f}x)"
            if name in costs_of
            else "-"
            for name in ENGINES
        ]
        print(f"{row:18}" + "".join(f"{text:>18}" for text in texts))
    for item in goals:
        sign = "met " if item["met"] else "MISS"
        print(f"{sign} {item['name']}: {item['figure']} {item['unit']} (goal {item['goal']:g})")
    return 0 if all(item["met"] for item in goals) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Every figure that issue 5 asks of the filters, as a named goal."""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
from peak_memory import peak_memory_mb

# Columns of the mean row, dB but Tmode in s.
AT_6_DB = {"lo6": 3.40, "loPk": 0.90, "mid6": 1.80, "hiE": 0.72, "lr": 0.55, "gain": 6.3}
DIRECT = {"fdw": 1.73, "erHi": -6.2}
LO6_AT_9_DB = 3.00
TAIL_BELOW_DRC_DB = 6.0
SINGLE = ("lo6", "mid6", "hiE", "tail300own", "fdw", "erHi", "lr")
SINGLE_MARGIN = 0.1
LOW_LATENCY_MS, TAIL_SAME_DB = 5.0, 1.0
MIXED_LATENCY_MS = 20.0
ROUNDING_DB = 0.005  # of a table with two decimals
PREDICTION_DB = 0.05
READ_BACK = 1e-6
SECONDS = {"with the guards": (True, 1.0), "without the guards": (False, 0.3)}
MEGA = 1 << 20
MEMORY_MB = 500.0
CONTROL_ROOM_DB = (0.9, 1.1)  # DRC-normal below and above 300 Hz, as the issue quotes it


def goal(name, figure, unit, limit, *, margin=0.0):
    """State one goal."""
    return {
        "name": name,
        "figure": round(float(figure), 4),
        "unit": unit,
        "goal": f"<= {limit:.2f}",
        "met": bool(figure <= limit + margin),
    }


def find_goals(rows, warm):
    """State the goals of the judge's table; DRC's where it has run."""
    ours, none = rows["roomcal"], rows["none"]
    goals = [
        goal(f"6 dB: {c}", ours[c], "dB", limit, margin=ROUNDING_DB) for c, limit in AT_6_DB.items()
    ]
    goals += [goal(f"{c}", ours[c], "dB", limit, margin=ROUNDING_DB) for c, limit in DIRECT.items()]
    goals.append(goal("latency", ours["lat"], "ms", MIXED_LATENCY_MS))
    goals.append(goal("preX re none", ours["preX"] - none["preX"], "dB", 0.0, margin=ROUNDING_DB))
    if "roomcal 9 dB" in rows:
        lo6 = rows["roomcal 9 dB"]["lo6"]
        goals.append(goal("9 dB: lo6", lo6, "dB", LO6_AT_9_DB, margin=ROUNDING_DB))
    if "roomcal 20 ms" in rows:
        # The default is the low-latency design already; its tail is held against the longer one.
        longer = rows["roomcal 20 ms"]
        goals.append(goal("low latency: latency", ours["lat"], "ms", LOW_LATENCY_MS))
        change = ours["tail300own"] - longer["tail300own"]
        goals.append(goal("low latency: tail re 20 ms", change, "dB", TAIL_SAME_DB))
        goals.append(
            goal("20 ms: preX re none", longer["preX"] - none["preX"], "dB", 0.0, margin=0.005)
        )
    drc = rows.get("DRC normal, p1")
    if drc is not None:
        below = ours["tail300own"] - drc["tail300own"]
        goals.append(goal("tail at 300 ms re DRC normal", below, "dB", -TAIL_BELOW_DRC_DB))
        goals.append(goal("Tmode re DRC normal", ours["Tmode"] - drc["Tmode"], "s", 0.0))
        single = rows["roomcal p1"]
        goals += [
            goal(f"single position: {c} re DRC normal", single[c] - drc[c], "dB", SINGLE_MARGIN)
            for c in SINGLE
        ]
    if "DRC normal, p1" in warm:
        change = warm["roomcal"]["tail300own"] - warm["DRC normal, p1"]["tail300own"]
        goals.append(goal("5 K warmer: tail at 300 ms re DRC normal", change, "dB", 0.0))
    return goals


def timing_goals(room):
    """Time one speaker with nine positions and 65,536 taps; and a bank of a million taps."""
    import filters
    import score

    from roomcal.design.design import design
    from roomcal.model.curve import Curve
    from roomcal.model.design_spec import DesignSpec

    target = Curve(*np.array(score.TARGET).T)
    responses = filters.responses_of(room, 9, "L")
    goals = []
    for name, (guard, limit) in SECONDS.items():
        seconds = []
        for _ in range(4):
            start = time.perf_counter()
            design(responses, target, DesignSpec(guard=guard), name="x", fs=48000)
            seconds.append(time.perf_counter() - start)
        goals.append(goal(f"one speaker {name}", min(seconds), "s", limit))
    start = time.perf_counter()
    million = design(responses, target, DesignSpec(taps=MEGA), name="x", fs=48000).filters
    seconds = time.perf_counter() - start
    ok = million.n_taps == MEGA and np.isfinite(million.taps).all()
    goals.append(
        {
            "name": "a bank of 1,048,576 taps",
            "figure": round(seconds, 3),
            "unit": "s",
            "goal": "works",
            "met": bool(ok),
        }
    )
    goals.append(goal("memory of a design", design_memory_mb(responses), "MB", MEMORY_MB))
    return goals


def design_memory_mb(responses):
    """Peak memory of a process that designs nine positions and nothing else."""
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from roomcal.design.design import design\n"
        "from roomcal.design.targets import target_curve\n"
        "from roomcal.model.design_spec import DesignSpec\n"
        "from roomcal.model.impulse_response import ImpulseResponse\n"
        "h = np.load(sys.argv[1])\n"
        "rs = [ImpulseResponse(x, 48000, 'L', f'p{k}') for k, x in enumerate(h)]\n"
        "design(rs, target_curve('flat'), DesignSpec(), name='x', fs=48000)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "responses.npy"
        np.save(path, np.array([r.samples for r in responses]))
        return peak_memory_mb(code, str(path))


def promise_goals(room):
    """Hold the prediction against the judge's convolution, and the bank on disk against itself."""
    import filters
    import judge
    import score

    from roomcal.design.design import design
    from roomcal.dsp.prediction import predict
    from roomcal.files.bank_store import load_bank, save_bank
    from roomcal.model.curve import Curve
    from roomcal.model.design_spec import DesignSpec
    from roomcal.model.filter_bank import Bank

    responses = filters.responses_of(room, 9)
    target = Curve(*np.array(score.TARGET).T)
    made = design(responses, target, DesignSpec(), name="x", fs=48000).filters
    taps, r = made.path("L", "L"), responses[0]
    ours = np.abs(np.fft.rfft(predict(r.samples, taps), 1 << 18)) ** 2
    X, _ = judge.prep(r.samples[np.newaxis], taps, 48000)
    grid = judge._grid(48000)
    theirs = judge.smooth_pow(np.abs(X) ** 2, 48000, "6")[0]
    difference = 10 * np.log10(judge.smooth_pow(ours[np.newaxis, ::2], 48000, "6")[0] / theirs)
    inside = (grid > 30) & (grid < 16000)
    goals = [
        goal(
            "prediction re the judge's convolution",
            np.abs(difference[inside]).max(),
            "dB",
            PREDICTION_DB,
        )
    ]
    with tempfile.TemporaryDirectory() as folder:
        save_bank(Path(folder), Bank("x", {48000: made}))
        back = load_bank(Path(folder), "x").filters[48000]
    error = np.abs(back.taps - made.taps).max() / np.abs(made.taps).max()
    one = goal("bank read back re the design", error, "of its peak", READ_BACK)
    return [*goals, one | {"goal": f"<= {READ_BACK:g}", "figure": float(f"{error:.3g}")}]


def control_room_goals(root):
    """One real position: deviation below and above 300 Hz, and the decay of its four modes.

    DRC-normal boosts by 10 dB there, so 9 dB is the row that compares. With 6 dB a dip of 10 dB
    at 210 to 340 Hz decides: held against a correction that is perfect until it is clipped.
    """
    import judge
    from scipy.io import wavfile

    from roomcal.design.design import design
    from roomcal.dsp.prediction import predict
    from roomcal.model.curve import Curve
    from roomcal.model.design_spec import DesignSpec
    from roomcal.model.impulse_response import ImpulseResponse

    data = Path(os.environ.get("ROOMCAL_REFERENCE_DATA") or root.parent / "shared" / "data")
    path = data / "control-room-porc" / "l48.wav"
    if not path.is_file():
        return []
    fs, samples = wavfile.read(path)
    h = samples / 32768.0
    points = np.loadtxt(data / "targets" / "bk-3-48.0.txt")
    target = Curve(*points[points[:, 0] > 0].T)
    modes = judge.find_modes(np.abs(np.fft.rfft(h[np.newaxis], judge.NF, axis=-1)) ** 2, fs)
    before = mode_times_s(h, fs, modes)
    goals = []
    for boost in (6.0, 9.0):
        spec = DesignSpec(max_boost_db=boost)
        made = design([ImpulseResponse(h, fs, "L", "p1")], target, spec, name="x", fs=fs).filters
        y = predict(h, made.path("L", "L"))
        for name, band, limit in zip(
            ("below", "above"), ((30, 300), (300, 15000)), CONTROL_ROOM_DB, strict=True
        ):
            deviation = own_deviation_db(y, fs, target, band)
            clipped = clipped_deviation_db(h, fs, target, band, boost)
            text = f"control room, {boost:g} dB: {name} 300 Hz (clip alone {clipped:.2f})"
            goals.append(goal(text, deviation, "dB", max(limit, clipped)))
        longer = np.max(mode_times_s(y, fs, modes) - before)
        goals.append(goal(f"control room, {boost:g} dB: any mode re before", longer, "s", 0.0))
    return goals


def mode_times_s(h, fs, modes):
    """Decay times of modes, as the judge measures them."""
    import judge

    x = np.zeros(judge.NF)
    x[: min(h.size, x.size)] = h[: x.size]
    X = np.fft.rfft(x)[np.newaxis]
    f = np.fft.rfftfreq(judge.NF, 1 / fs)
    found = judge.decay_metrics(
        x[np.newaxis], X, f, [judge.arrival(x, fs)], fs, np.zeros_like, 0.0, modes, 30.0, x.size
    )
    return np.array(list(found["t_mode"].values()))


def own_deviation_db(h, fs, target, band):
    """Rms deviation at 1/6 octave, the band's own mean removed."""
    return float(np.std(off_target_db(h, fs, target, np.geomspace(*band, 100))))


def clipped_deviation_db(h, fs, target, band, boost_db):
    """Give what a correction leaves that is perfect but for its boost re its median at mid band."""
    middle = np.median(-off_target_db(h, fs, target, np.linspace(200, 2000, 400)))
    off = off_target_db(h, fs, target, np.geomspace(*band, 100))
    return float(np.std(off + np.minimum(-off, middle + boost_db)))


def off_target_db(h, fs, target, f):
    """Level at 1/6 octave re the target."""
    power = np.abs(np.fft.rfft(h, 1 << 18)) ** 2
    bins = np.arange(power.size) * fs / (1 << 18)
    edge = 2 ** (1 / 12)
    level = [10 * np.log10(power[(bins > x / edge) & (bins < x * edge)].mean()) for x in f]
    return np.array(level) - target.level_at(f)

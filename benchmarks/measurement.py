"""The goals of measuring: accuracy, clocks, disturbances, distortion, decay, no false alarms.

    python benchmarks/measurement.py [--quick] [--json] [--only PART]

Truth is the virtual studio's own response, or mathematics. Without `--quick` a thousand clean
takes are judged, which takes a quarter of an hour. Beside the goals stand other tools on the same
recordings (`measurement_peers.py`), where they are installed.
"""

import argparse
import dataclasses
import json
import sys
import time

import measurement_system
import numpy as np
import scipy.fft
from clean_takes import judge_many, pink_noise, room_response
from measurement_peers import compare_peers, table_of

from roomcal.analyze.decay import analyze_decay
from roomcal.devices.virtual.faults_clock import DroppedSamples, ZeroedSamples
from roomcal.devices.virtual.faults_input import Slam, Speech
from roomcal.devices.virtual.room import with_perfect_equipment
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.dsp.harmonics import harmonic_floor_db, harmonic_levels_db
from roomcal.measure.evidence import Evidence
from roomcal.measure.judge import judge_capture
from roomcal.measure.plan import plan_take, render_take
from roomcal.measure.sweep_model import sweep_model
from roomcal.model.capture import Capture
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Loopback
from roomcal.model.sweep import Sweep

FS = 48000
N_FFT = 1 << 18
CABLE = Loopback(output_channel=4, input_channel=2)
LONG_S = 10.9  # 512k samples
SEED = 20240611


def main():
    """Print the table, or the goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer seeds, 20 clean takes")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="", help="one part: accuracy, noise, ..., peers")
    options = parser.parse_args()
    parts = [p for p in PARTS if options.only in ("", p.__name__)]
    goals = []
    for part in parts:
        start = time.perf_counter()
        found = part(options.quick)
        goals += found
        print(f"{part.__name__}: {time.perf_counter() - start:.1f} s", file=sys.stderr)
        for item in found:
            print(text_of(item), file=sys.stderr if options.json else sys.stdout, flush=True)
    peers = [] if options.only not in ("", "peers") else compare_peers(quick=options.quick)
    if options.json:
        print(json.dumps({"goals": goals, "peers": peers}, indent=2))
    else:
        print("\n".join(["", *table_of(peers)]))
    return 0 if all(item["met"] for item in goals) else 1


def text_of(item: dict) -> str:
    """One line of the table."""
    sign = "met " if item["met"] else "MISS"
    return f"{sign} {item['name']}: {item['figure']:.4g} {item['unit']} (goal {item['goal']:g})"


def goal(name: str, figure: float, unit: str, limit: float, *, least: bool = False) -> dict:
    """Describe one figure and what it must not exceed, or not fall below."""
    met = bool(figure >= limit if least else figure <= limit)
    return {"name": name, "figure": float(figure), "unit": unit, "goal": limit, "met": met}


def record(name, speaker, plan, *, faults=(), cable=True, perfect=True, occasion=0, **converters):
    """Play a take in a virtual room; the capture and the studio that knows the truth."""
    room = with_perfect_equipment(ROOMS[name]) if perfect else ROOMS[name]
    room = dataclasses.replace(
        room,
        loopback=CABLE if cable else None,
        converters=dataclasses.replace(room.converters, **converters),
    )
    studio = VirtualStudio(room, faults=faults, occasion=occasion)
    reference = room.speakers[0]
    marks, sweeps = render_take(plan, same_speaker=speaker == reference.name)
    rows, outputs, inputs = [sweeps], [room.speaker(speaker).output_channel], [1]
    if speaker != reference.name:
        rows.append(marks)
        outputs.append(reference.output_channel)
    if cable:
        rows.append(marks + sweeps)
        outputs.append(CABLE.output_channel)
        inputs.append(CABLE.input_channel)
    recording = studio.play_record(
        np.stack(rows), fs=FS, output_channels=outputs, input_channels=inputs
    )
    capture = Capture(
        microphone=recording.samples[0],
        loopback=recording.samples[1] if cable else None,
        fs=FS,
        plan=plan,
        speaker=speaker,
        reference_speaker=reference.name,
        position="p1",
    )
    return capture, studio


def with_noise(capture, snr_db, seed):
    """Add pink noise, re the rms of the first recorded sweep."""
    x, plan = capture.microphone, capture.plan
    start = plan.sweep_starts[0]
    rms = np.sqrt(np.mean(x[start : start + plan.sweep.n_samples] ** 2))
    rng = np.random.default_rng((SEED, seed))
    noisy = x + rms * 10 ** (-snr_db / 20) * pink_noise(x.size, rng)
    return dataclasses.replace(capture, microphone=noisy)


def errors(response, truth, *, low_hz=20.0, late=0.0):
    """Level errors in dB at 1/24 octave, and the largest phase error in degrees."""
    f, H, T = spectra(response, truth)
    H = H * np.exp(2j * np.pi * f * late / FS)
    centres = low_hz * 2 ** np.arange(0, np.log2(20000 / low_hz), 1 / 48)
    low = np.ceil(centres * 2 ** (-1 / 48) / f[1]).astype(int)
    high = np.floor(centres * 2 ** (1 / 48) / f[1]).astype(int) + 1
    bands = [slice(a, b) for a, b in zip(low, high, strict=True)]
    level = [10 * np.log10(np.sum(abs(H[b]) ** 2) / np.sum(abs(T[b]) ** 2)) for b in bands]
    phase = [np.degrees(np.angle(np.sum(H[b] * T[b].conj()))) for b in bands]
    return np.array(level), float(np.abs(phase).max())


def spectra(response, truth):
    """Spectra of a response and of the truth, with the same time zero."""
    f = np.fft.rfftfreq(N_FFT, 1 / FS)
    turn = np.exp(2j * np.pi * f * response.time_zero / FS)
    return f, np.fft.rfft(response.samples, N_FFT) * turn, np.fft.rfft(truth.samples, N_FFT)


def late_samples(response, truth):
    """Delay of a response behind its truth: the best fit of a pure delay above 500 Hz."""
    f, H, T = spectra(response, truth)
    band = (f > 500) & (f < 18000)
    cross, w = H[band] * T[band].conj(), 2 * np.pi * f[band] / FS
    steps = np.arange(-1000.0, 50.0, 1.0)
    near = steps[np.argmax([abs(np.sum(cross * np.exp(1j * w * d))) for d in steps])]
    near = near + np.arange(-2.0, 2.0, 0.25)
    late = near[np.argmax([np.sum(cross * np.exp(1j * w * d)).real for d in near])]
    for _ in range(8):
        turned = cross * np.exp(1j * w * late)
        late -= np.sum(w * turned.imag) / np.sum(w**2 * turned.real)
    return float(late)


def pre_ringing_db(response, truth):
    """Largest sample that the measurement adds from 1 ms before the direct sound back."""
    _, H, T = spectra(response, truth)
    size = np.abs(truth.samples)
    direct = int(np.flatnonzero(size > 0.1 * size.max())[0])
    added = np.roll(np.fft.irfft(H - T, N_FFT), round(response.time_zero))
    before = round(response.time_zero) + direct - round(0.001 * FS)
    return 20 * np.log10(np.abs(added[:before]).max() / size.max())


def accuracy(quick: bool) -> list[dict]:
    """Goal 1: noiseless, in all virtual rooms."""
    plan = plan_take(Sweep(fs=FS), repeats=1)
    level_db, phase_deg, ringing_db = [], [], []
    for name in ["control-room"] if quick else sorted(ROOMS):
        for speaker in ("L", "R"):
            capture, studio = record(name, speaker, plan)
            truth = studio.true_response(speaker, "p1", FS)
            response = judge_capture(capture).response
            level, phase = errors(response, truth)
            level_db.append(np.abs(level).max())
            phase_deg.append(phase)
            ringing_db.append(pre_ringing_db(response, truth))
    return [
        goal("1 noiseless level error, 20 Hz-20 kHz", max(level_db), "dB", 0.005),
        goal("1 noiseless phase error, 20 Hz-20 kHz", max(phase_deg), "degrees", 0.05),
        goal("1 pre-ringing beyond 1 ms", max(ringing_db), "dB", -70.0),
    ]


def noise(quick: bool) -> list[dict]:
    """Goal 2: noise at 40 dB, 512k once and four times.

    In a room as that of MEASURING.md, whose bass is as loud as its middle; and in the virtual
    control room, whose bass falls by 20 dB from 40 Hz to 20 Hz.
    """
    flat = room_response(np.random.default_rng(SEED), corner_hz=38.0)
    truth = ImpulseResponse(flat, FS, "L", "p1")
    found = {}
    for repeats in (1, 4):
        # The rooms have decayed within 0.8 s: a longer response holds more noise.
        plan = plan_take(Sweep(fs=FS, length_s=LONG_S), repeats=repeats, reverberation_s=0.8)
        _, sent = render_take(plan, same_speaker=True)
        n_fft = scipy.fft.next_fast_len(sent.size + flat.size, real=True)
        heard = scipy.fft.irfft(scipy.fft.rfft(sent, n_fft) * scipy.fft.rfft(flat, n_fft), n_fft)
        clean = Capture(
            microphone=heard[: sent.size],
            loopback=sent,
            fs=FS,
            plan=plan,
            speaker="L",
            reference_speaker="L",
            position="p1",
        )
        found["room", repeats] = noise_errors(clean, truth, quick, low_hz=20.0)
        if repeats == 1:
            clean, studio = record("control-room", "R", plan)
            truth_r = studio.true_response("R", "p1", FS)
            found["control", 1] = noise_errors(clean, truth_r, quick, low_hz=40.0)
    return [
        goal("2 SNR 40, 512k, rms error", found["room", 1], "dB", 0.025),
        goal("2 SNR 40, four of 512k, rms error", found["room", 4], "dB", 0.02),
        goal("2 the same from 40 Hz, control room, 512k", found["control", 1], "dB", 0.025),
    ]


def noise_errors(clean, truth, quick, *, low_hz):
    """Mean over noises of the rms level error."""
    found = []
    for seed in range(2 if quick else 10):
        response = judge_capture(with_noise(clean, 40.0, seed)).response
        level, _ = errors(response, truth, low_hz=low_hz)
        found.append(rms(level))
    return float(np.mean(found))


def clocks(quick: bool) -> list[dict]:
    """Goal 3: drift estimated and corrected; a lost sample is named, whatever else."""
    plan = plan_take(Sweep(fs=FS), repeats=3)
    drifts = (-300.0, 117.0) if quick else (-299.0, -151.0, 13.0, 117.0, 298.0)
    slope_error, level_db, phase_deg = [], [], []
    for drift in drifts:
        capture, studio = record("control-room", "R", plan, cable=False, drift_ppm=drift)
        truth = studio.true_response("R", "p1", FS)
        slope_ppm = 1e6 * (1 / (1 + 1e-6 * drift) - 1)
        response = judge_capture(capture).response
        level, phase = errors(response, truth, late=late_samples(response, truth))
        level_db.append(np.abs(level).max())
        phase_deg.append(phase)
        for seed in range(5):
            noisy = with_noise(capture, 20.0, 100 + seed)
            slope_error.append(Evidence(noisy).time.clock.slope_ppm - slope_ppm)
    named = []
    rng = np.random.default_rng(SEED)
    plan = plan_take(Sweep(fs=FS, length_s=2.0), repeats=3)
    capture, _ = record("control-room", "L", plan, cable=False, drift_ppm=20.0)
    for seed in range(12 if quick else 100):
        noisy = with_noise(capture, rng.uniform(20.0, 60.0), seed)
        at = int(rng.uniform(plan.mark_starts[0] + 0.5 * FS, plan.mark_starts[-1]))
        lost = np.delete(noisy.microphone, at)
        verdicts = judge_capture(dataclasses.replace(noisy, microphone=lost)).verdicts
        named.append(
            any(v.fault == "RC-516" and "1 sample was lost" in v.message for v in verdicts)
        )
    return [
        goal("3 clock slope at SNR 20, rms", rms(slope_error), "ppm", 0.003),
        goal("3 drift of 300 ppm corrected, level", max(level_db), "dB", 0.01),
        goal("3 drift of 300 ppm corrected, phase", max(phase_deg), "degrees", 0.05),
        goal("3 lost samples named", 100.0 * np.mean(named), "%", 100.0, least=True),
    ]


def delay(quick: bool) -> list[dict]:
    """Goal 4: the delay between two speakers at SNR 20."""
    plan = plan_take(Sweep(fs=FS), repeats=3)
    lates = {}
    for speaker in ("L", "R"):  # noise of its own in every take
        capture, studio = record("control-room", speaker, plan, cable=False)
        truth = studio.true_response(speaker, "p1", FS)
        seeds = range(3 if quick else 15)
        noisy = (with_noise(capture, 20.0, 10 * k + (speaker == "R")) for k in seeds)
        lates[speaker] = [
            late_samples(gated(judge_capture(c).response), gated(truth)) for c in noisy
        ]
    apart = np.abs(np.array(lates["L"]) - np.array(lates["R"]))
    return [goal("4 L/R delay at SNR 20, largest error", apart.max(), "sample", 0.005)]


def gated(response):
    """Direct sound and 3 ms after it: the rest of a noisy response says nothing about time."""
    size = np.abs(response.samples)
    direct = int(np.flatnonzero(size > 0.3 * size.max())[0])
    t = (np.arange(size.size) - direct) / FS
    window = np.clip((t + 0.002) / 0.001, 0, 1) * np.clip((0.003 - t) / 0.001, 0, 1)
    return dataclasses.replace(response, samples=response.samples * window)


def disturbances(quick: bool) -> list[dict]:
    """Goal 5: one of three sweeps spoiled, and a single one."""
    sweep = Sweep(fs=FS)
    plan, single = plan_take(sweep, repeats=3), plan_take(sweep, repeats=1)
    clean, _ = record("control-room", "L", plan, cable=False)
    rms_dbfs = 20 * np.log10(np.std(clean.microphone[plan.sweep_starts[1] :][: sweep.n_samples]))
    peak_dbfs = 20 * np.log10(np.abs(clean.microphone).max())
    reference = judge_capture(with_noise(clean, 60.0, 1)).response
    worst_db, off_s, found = [], [], []
    rng = np.random.default_rng(SEED)
    for k in range(2 if quick else 6):
        into_s = rng.uniform(0.6, 5.0)
        kinds = {
            "slam": lambda t: Slam(at_s=t, peak_dbfs=peak_dbfs),
            "speech": lambda t: Speech(at_s=t, duration_s=1.0, level_dbfs=rms_dbfs - 20.0),
            "dropout": lambda t: ZeroedSamples(at_s=t, n_samples=64),
            "lost": lambda t: DroppedSamples(at_s=t, n_samples=256),
        }
        for name, kind in kinds.items():
            at_s = plan.sweep_starts[1] / FS + into_s
            spoiled, _ = record("control-room", "L", plan, cable=False, faults=[kind(at_s)])
            spoiled = with_noise(spoiled, 60.0, 1)
            level, _ = errors(judge_capture(spoiled).response, reference, low_hz=40.0)
            worst_db.append(np.abs(level).max())
            if name == "lost":
                continue
            at_s = single.sweep_starts[0] / FS + into_s
            spoiled, _ = record("control-room", "L", single, cable=False, faults=[kind(at_s)])
            spoiled = with_noise(spoiled, 60.0, 50 + k)
            rejections = [v for v in judge_capture(spoiled).verdicts if v.severity == "rejection"]
            found.append(bool(rejections))
            length_s = 1.0 if name == "speech" else 0.0
            off_s += [max(at_s - v.time_s, v.time_s - at_s - length_s) for v in rejections[:1]]
    return [
        goal("5 spoiled sweep of three, re clean", max(worst_db), "dB", 0.01),
        goal("5 disturbed single sweeps found", 100.0 * np.mean(found), "%", 100.0, least=True),
        goal("5 located within", 1e3 * max(off_s), "ms", 50.0),
    ]


def harmonics(quick: bool) -> list[dict]:
    """Goal 6: harmonics of a polynomial at -40 dB, with noise at 60 dB and its floor."""
    sweep = Sweep(fs=FS, level_dbfs=-6.0)
    plan = plan_take(sweep, repeats=1)
    _, x = render_take(plan, same_speaker=False)
    X = scipy.fft.rfft(x)
    X[round(0.3 * X.size) :] = 0.0
    low = scipy.fft.irfft(X, x.size)
    amplitude, share = 10 ** (sweep.level_dbfs / 20), 10 ** (-40 / 20)
    y = x + 2 * share / amplitude * low**2 + 4 * share / amplitude**2 * low**3
    f_hz = 50.0 * 2 ** np.arange(0.0, 5.6, 1 / 6)  # a third harmonic stays below 7.2 kHz
    fundamental_db = 20 * np.log10(1 + 3 * share)  # the cube adds to it
    start, n = plan.sweep_starts[0], sweep.n_samples + plan.tail_samples
    model = sweep_model(sweep, n, plan.tail_samples)
    worst, floors = {2: [], 3: []}, {2: [], 3: []}
    for seed in range(2 if quick else 10):
        noise_rms = np.std(x[start : start + sweep.n_samples]) * 10 ** (-60 / 20)
        noisy = y + noise_rms * pink_noise(y.size, np.random.default_rng((SEED, seed)))
        h = model.response(noisy[start : start + n], 0)
        for order in worst:
            kind = {"order": order, "linear_s": 0.5}
            level = harmonic_levels_db(h, sweep, f_hz, **kind)
            quiet = noisy[: plan.pre_roll_samples]
            floors[order].append(harmonic_floor_db(quiet, model.inverse, h, sweep, f_hz, **kind))
            worst[order].append(np.abs(level + 40.0 + fundamental_db).max())
    return [
        goal(
            f"6 harmonic {order} at -40 dB, SNR 60, error (floor {floor:.0f} dB)", error, "dB", 0.2
        )
        for order, error, floor in (
            (k, np.max(worst[k]), np.max(np.mean(floors[k], axis=0))) for k in worst
        )
    ]


def decay(quick: bool) -> list[dict]:
    """Goal 7: T30 of noise that decays exponentially, and no number without range."""
    fs, bias, low_bias, without_range = 8000, [], [], 0
    for time_60_s, snr_db in ((0.3, 60.0), (0.5, 55.0), (1.0, 60.0)):
        found = []
        for seed in range(200 if quick else 800):
            found.append(analyze_decay(decaying(seed, time_60_s, snr_db, fs), bands_per_octave=1))
        t30 = np.array([a.t30_s for a in found])
        for k, f in enumerate(found[0].bands_hz):
            # A time is one over a slope: its mean lies above that of the slopes, its median not.
            mean = np.nanmedian(t30[:, k]) / time_60_s - 1.0
            if 60.0 < f < 70.0:
                low_bias.append(abs(mean))
            elif f > 120.0:
                bias.append(abs(mean))
    for seed in range(5 if quick else 25):
        short = analyze_decay(decaying(seed, 0.5, 30.0, fs), bands_per_octave=1)
        without_range += int(np.isfinite(short.t30_s).sum())
    return [
        goal("7 T30 bias from 125 Hz (median)", 100 * max(bias), "%", 2.0),
        goal("7 T30 bias at 63 Hz (median)", 100 * max(low_bias), "%", 5.0),
        goal("7 T30 without range", without_range, "numbers", 0.0),
    ]


def decaying(seed, time_60_s, snr_db, fs):
    """Noise under an exponential, with noise."""
    rng = np.random.default_rng((SEED, seed))
    n, pre = round(1.6 * max(time_60_s, 0.7) * fs), fs // 10
    h = 10 ** (-snr_db / 20) * rng.standard_normal(n + pre)
    h[pre:] += rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / fs / time_60_s)
    h[pre] += 4.0
    return ImpulseResponse(h, fs, "L", "p1")


def alarms(quick: bool) -> list[dict]:
    """Goal 8: clean takes."""
    n = 20 if quick else 1000
    lines, lost = judge_many(range(n))
    return [
        goal(f"8 false alarms in {n} clean takes", len(lines), "", 0.0),
        goal(f"3 moving air taken for lost samples in {n} takes", lost, "", 0.0),
    ]


def system(quick: bool) -> list[dict]:
    """Time, memory, kills, the chain through JACK, and the fault matrix."""
    found = [*measurement_system.speed(record, quick=quick), *measurement_system.matrix()]
    if not quick:
        found += [*measurement_system.kills(), *measurement_system.chain()]
    return [goal(*item) for item in found]


def rms(values) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


PARTS = (accuracy, noise, clocks, delay, disturbances, harmonics, decay, alarms, system)

if __name__ == "__main__":
    sys.exit(main())

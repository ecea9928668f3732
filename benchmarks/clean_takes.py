"""Takes with nothing wrong in them: random rooms, noise, hum, clocks, moving air, levels.

    python benchmarks/clean_takes.py [--takes 1000] [--first 0] [--fs 48000] [--json]

Shared by this program (1,000 of them), `measurement.py` and the tests (100). No detector may
reject one, and none may warn but of noise that is there.
"""

import argparse
import dataclasses
import json
import sys

import numpy as np
import scipy.fft

from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.dsp.resample import sample_at
from roomcal.measure.judge import judge_capture
from roomcal.measure.plan import plan_take, render_take
from roomcal.model.capture import Capture
from roomcal.model.sweep import Sweep

FS = 48000
REVERBERATION_S = 0.8
DECAY_S = (0.2, 0.5)
ROOM_S = 0.7  # a small room, and its end faded
# FAULTS.md: moving air deviates by up to 0.3 sample of 48 kHz from the line of the marks. It moves
# in time, so at other rates by as many microseconds.
AIR_S = 0.3 / 48000


@dataclasses.dataclass(frozen=True)
class Take:
    """A clean take and what it was made of."""

    capture: Capture
    snr_db: float
    text: str


def random_take(
    seed: int,
    *,
    fs: int = FS,
    decay_s: tuple[float, float] = DECAY_S,
    pause_s: float = REVERBERATION_S,
) -> Take:
    """Make one take; the same seed gives the same take.

    Rooms decay by 60 dB within a random time out of `decay_s`.
    """
    n_room = round(fs * max(ROOM_S, decay_s[1]))
    rng = np.random.default_rng((20240611, seed))
    length_s = float(rng.uniform(1.0, 2.5))
    repeats = int(rng.choice([1, 2, 3, 3, 3, 3, 4]))
    level_dbfs = float(rng.uniform(-40.0, -12.0))
    snr_db = float(rng.uniform(20.0, 60.0))
    drift_ppm = float(rng.uniform(-50.0, 50.0)) * float(rng.random() < 0.7)
    # With one sweep there are no others that tell a draught from a lost sample.
    air = float(rng.uniform(0.0, AIR_S * fs)) * float(rng.random() < 0.6) * float(repeats > 1)
    hum_db = float(rng.uniform(-70.0, -45.0)) if rng.random() < 0.4 else None
    symmetric = bool(rng.random() < 0.3)
    plan = plan_take(
        Sweep(fs=fs, length_s=length_s, level_dbfs=level_dbfs),
        repeats=repeats,
        reverberation_s=pause_s,
    )
    same = bool(rng.random() < 0.5)
    left, other = (room_response(rng, fs=fs, decay_s=decay_s, n_room=n_room) for _ in range(2))
    right = left + 10 ** (-30 / 20) * other if symmetric else other
    marks, sweeps = render_take(plan, same_speaker=same)
    sweep_gain = 10 ** (level_dbfs / 20)
    clean = through(distorted(marks, sweep_gain, rng), left)
    clean += through(distorted(sweeps, sweep_gain, rng), left if same else right)
    latency = float(rng.uniform(100.0, 4000.0)) * fs / FS
    n = np.arange(plan.n_samples)
    instants = n * (1.0 - 1e-6 * drift_ppm) - latency + moving_air(plan, air, rng)
    x = sample_at(clean, instants)
    start = plan.sweep_starts[0] + round(latency)
    rms = float(np.sqrt(np.mean(x[start : start + plan.sweep.n_samples] ** 2)))
    x += rms * 10 ** (-snr_db / 20) * pink_noise(n.size, rng, fs=fs)
    if hum_db is not None:
        x += rms * 10 ** (hum_db / 20) * hum(n / fs, rng)
    x *= 10 ** (rng.uniform(-35.0, -8.0) / 20) / np.max(np.abs(x))
    x = np.round(x * 2**23) / 2**23
    text = (
        f"{seed=} {fs=} {length_s=:.2f} {repeats=} {snr_db=:.1f} {drift_ppm=:.1f} {air=:.2f} "
        f"{hum_db=} {symmetric=} {same=}"
    )
    capture = Capture(
        microphone=x,
        loopback=None,
        fs=fs,
        plan=plan,
        speaker="L" if same else "R",
        reference_speaker="L",
        position="p1",
    )
    return Take(capture, snr_db, text)


def virtual_take(name: str, speaker: str, *, length_s: float = 2.0, noise_dbfs: float) -> Take:
    """Record one take of a virtual room, with its own clock, hum and converters."""
    room = ROOMS[name]
    room = dataclasses.replace(
        room, converters=dataclasses.replace(room.converters, noise_dbfs=noise_dbfs)
    )
    plan = plan_take(Sweep(fs=FS, length_s=length_s), repeats=3)
    reference = room.speakers[0]
    marks, sweeps = render_take(plan, same_speaker=speaker == reference.name)
    rows, outputs = [sweeps], [room.speaker(speaker).output_channel]
    if speaker != reference.name:
        rows.append(marks)
        outputs.append(reference.output_channel)
    recording = VirtualStudio(room).play_record(
        np.stack(rows), fs=FS, output_channels=outputs, input_channels=[1]
    )
    x = recording.samples[0]
    start = plan.sweep_starts[0] + round(room.converters.latency_samples)
    heard = float(np.mean(x[start : start + plan.sweep.n_samples] ** 2))
    quiet = float(np.mean(x[: plan.pre_roll_samples] ** 2))
    capture = Capture(
        microphone=x,
        loopback=None,
        fs=FS,
        plan=plan,
        speaker=speaker,
        reference_speaker=reference.name,
        position="p1",
    )
    snr_db = 10 * np.log10(heard / quiet)
    return Take(capture, snr_db, f"{name} {speaker} {noise_dbfs=} {snr_db=:.1f}")


def room_response(
    rng: np.random.Generator,
    *,
    fs: int = FS,
    corner_hz: float | None = None,
    decay_s: tuple[float, float] = DECAY_S,
    n_room: int | None = None,
) -> np.ndarray:
    """Speaker and room: direct sound, twelve reflections, a decaying tail, eight modes."""
    n_room = n_room or round(ROOM_S * fs)
    n_fft = 2 * n_room
    f = np.fft.rfftfreq(n_fft, 1 / fs)
    delay = rng.uniform(150.0, 600.0) * fs / FS
    H = np.exp(-2j * np.pi * f * delay / fs)
    for _ in range(12):
        late = rng.uniform(40.0, 1800.0) * fs / FS
        gain = rng.choice([-1, 1]) * rng.uniform(0.1, 0.5) * np.exp(-late / 1500 * FS / fs)
        H += gain * np.exp(-2j * np.pi * f * (delay + late) / fs) / (1 + 1j * f / 9000)
    t = np.arange(n_room) / fs
    time_60_s = rng.uniform(*decay_s)
    tail = rng.standard_normal(n_room) * 10 ** (-3 * t / time_60_s) * (1 - np.exp(-t / 0.01))
    H += (
        0.02
        * np.sqrt(FS / fs)
        * scipy.fft.rfft(np.roll(tail, round(delay)), n_fft)
        / (1 + 1j * f / 5000)
    )
    for mode_hz in rng.uniform(28.0, 220.0, 8):
        ring = np.sin(2 * np.pi * mode_hz * t) * np.exp(
            -6.9 * t / rng.uniform(decay_s[0], 0.9 * decay_s[1])
        )
        H += (
            rng.uniform(0.001, 0.006) * FS / fs * scipy.fft.rfft(np.roll(ring, round(delay)), n_fft)
        )
    s = 1j * f
    corner = corner_hz or rng.uniform(28.0, 60.0)
    for damping in (0.765, 1.848):  # Butterworth of order 4
        H *= s**2 / (s**2 + damping * corner * s + corner**2)
    H /= 1 + 1j * f / 30000
    top_hz = 22600 / FS * fs
    H *= 0.5 + 0.5 * np.cos(np.pi * np.clip((f - top_hz) / (fs / 2 - top_hz), 0, 1))
    h = scipy.fft.irfft(H, n_fft)[:n_room]
    fade = fs // 10
    h[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    return h


def through(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Convolve."""
    n_fft = scipy.fft.next_fast_len(x.size + h.size, real=True)
    return scipy.fft.irfft(scipy.fft.rfft(x, n_fft) * scipy.fft.rfft(h, n_fft), n_fft)


def distorted(x: np.ndarray, peak: float, rng: np.random.Generator) -> np.ndarray:
    """Add a second and a third harmonic, 45 to 60 dB down."""
    second, third = (10 ** (-rng.uniform(45.0, 60.0) / 20) for _ in range(2))
    X = scipy.fft.rfft(x)
    X[round(0.3 * X.size) :] = 0.0  # a speaker does not alias: no harmonic above half of fs
    low = scipy.fft.irfft(X, x.size)
    return x + 2 * second * low**2 / peak + 4 * third * low**3 / peak**2


def moving_air(plan, most: float, rng: np.random.Generator) -> np.ndarray:
    """Delay that wanders smoothly, at most so far from its own line."""
    n = np.arange(plan.n_samples, dtype=np.float64)
    if most == 0.0:
        return np.zeros(n.size)
    t = n / plan.sweep.fs
    d = sum(
        rng.standard_normal() * np.sin(2 * np.pi * t / period + rng.uniform(0, 2 * np.pi))
        for period in rng.uniform(6.0, 40.0, 4)
    )
    centred = n - n.mean()
    d -= d.mean()
    d -= centred * np.sum(centred * d) / np.sum(centred**2)
    return most * d / np.max(np.abs(d))


def pink_noise(n: int, rng: np.random.Generator, *, fs: int = FS) -> np.ndarray:
    """Pink noise from 10 Hz on, rms 1."""
    n_fft = scipy.fft.next_fast_len(n, real=True)
    f = np.fft.rfftfreq(n_fft, 1 / fs)
    x = scipy.fft.rfft(rng.standard_normal(n_fft)) / np.sqrt(np.maximum(f, 10.0))
    y = scipy.fft.irfft(x, n_fft)[:n]
    return y / np.sqrt(np.mean(y**2))


def hum(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mains with harmonics, rms of the fundamental 1."""
    f_hz = float(rng.choice([50.0, 60.0])) + rng.uniform(-0.05, 0.05)
    levels_db = (0.0, -4.0, -9.0, -14.0, -15.0, -20.0, -22.0)
    return sum(
        np.sqrt(2.0)
        * 10 ** (level / 20)
        * np.sin(2 * np.pi * k * f_hz * t + rng.uniform(0, 2 * np.pi))
        for k, level in enumerate(levels_db, start=1)
    )


def false_alarms(take: Take, verdicts) -> list[str]:
    """Verdicts that a clean take must not get, one line each."""
    return [
        f"{v.detector} {v.severity}: {v.message} [{take.text}]"
        for v in verdicts
        if v.severity != "note" and not (v.detector == "snr" and take.snr_db < 45.0)
    ]


def judge_many(seeds, *, fs: int = FS) -> tuple[list[str], int]:
    """Judge takes; the false alarms, and how often moving air was taken for lost samples."""
    lines, lost = [], 0
    for seed in seeds:
        take = random_take(seed, fs=fs)
        verdicts = judge_capture(take.capture).verdicts
        found = false_alarms(take, verdicts)
        for line in found:
            print(line, file=sys.stderr, flush=True)
        lines += found
        lost += any(v.fault in ("RC-516", "RC-520") for v in verdicts)
    return lines, lost


def main() -> int:
    """Judge takes and count the false alarms."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first take")
    parser.add_argument("--fs", type=int, default=FS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    lines, _ = judge_many(range(options.first, options.first + options.takes), fs=options.fs)
    name = f"8 false alarms in {options.takes} clean takes of {options.fs} Hz"
    met = not lines
    goals = [{"name": name, "figure": float(len(lines)), "unit": "", "goal": 0.0, "met": met}]
    print(json.dumps({"goals": goals}, indent=2) if options.json else f"{name}: {len(lines)}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

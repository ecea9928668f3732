"""How often `analyze --check-bounce` is wrong: made-up mixes, with and without a correction.

    python benchmarks/printed_correction.py [--mixes 20] [--seconds 30] [--quick] [--json]

The mixes are of several kinds (a band, electronic, piano, noise, hard panning), each with its own
key, tempo, balance and reverberation, all from seeds; the corrections are those of made-up rooms.
"""

import argparse
import json
from collections.abc import Iterator

import numpy as np
import scipy.fft
import scipy.signal

from roomcal.verify.printed_correction import (
    PER_OCTAVE,
    MixAnalysis,
    PrintedCorrection,
    bands_hz,
    judge_mix,
)

FS = 44100
KINDS = ("band", "electronic", "piano", "noise", "wide")
MOST_FALSE_ALARMS, MOST_MISSES = 0.01, 0.01
MOST_SILENCE = 0.25  # of mixes with all of a correction or none that get no answer
_MIDDLE = np.pi / 4
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_N_TAPS = 1 << 15


class _Score:
    """Sounds that are added to two channels."""

    def __init__(self, seed: int, seconds: float) -> None:
        self.rng = np.random.default_rng((20240711, seed))
        self.mix = np.zeros((2, int(FS * seconds)))
        self.key = int(self.rng.integers(0, 12))
        self.scale = _SCALES[int(self.rng.random() < 0.5)]
        self.beat_s = 60.0 / self.rng.uniform(70.0, 150.0)
        self.root = 0

    def pitch(self, octave: int, degree: int) -> int:
        """MIDI number of a degree of the scale, above the root of the bar."""
        degree += self.root
        return 12 * octave + self.key + self.scale[degree % 7] + 12 * (degree // 7)

    def add(self, start_s: float, sound: np.ndarray, pan: float) -> None:
        """Add a sound; a pan of 0 is left, of pi / 2 right."""
        at = int(start_s * FS)
        sound = sound[: self.mix.shape[1] - at]
        self.mix[0, at : at + sound.size] += np.cos(pan) * sound
        self.mix[1, at : at + sound.size] += np.sin(pan) * sound

    def note(self, start_s: float, midi: int, length_s: float, *, pan: float, level: float) -> None:
        """Add a string of harmonics that dies away."""
        rng = self.rng
        t = np.arange(int(length_s * FS)) / FS
        f0 = 440.0 * 2.0 ** ((midi - 69) / 12) * (1.0 + rng.normal(0.0, 0.0008))
        bright = rng.uniform(0.8, 1.7)
        sound = np.zeros(t.size)
        for k in range(1, min(30, int(16000 / f0) + 1)):
            phase, strength = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.5, 1.0)
            sound += strength * k**-bright * np.sin(2 * np.pi * f0 * k * t + phase)
        fade = np.minimum(np.minimum(t / 0.005, 1.0), np.minimum((length_s - t) / 0.01, 1.0))
        decay = np.exp(-t / (length_s / rng.uniform(1.5, 4.0)))
        self.add(start_s, level * sound * decay * np.maximum(fade, 0.0), pan)

    def hit(
        self,
        start_s: float,
        band_hz: tuple[float, float],
        decay_s: float,
        *,
        pan: float,
        level: float,
    ) -> None:
        """Add a burst of noise."""
        n = int(6 * decay_s * FS)
        f = np.maximum(np.fft.rfftfreq(n, 1.0 / FS), 1.0)
        shape = 1.0 / (1.0 + (band_hz[0] / f) ** 4) / (1.0 + (f / band_hz[1]) ** 4)
        sound = np.fft.irfft(shape * np.fft.rfft(self.rng.standard_normal(n)), n)
        self.add(start_s, level * sound * np.exp(-np.arange(n) / FS / decay_s), pan)


def music(seed: int, kind: str, seconds: float = 30.0) -> np.ndarray:
    """Make a mix, (2, n_samples)."""
    score = _Score(seed, seconds)
    rng = score.rng
    for k in range(int(seconds / score.beat_s) - 1):
        start_s = k * score.beat_s
        if k % 4 == 0:
            score.root = int(rng.choice([0, 3, 4, 5, 0]))
        if kind in ("band", "electronic"):
            _band(score, k, start_s, kicks=kind == "electronic" or k % 2 == 0)
        elif kind == "piano":
            for _ in range(int(rng.integers(1, 4))):
                pan = float(np.clip(_MIDDLE + rng.normal(0.0, 0.35), 0.1, 1.47))
                late = start_s + rng.random() * score.beat_s / 2
                degree = int(rng.integers(0, 20))
                score.note(late, score.pitch(3, degree), 1.5, pan=pan, level=0.25)
        elif kind == "noise":
            score.hit(start_s, (80.0, 6000.0), 0.4, pan=rng.uniform(0.0, 1.57), level=0.3)
        else:  # every instrument far to one side
            side = float(rng.choice([0.2, 1.3]))
            score.note(start_s, score.pitch(2, 0), score.beat_s, pan=side, level=0.5)
            for _ in range(3):
                side = float(rng.choice([0.1, 1.47]))
                degree = int(rng.integers(0, 12))
                score.note(start_s, score.pitch(4, degree), 1.0, pan=side, level=0.2)
            score.hit(start_s, (200.0, 9000.0), 0.06, pan=float(rng.choice([0.2, 1.3])), level=0.2)
    return _in_a_hall(score)


def _band(score: _Score, k: int, start_s: float, *, kicks: bool) -> None:
    rng = score.rng
    bass = score.pitch(2, int(rng.choice([0, 0, 0, 2, 4])))
    score.note(start_s, bass, score.beat_s, pan=_MIDDLE, level=0.5)
    if kicks:
        t = np.arange(int(0.25 * FS)) / FS
        phase = 2.0 * np.pi * (50.0 * t + 8.0 * (1.0 - np.exp(-30.0 * t)))
        score.add(start_s, 0.9 * np.sin(phase) * np.exp(-12.0 * t), _MIDDLE)
    if k % 2 == 1:
        score.hit(start_s, (150.0, 9000.0), 0.07, pan=_MIDDLE, level=0.35)
    else:
        for pan, degree in ((0.45, 0), (1.1, 2), (_MIDDLE, 4)):
            score.note(start_s, score.pitch(4, degree), 1.0, pan=pan, level=0.12)
    score.hit(start_s, (5000.0, 16000.0), 0.03, pan=_MIDDLE + rng.normal(0.0, 0.1), level=0.1)
    if rng.random() < 0.6:
        pan, degree = _MIDDLE + rng.normal(0.0, 0.1), int(rng.integers(0, 9))
        score.note(start_s, score.pitch(5, degree), 0.5, pan=pan, level=0.2)


def _in_a_hall(score: _Score) -> np.ndarray:
    rng, mix = score.rng, score.mix
    n = int(1.2 * FS)
    tails = rng.standard_normal((2, n)) * np.exp(-5.0 * np.arange(n) / FS)
    for channel in range(2):
        wet = scipy.signal.fftconvolve(score.mix.mean(axis=0), tails[channel])[: mix.shape[1]]
        mix[channel] += rng.uniform(0.005, 0.02) * wet
    mix += 1e-4 * rng.standard_normal(mix.shape)
    return 0.7 * mix / np.abs(mix).max()


def correction(seed: int) -> np.ndarray:
    """Make the filters of two speakers, (2, n_taps): modes in common, the rest apart."""
    rng = np.random.default_rng((20240712, seed))
    modes = [
        (float(np.exp(rng.uniform(np.log(30), np.log(300)))), rng.normal(-4, 4), rng.uniform(3, 15))
        for _ in range(7)
    ]
    rows = []
    for _ in range(2):
        own = [
            (np.exp(rng.uniform(np.log(60), np.log(6000))), rng.normal(0, 2.5), rng.uniform(1, 8))
            for _ in range(10)
        ]
        h = np.zeros(_N_TAPS)
        h[0] = 0.5
        for f, gain_db, q in (*modes, *own):
            A, w = 10 ** (gain_db / 40), 2 * np.pi * f / FS
            c, alpha = np.cos(w), np.sin(w) / 2 / q
            b = [1 + alpha * A, -2 * c, 1 - alpha * A]
            h = scipy.signal.lfilter(b, [1 + alpha / A, -2 * c, 1 - alpha / A], h)
        rows.append(h)
    return np.array(rows)


def corrected(mix: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Put a correction on a mix."""
    return scipy.signal.oaconvolve(mix, filters, axes=1)[:, : mix.shape[1]]


def judged(mix: np.ndarray, filters: np.ndarray) -> PrintedCorrection:
    """Look for a correction in a mix."""
    f = bands_hz(FS)
    analysis = MixAnalysis(len(mix), FS, f)
    analysis.add(mix)
    n_fft = 1 << 19
    power = np.abs(scipy.fft.rfft(filters, n_fft)) ** 2
    half = 2.0 ** (0.5 / PER_OCTAVE)
    edges = [(round(a / half * n_fft / FS), round(a * half * n_fft / FS)) for a in f]
    levels = [[10 * np.log10(row[a : b + 1].mean()) for a, b in edges] for row in power]
    return judge_mix(analysis.spectrum(), np.array(levels))


def cases(
    seed: int, kind: str, seconds: float
) -> Iterator[tuple[str, bool | None, PrintedCorrection]]:
    """Give name, truth (None: neither) and verdict of every case of one mix."""
    mix, own, other = music(seed, kind, seconds), correction(seed), correction(seed + 5000)
    printed = corrected(mix, own)
    half = mix.shape[1] // 2
    yield "none", False, judged(mix, own)
    yield "all", True, judged(printed, own)
    yield "another room's", False, judged(corrected(mix, other), own)
    yield "half as loud beside it", None, judged(0.25 * mix + 0.5 * printed, own)
    partly = np.concatenate([0.5 * mix[:, :half], printed[:, half:]], axis=1)
    yield "half of the time", None, judged(partly, own)
    loud = np.tanh(3.0 * printed / np.abs(printed).max())
    yield "all, then limited hard", True, judged(loud, own)
    mono = printed.mean(axis=0, keepdims=True)
    yield "all, then mono", True, judged(mono, own.mean(axis=0, keepdims=True))


def rates(mixes: int, first: int, seconds: float) -> dict[str, dict[str, float]]:
    """Count the answers of every case."""
    found: dict[str, list[tuple[bool | None, str]]] = {}
    for seed in range(first, first + mixes):
        for kind in KINDS:
            for name, truth, verdict in cases(seed, kind, seconds):
                found.setdefault(name, []).append((truth, verdict.answer))
    table = {}
    for name, answers in found.items():
        n = len(answers)
        table[name] = {
            answer: sum(a == answer for _, a in answers) / n
            for answer in ("carries", "does not carry", "cannot tell")
        }
        table[name]["n"] = n
    return table


def main() -> None:
    """Print the table, or the goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mixes", type=int, default=20, help="of each kind")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    table = rates(2 if given.quick else given.mixes, given.first, given.seconds)
    alarms = max(table["none"]["carries"], table["another room's"]["carries"])
    misses = table["all"]["does not carry"]
    silence = max(table[name]["cannot tell"] for name in ("none", "all"))
    goals = [
        ("false alarms", alarms, MOST_FALSE_ALARMS),
        ("misses", misses, MOST_MISSES),
        ("no answer", silence, MOST_SILENCE),
    ]
    if given.json:
        rows = [
            {"name": name, "figure": figure, "unit": "share", "goal": goal, "met": figure <= goal}
            for name, figure, goal in goals
        ]
        print(json.dumps({"goals": rows}, indent=2))
        return
    for name, row in table.items():
        shares = ", ".join(f"{answer} {100 * row[answer]:5.1f} %" for answer in list(row)[:3])
        print(f"{name:24} {row['n']:4.0f} mixes: {shares}")
    for name, figure, goal in goals:
        print(f"{name}: {100 * figure:.1f} %, goal at most {100 * goal:.0f} %")


if __name__ == "__main__":
    main()

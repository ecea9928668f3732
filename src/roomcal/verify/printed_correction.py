"""Whether a finished mix carries a correction: the classic mistake of a bounce.

Nothing but the mix and the filters is known. The fine structure of the filters over frequency is
looked for twice: in what both channels share, where music has a structure of its own, and in the
difference of the channels, where most of that cancels because the middle of a mix is in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from roomcal.units import FloatArray, log_grid_hz

Answer = Literal["carries", "does not carry", "cannot tell"]

PER_OCTAVE = 24
_RANGE_HZ = (28.0, 9000.0)
# Slower than this, a mix may have any shape: instruments, panning, mastering.
_TREND_OCTAVES = 1.0
# The structure is shifted by these against the mix to learn what chance alone finds.
_SHIFTS = np.concatenate([-np.arange(6, 31), np.arange(6, 31)])  # 1/4 to 5/4 octave
# What chance finds in a mix that is made is this much wider than what the shifts find in it
# (benchmarks/printed_correction.py).
_WIDER = 1.5
# Codecs, mastering and the windows of the analysis keep a share from being exact.
_LEAST_UNCERTAINTY = 0.06
# Odds that an answer needs: a hundred to one.
_SURE_LOG_ODDS = float(np.log(99.0))
# Nobody has heard all mixes: no answer is surer than a thousand to one.
_LARGEST_CONFIDENCE = 0.999
_LARGEST_UNCERTAINTY = 0.3
_NEAR = 0.35  # a share further than this from 0 and from 1 is neither
_LEAST_STRUCTURE_DB = 0.3
LEAST_SEGMENTS = 12


@dataclass(frozen=True)
class PrintedCorrection:
    """What was found.

    Attributes
    ----------
    answer : "carries", "does not carry" or "cannot tell"
    confidence : float
        Probability that the answer is right, if the mix carries either all of this correction or
        none; NaN where there is no answer.
    share : float
        How much of the correction's fine structure is in the mix: 1 is all, 0 none.
    share_std : float
    reason : str
        Why there is no answer.
    """

    answer: Answer
    confidence: float
    share: float
    share_std: float
    reason: str = ""


@dataclass(frozen=True, eq=False)
class MixSpectrum:
    """Mean level over time of a mix.

    Attributes
    ----------
    level_db : (n_channels, n_bands) float array
        Mean of the level in dB, at `bands_hz`.
    n_segments : int
    """

    level_db: FloatArray
    n_segments: int


def bands_hz(fs: int) -> FloatArray:
    """Frequencies that are looked at, (n_bands,)."""
    return log_grid_hz(_RANGE_HZ[0], min(_RANGE_HZ[1], 0.4 * fs), PER_OCTAVE)


def judge_mix(mix: MixSpectrum, correction_db: FloatArray) -> PrintedCorrection:
    """Look for the structure of a correction in a mix.

    Parameters
    ----------
    mix : MixSpectrum
    correction_db : (n_channels, n_bands) float array
        Level of each channel's filter, in the same bands.

    Notes
    -----
    Both are freed of their trend over an octave. The share k is the least-squares factor of the
    correction in the mix; its uncertainty is the spread of the factors that shifted copies of the
    correction find in what is left. With equal odds for 0 and 1, the log odds are
    (2 k - 1) / (2 sigma^2).
    """
    if mix.n_segments < LEAST_SEGMENTS:
        return _nothing(f"{mix.n_segments} loud moments are too few, {LEAST_SEGMENTS} are needed")
    pairs = _evidence(mix.level_db, correction_db)
    found = [_share(y, x) for y, x in pairs if np.std(_detrended(x)) >= _LEAST_STRUCTURE_DB]
    if not found:
        return _nothing("the correction is too smooth to be told from a mix's own balance")
    weights = np.array([1.0 / std**2 for _, std in found])
    share = float(np.sum(weights * [k for k, _ in found]) / weights.sum())
    std = max(_WIDER * float(weights.sum() ** -0.5), _LEAST_UNCERTAINTY)
    if std > _LARGEST_UNCERTAINTY:
        return _nothing(
            "the mix has a structure of its own that hides the correction's", share, std
        )
    log_odds = (2.0 * share - 1.0) / (2.0 * std**2)
    if min(abs(share), abs(share - 1.0)) > _NEAR:
        return _nothing(
            f"{100 * share:.0f} % of the correction's structure is in it: a part of the mix is "
            "corrected, or another correction is on it",
            share,
            std,
        )
    if abs(log_odds) < _SURE_LOG_ODDS:
        return _nothing("the evidence is too weak", share, std)
    confidence = min(float(1.0 / (1.0 + np.exp(-min(abs(log_odds), 50.0)))), _LARGEST_CONFIDENCE)
    return PrintedCorrection(
        "carries" if log_odds > 0.0 else "does not carry", confidence, share, std
    )


def _evidence(
    level_db: FloatArray, correction_db: FloatArray
) -> Sequence[tuple[FloatArray, FloatArray]]:
    """Pairs of mix and correction: what the channels share, and each one's difference from it."""
    common = (level_db.mean(axis=0), correction_db.mean(axis=0))
    if len(level_db) == 1:
        return [common]
    first = level_db[0]
    return [
        common,
        *(
            (first - other, correction_db[0] - filtered)
            for other, filtered in zip(level_db[1:], correction_db[1:], strict=True)
        ),
    ]


def _share(y: FloatArray, x: FloatArray) -> tuple[float, float]:
    """Share of x in y, and its uncertainty, with the bands weighed by how quiet the rest is."""
    y, x = _detrended(y), _detrended(x)
    weights = np.ones(y.size)
    share = 0.0
    for _ in range(3):
        share = _factor(y, x, weights)
        rest = y - share * x
        local = _smoothed(rest**2, PER_OCTAVE)
        weights = 1.0 / (local + 0.05 * np.mean(rest**2) + 1e-6)
    rest = y - share * x
    by_chance = [_factor(rest, _shifted(x, n), weights) for n in _SHIFTS]
    return share, float(max(np.sqrt(np.mean(np.square(by_chance))), 1e-3))


def _factor(y: FloatArray, x: FloatArray, weights: FloatArray) -> float:
    return float(np.sum(weights * x * y) / max(np.sum(weights * x * x), 1e-12))


def _shifted(x: FloatArray, n: int) -> FloatArray:
    """Move along the frequency; what leaves at one end comes back, reversed, at the other."""
    return np.asarray(np.pad(x, abs(n), mode="reflect")[abs(n) + n : abs(n) + n + x.size])


def _detrended(x: FloatArray) -> FloatArray:
    return x - _smoothed(x, round(_TREND_OCTAVES * PER_OCTAVE))


def _smoothed(x: FloatArray, width: int) -> FloatArray:
    """Mean over a Hann window, within the ends of the range."""
    window = np.hanning(2 * width + 1)
    total = np.convolve(x, window, mode="same")
    return np.asarray(total / np.convolve(np.ones(x.size), window, mode="same"))


def _nothing(
    reason: str, share: float = float("nan"), std: float = float("nan")
) -> PrintedCorrection:
    return PrintedCorrection("cannot tell", float("nan"), share, std, reason)


class MixAnalysis:
    """Takes a mix block by block, and keeps the mean of its level.

    The mean is one of decibels: a loud moment counts no more than a quiet one, and what a filter
    adds to it is the filter's own level, whatever is played.
    """

    def __init__(self, n_channels: int, fs: int, f_hz: FloatArray) -> None:
        # 1.5 Hz between bins: modes of a room are wider.
        self._n_fft = 1 << int(np.ceil(np.log2(fs / 1.5)))
        self._window = np.hanning(self._n_fft)
        self._waiting = np.zeros((n_channels, 0))
        self._rows: list[FloatArray] = []
        half = 2.0 ** (0.5 / PER_OCTAVE)
        bin_hz = fs / self._n_fft
        self._low = np.floor(f_hz / half / bin_hz + 0.5).astype(int)
        self._high = np.maximum(np.floor(f_hz * half / bin_hz + 0.5).astype(int), self._low + 1)

    def add(self, samples: FloatArray) -> None:
        """Take a block, (n_channels, n_samples)."""
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        while self._waiting.shape[1] >= self._n_fft:
            spectrum = np.fft.rfft(self._waiting[:, : self._n_fft] * self._window)
            power = np.abs(spectrum) ** 2
            total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
            means = (total[:, self._high] - total[:, self._low]) / (self._high - self._low)
            self._rows.append(10.0 * np.log10(np.maximum(means, 1e-20)))
            self._waiting = self._waiting[:, self._n_fft // 2 :]

    def spectrum(self) -> MixSpectrum:
        """Return the mean of what was loud enough."""
        n_bands = self._low.size
        if not self._rows:
            return MixSpectrum(np.zeros((len(self._waiting), n_bands)), 0)
        rows = np.array(self._rows)
        loudness = rows.mean(axis=(1, 2))
        loud = loudness > np.percentile(loudness, 90) - 30.0
        return MixSpectrum(rows[loud].mean(axis=0), int(loud.sum()))

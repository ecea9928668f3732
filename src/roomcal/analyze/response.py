"""What reaches the ear, over frequency: smoothed level, spatial average, deviation, L/R match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import scipy.fft

from roomcal.analyze.arrival import arrival_index
from roomcal.dsp.smoothing import Width, smoothed_power
from roomcal.model.arrays import frozen_array
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, db_from_power, log_grid_hz, power_from_db

LOW_HZ, HIGH_HZ = 20.0, 20000.0  # range of hearing, and of every curve shown
DEFAULT_SMOOTHING: Width = 6  # windows per octave; finer detail belongs to one position alone
PER_OCTAVE = 48  # points of a curve
# Before the direct sound nothing but noise and the harmonics of the sweep arrives; band limits
# ring a little ahead of it, and are kept.
PRE_ROLL_S = 0.05
PRE_FADE_S = 0.05
# Ranges in which a deviation is stated, Hz: where single modes rule, where modes overlap and
# boundaries interfere, the middle, the treble.
DEVIATION_BANDS_HZ: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "30-80 Hz": (30.0, 80.0),
        "80-300 Hz": (80.0, 300.0),
        "300 Hz-2 kHz": (300.0, 2000.0),
        "2-16 kHz": (2000.0, 16000.0),
    }
)
MATCH_RANGE_HZ = (100.0, 10000.0)  # both speakers play it, and rooms do not yet decide it alone
_BINS_PER_WINDOW = 4.0  # at the lowest frequency, so that the narrowest window sees a smooth curve


@dataclass(frozen=True, eq=False)
class SpatialAverage:
    """One speaker over several positions.

    Attributes
    ----------
    mean : Curve
        Energetic mean.
    low_db, high_db : (n,) float array
        Lowest and highest level among the positions, at the frequencies of `mean`.
    spread_db : (n,) float array
        Standard deviation of the levels among the positions; NaN with one position.
    """

    mean: Curve
    low_db: FloatArray
    high_db: FloatArray
    spread_db: FloatArray
    n_positions: int

    def __post_init__(self) -> None:
        for name in ("low_db", "high_db", "spread_db"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


@dataclass(frozen=True, eq=False)
class PairMatch:
    """How alike two speakers are."""

    difference: Curve  # first minus second
    level_db: float  # mean difference in level
    rms_db: float  # rms of the difference about that mean
    worst_db: float  # largest difference about that mean, with its sign
    worst_hz: float


def gate(response: ImpulseResponse, *, duration_s: float | None = None) -> FloatArray:
    """Fade in what precedes the direct sound, and end after a time if one is given.

    Parameters
    ----------
    response : ImpulseResponse
    duration_s : float, optional
        Keep this long from the direct sound on; the last tenth fades out.

    Returns
    -------
    h : (n_samples,) float array
    """
    h, fs = np.array(response.samples), response.fs
    arrival = arrival_index(response)
    start = int(arrival - PRE_ROLL_S * fs)
    if start > 0:
        fade = _rise(min(round(PRE_FADE_S * fs), start))
        h[: start - fade.size] = 0.0
        h[start - fade.size : start] *= fade
    if duration_s is not None:
        stop = min(round(arrival + duration_s * fs), h.size)
        fade = _rise(max(round(0.1 * duration_s * fs), 1))[::-1]
        first = max(stop - fade.size, 0)
        h[first:stop] *= fade[fade.size - (stop - first) :]
        h = h[:stop]
    return h


def smoothed_response(
    response: ImpulseResponse,
    *,
    smoothing: Width = DEFAULT_SMOOTHING,
    duration_s: float | None = None,
    per_octave: int = PER_OCTAVE,
) -> Curve:
    """Smoothed level of one response, in dB re unity gain, from 20 Hz to 20 kHz.

    Parameters
    ----------
    response : ImpulseResponse
    smoothing : int or "erb" or "variable"
        Windows per octave, or see `dsp.smoothing`.
    duration_s : float, optional
        See `gate`.
    per_octave : int
        Points of the curve.

    Returns
    -------
    curve : Curve
        Named "SPEAKER POSITION"; ends below half the sample rate.
    """
    h = gate(response, duration_s=duration_s)
    f_hz = log_grid_hz(LOW_HZ, min(HIGH_HZ, 0.49 * response.fs), per_octave)
    narrowest_hz = LOW_HZ * np.log(2.0) / (smoothing if isinstance(smoothing, int) else 12)
    wanted = max(2 * h.size, int(response.fs * _BINS_PER_WINDOW / narrowest_hz))
    n_fft = scipy.fft.next_fast_len(wanted, real=True)
    power = np.abs(scipy.fft.rfft(h, n_fft)) ** 2
    level = db_from_power(smoothed_power(power, response.fs / n_fft, f_hz, smoothing))
    return Curve(f_hz, level, name=f"{response.speaker} {response.position}")


def spatial_average(curves: Sequence[Curve], *, name: str = "") -> SpatialAverage:
    """Average one speaker's curves over positions; the first curve's frequencies are used."""
    if not curves:
        raise ValueError("an average needs at least one curve")
    f_hz = curves[0].f_hz
    levels = np.array([curve.level_at(f_hz) for curve in curves])
    mean = db_from_power(power_from_db(levels).mean(axis=0))
    several = len(curves) > 1
    return SpatialAverage(
        Curve(f_hz, mean, name=name),
        low_db=levels.min(axis=0),
        high_db=levels.max(axis=0),
        spread_db=levels.std(axis=0, ddof=1) if several else np.full(f_hz.size, np.nan),
        n_positions=len(curves),
    )


def level_offset_db(curve: Curve, target: Curve, *, low_hz: float, high_hz: float) -> float:
    """Mean level of a curve above a target, every octave of the range counting alike."""
    f_hz = log_grid_hz(low_hz, high_hz, PER_OCTAVE)
    return float(np.mean(curve.level_at(f_hz) - target.level_at(f_hz)))


def deviation_db(
    curve: Curve, target: Curve, *, low_hz: float, high_hz: float, offset_db: float = 0.0
) -> float:
    """Rms distance of a curve from a target that lies `offset_db` higher than it is written.

    Every octave of the range counts alike. NaN where the curve does not cover the range.
    """
    if curve.f_hz[0] > 1.01 * low_hz or curve.f_hz[-1] < 0.99 * high_hz:
        return float("nan")
    f_hz = log_grid_hz(low_hz, high_hz, PER_OCTAVE)
    distance = curve.level_at(f_hz) - target.level_at(f_hz) - offset_db
    return float(np.sqrt(np.mean(distance**2)))


def pair_match(
    first: Curve, second: Curve, *, range_hz: tuple[float, float] = MATCH_RANGE_HZ
) -> PairMatch:
    """Compare two speakers, usually left and right, over the range that both play."""
    low = max(first.f_hz[0], second.f_hz[0])
    high = min(first.f_hz[-1], second.f_hz[-1])
    f_hz = first.f_hz[(first.f_hz >= low) & (first.f_hz <= high)]
    difference = Curve(
        f_hz, first.level_at(f_hz) - second.level_at(f_hz), name=f"{first.name} - {second.name}"
    )
    inside = log_grid_hz(max(low, range_hz[0]), min(high, range_hz[1]), PER_OCTAVE)
    levels = difference.level_at(inside)
    rest = levels - levels.mean()
    worst = int(np.argmax(np.abs(rest)))
    return PairMatch(
        difference=difference,
        level_db=float(levels.mean()),
        rms_db=float(np.sqrt(np.mean(rest**2))),
        worst_db=float(rest[worst]),
        worst_hz=float(inside[worst]),
    )


def _rise(n: int) -> FloatArray:
    """Return a raised cosine from above 0 to below 1, (n,)."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1)))

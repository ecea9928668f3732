"""The same correction with a few bands of a parametric equaliser, as near as the device allows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomcal.design.device_limits import DeviceLimits
from roomcal.design.grid import DESIGN_PER_OCTAVE, MIDDLE
from roomcal.dsp.biquads import biquad
from roomcal.model.biquad import Biquad, BiquadKind
from roomcal.units import FloatArray, db_from_ratio, frequency_text

# The fit looks at every fourth step of the design grid: 1/12 octave.
_EVERY = 4
# A band is worth setting from here on.
_LEAST_DB = 0.5
# All bands are refined together after so many have been added, and at the end.
_REFINE_EVERY = 3
_MOST_STEPS = 15
_SHELF_Q = 0.7
_SHELF_Q_RANGE = (0.4, 1.0)  # a shelf is steep enough as it is
_BASS_SHELF_HZ, _TREBLE_SHELF_HZ = 120.0, 4000.0
# A boost of higher Q fills a dip of one place and rings; a cut may be nearly as narrow as its mode,
# which moves with the temperature.
_BOOST_MOST_Q, _CUT_MOST_Q = 5.0, 10.0
# Large gains of neighbours that cancel each other fit a little better and are no setting to trust:
# a decibel of gain costs as much as so many squared decibels of misfit at one frequency.
_GAIN_COST, _GAIN_FLOOR_DB = 1.0, 0.5
# Peaks that stand nearer together, on one side and of like width, are one.
_SAME_OCTAVES, _SAME_Q = 1.0 / 12.0, 1.5
# What is louder than wanted is heard more than what is softer, and what passes the boost limit is
# not to be had at all: so much more do they count, in dB per dB.
_TOO_LOUD, _OVER_LIMIT = 1.5, 5.0
# What rounding to a device's steps lets pass the limit is lowered together, in such steps.
_LOWER = 0.95
_LOWER_PASSES = 160


@dataclass(frozen=True, eq=False)
class PeqFit:
    """Bands, and what they leave of the correction.

    Attributes
    ----------
    biquads : tuple of Biquad
    level_db : (n,) float array
        Of all bands together, on the design grid.
    notes : tuple of str
        What the bands cannot do.
    """

    biquads: tuple[Biquad, ...]
    level_db: FloatArray
    notes: tuple[str, ...]


def fit_peq(
    wanted_db: FloatArray,
    f_hz: FloatArray,
    fs: int,
    *,
    bands: int,
    limits: DeviceLimits,
    range_hz: tuple[float, float],
    max_boost_db: float,
) -> PeqFit:
    """Fit peaks and shelves to a correction.

    Parameters
    ----------
    wanted_db, f_hz : (n,) float array
        On the design grid.
    fs : int
        Bands are warped near half of it.
    bands : int
        At most this many, and at most as many as the device has.
    limits : DeviceLimits
    range_hz : tuple of float
        Bands stand in here.
    max_boost_db : float
        Of all bands together, above the median of the middle.
    """
    low = max(range_hz[0], limits.f_hz[0])
    high = min(range_hz[1], limits.f_hz[1], 0.45 * fs)
    at = np.flatnonzero((f_hz >= low / 1.2) & (f_hz <= high * 1.2))[::_EVERY]
    f, wanted = f_hz[at], wanted_db[at]
    found: list[Biquad] = []
    most_db = max_boost_db + min(float(np.median(wanted_db[MIDDLE.covers(f_hz)])), 0.0)

    def refined(bands_now: list[Biquad]) -> list[Biquad]:
        return _refined(
            bands_now, wanted, f, fs, limits=limits, range_hz=(low, high), most_db=most_db
        )

    most = min(bands, limits.bands)
    for _ in range(2):  # what refining has made useless makes room
        while len(found) < most:
            rest = wanted - level_of(found, f, fs)
            shelf = limits.shelves and all(b.kind == "peak" for b in found)
            added = _next_band(rest, f, fs, limits, (low, high), shelf=shelf)
            if added is None:
                break
            found.append(added)
            if len(found) % _REFINE_EVERY == 0:
                found = refined(found)
        if not found:
            break
        found = refined(_merged([b for b in refined(found) if abs(b.gain_db) >= _LEAST_DB]))
    found = [_on_device(b, limits) for b in found]
    found = _within_boost(found, f_hz, fs, max_boost_db=max_boost_db, limits=limits)
    found = sorted((b for b in found if abs(b.gain_db) > 0.0), key=lambda b: b.f_hz)
    level_db = level_of(found, f_hz, fs)
    return PeqFit(tuple(found), level_db, _notes(wanted_db - level_db, f_hz, found, limits))


def level_of(bands: Sequence[Biquad], f_hz: FloatArray, fs: int) -> FloatArray:
    """Level of a chain of bands, (n,) in dB."""
    z = np.exp(-2j * np.pi * f_hz / fs)
    total = np.zeros(f_hz.size)
    for band in bands:
        b0, b1, b2, _, a1, a2 = biquad(band.kind, band.f_hz, fs, q=band.q, gain_db=band.gain_db)
        total += db_from_ratio((b0 + z * (b1 + z * b2)) / (1.0 + z * (a1 + z * a2)))
    return total


def sections_of(bands: Sequence[Biquad], fs: int) -> FloatArray:
    """Coefficients of a chain of bands, (n_bands, 6)."""
    rows = [biquad(b.kind, b.f_hz, fs, q=b.q, gain_db=b.gain_db) for b in bands]
    return np.array(rows).reshape(-1, 6)


def _next_band(
    rest: FloatArray,
    f: FloatArray,
    fs: int,
    limits: DeviceLimits,
    range_hz: tuple[float, float],
    *,
    shelf: bool,
) -> Biquad | None:
    """Put a band where it takes most: a shelf where a whole end is off, else a peak."""
    inside = (f >= range_hz[0]) & (f <= range_hz[1])
    if not inside.any():
        return None
    if shelf:
        ends: tuple[tuple[BiquadKind, float, NDArray[np.bool_]], ...] = (
            ("low shelf", _BASS_SHELF_HZ, inside & (f < _BASS_SHELF_HZ)),
            ("high shelf", _TREBLE_SHELF_HZ, inside & (f > _TREBLE_SHELF_HZ)),
        )
        for kind, f0, part in ends:
            mean = float(np.mean(rest[part])) if part.sum() > 6 else 0.0
            spread = float(np.std(rest[part])) if part.any() else 0.0
            if abs(mean) > max(spread, 1.0) and range_hz[0] < f0 < range_hz[1]:
                return Biquad(kind, f0, float(np.clip(mean, *limits.gain_db)), _SHELF_Q)
    smooth = np.convolve(np.pad(rest, 1, mode="edge"), np.ones(3) / 3.0, mode="valid")
    candidates = [
        band
        for first, last in _lobes(smooth)
        if (band := _peak_over(smooth, f, first, last, limits, inside)) is not None
    ]
    left = [float(np.sum((rest - level_of([band], f, fs)) ** 2)) for band in candidates]
    if not left or min(left) >= float(np.sum(rest**2)):
        return None
    return candidates[int(np.argmin(left))]


def _lobes(level_db: FloatArray) -> list[tuple[int, int]]:
    """First and last index of every stretch on one side of 0 dB."""
    turns = np.flatnonzero(np.diff(np.sign(level_db)) != 0.0)
    first = np.r_[0, turns + 1]
    return list(zip(first.tolist(), np.r_[turns, level_db.size - 1].tolist(), strict=True))


def _peak_over(
    level_db: FloatArray,
    f: FloatArray,
    first: int,
    last: int,
    limits: DeviceLimits,
    inside: NDArray[np.bool_],
) -> Biquad | None:
    """Peak that takes the top of a stretch, or None where it is not worth it or out of reach."""
    i = first + int(np.argmax(np.abs(level_db[first : last + 1]) * inside[first : last + 1]))
    gain_db = float(np.clip(level_db[i], *limits.gain_db))
    if abs(gain_db) < _LEAST_DB or not inside[i]:
        return None
    left, right = i, i
    while left > first and level_db[left - 1] / level_db[i] > 0.5:
        left -= 1
    while right < last and level_db[right + 1] / level_db[i] > 0.5:
        right += 1
    octaves = (right - left + 1) * _EVERY / DESIGN_PER_OCTAVE
    q = 1.0 / (2.0 * np.sinh(0.5 * np.log(2.0) * octaves))
    return Biquad("peak", float(f[i]), gain_db, float(np.clip(q, *_q_range(gain_db, limits))))


def _q_range(gain_db: float, limits: DeviceLimits) -> tuple[float, float]:
    """Q of a peak that may be set."""
    low, high = limits.q
    most = _BOOST_MOST_Q if gain_db > 0.0 else _CUT_MOST_Q
    return low, max(min(high, most), 1.01 * low)


def _refined(
    bands: list[Biquad],
    wanted: FloatArray,
    f: FloatArray,
    fs: int,
    *,
    limits: DeviceLimits,
    range_hz: tuple[float, float],
    most_db: float,
) -> list[Biquad]:
    """Move all bands together to the least squares of what they leave; boosts stay boosts."""
    from scipy.optimize import least_squares

    if not bands:
        return bands
    rows = []
    for band in bands:
        gains = (limits.gain_db[0], 0.0)
        if band.gain_db >= 0.0:
            gains = (0.0, max(min(limits.gain_db[1], most_db), _LEAST_DB))
        qs = _q_range(band.gain_db, limits) if band.kind == "peak" else _SHELF_Q_RANGE
        rows += [np.log2(range_hz), gains, np.log2(qs)]
    low, high = np.array(rows).T
    start = np.array([x for b in bands for x in (np.log2(b.f_hz), b.gain_db, np.log2(b.q))])

    def made(x: FloatArray) -> list[Biquad]:
        rows = x.reshape(-1, 3)
        return [
            Biquad(b.kind, float(2.0 ** r[0]), float(r[1]), float(2.0 ** r[2]))
            for b, r in zip(bands, rows, strict=True)
        ]

    def residual(x: FloatArray) -> FloatArray:
        level_db = level_of(made(x), f, fs)
        off_db = level_db - wanted
        off_db = np.where(off_db > 0.0, _TOO_LOUD * off_db, off_db)
        over_db = np.maximum(level_db - most_db, 0.0)
        spent = np.sqrt(_GAIN_COST * (np.abs(x[1::3]) + _GAIN_FLOOR_DB))
        return np.concatenate([off_db, _OVER_LIMIT * over_db, spent])

    margin = 1e-6 * (high - low)
    start = np.clip(start, low + margin, high - margin)
    result = least_squares(
        residual,
        start,
        bounds=(low, high),
        x_scale=np.tile([0.1, 1.0, 0.3], len(bands)),
        max_nfev=_MOST_STEPS,
    )
    return made(result.x)


def _merged(bands: list[Biquad]) -> list[Biquad]:
    """Make one peak of two that do the same."""
    kept: list[Biquad] = []
    for band in bands:
        for k, other in enumerate(kept):
            if (
                band.kind == other.kind == "peak"
                and band.gain_db * other.gain_db > 0.0
                and abs(np.log2(band.f_hz / other.f_hz)) < _SAME_OCTAVES
                and abs(np.log(band.q / other.q)) < np.log(_SAME_Q)
            ):
                kept[k] = Biquad("peak", other.f_hz, other.gain_db + band.gain_db, other.q)
                break
        else:
            kept.append(band)
    return kept


def _on_device(band: Biquad, limits: DeviceLimits) -> Biquad:
    """Set a band to what the device has."""
    f_hz, gain_db, q = limits.nearest(band.f_hz, band.gain_db, band.q)
    return Biquad(band.kind, f_hz, gain_db, q)


def _within_boost(
    bands: list[Biquad], f_hz: FloatArray, fs: int, *, max_boost_db: float, limits: DeviceLimits
) -> list[Biquad]:
    """Lower the boosts, and then all bands, until they keep the limit together."""
    lowered = list(bands)
    for k in range(_LOWER_PASSES):
        least_db = 0.0 if k < _LOWER_PASSES // 2 else -np.inf
        level_db = level_of(lowered, f_hz, fs)
        if level_db.max() - np.median(level_db[MIDDLE.covers(f_hz)]) <= max_boost_db:
            break
        bands = [
            Biquad(b.kind, b.f_hz, _LOWER * b.gain_db if b.gain_db > least_db else b.gain_db, b.q)
            for b in bands
        ]
        lowered = [_on_device(b, limits) for b in bands]
    return lowered


def _notes(
    left_db: FloatArray, f_hz: FloatArray, bands: Sequence[Biquad], limits: DeviceLimits
) -> tuple[str, ...]:
    """Say what the bands leave, and what no band can do."""
    inside = (f_hz >= 20.0) & (f_hz <= 16000.0)
    rms_db = float(np.sqrt(np.mean(left_db[inside] ** 2)))
    worst = int(np.argmax(np.abs(left_db) * inside))
    return (
        f"{len(bands)} bands ({limits.name}) leave {rms_db:.1f} dB rms of the correction, most at "
        f"{frequency_text(float(f_hz[worst]))}: {left_db[worst]:+.1f} dB",
        "bands are of minimum phase: the phase of the speaker stays, and modes ring as long as "
        "their peaks allow",
    )

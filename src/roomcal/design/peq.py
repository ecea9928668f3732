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
_MOST_STEPS = 12
_SHELF_Q = 0.7
_BASS_SHELF_HZ, _TREBLE_SHELF_HZ = 120.0, 4000.0
# Boosts are lowered together in such steps until their sum keeps the limit.
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
    for k in range(min(bands, limits.bands)):
        rest = wanted - level_of(found, f, fs)
        added = _next_band(rest, f, limits, (low, high), shelf=k < 2 and limits.shelves)
        if added is None:
            break
        found.append(added)
        if (k + 1) % _REFINE_EVERY == 0:
            found = _refined(found, wanted, f, fs, limits=limits, range_hz=(low, high))
    if found:
        found = _refined(found, wanted, f, fs, limits=limits, range_hz=(low, high))
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
    limits: DeviceLimits,
    range_hz: tuple[float, float],
    *,
    shelf: bool,
) -> Biquad | None:
    """Put a band where most is left: a shelf where a whole end is off, else a peak."""
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
    reachable = np.where(rest > 0.0, limits.gain_db[1] > 0.0, limits.gain_db[0] < 0.0)
    smooth = np.convolve(np.pad(rest, 1, mode="edge"), np.ones(3) / 3.0, mode="valid")
    score = np.abs(smooth) * inside * reachable
    i = int(np.argmax(score))
    if score[i] < _LEAST_DB:
        return None
    same = np.sign(rest) * np.sign(rest[i]) * np.abs(rest) > 0.5 * abs(rest[i])
    left, right = i, i
    while left > 0 and same[left - 1]:
        left -= 1
    while right < f.size - 1 and same[right + 1]:
        right += 1
    octaves = (right - left + 1) * _EVERY / DESIGN_PER_OCTAVE
    q = float(np.clip(1.0 / (2.0 * np.sinh(0.5 * np.log(2.0) * octaves)), *limits.q))
    return Biquad("peak", float(f[i]), float(np.clip(rest[i], *limits.gain_db)), q)


def _refined(
    bands: list[Biquad],
    wanted: FloatArray,
    f: FloatArray,
    fs: int,
    *,
    limits: DeviceLimits,
    range_hz: tuple[float, float],
) -> list[Biquad]:
    """Move all bands together to the least squares of what they leave."""
    from scipy.optimize import least_squares

    low = np.tile([np.log2(range_hz[0]), limits.gain_db[0], np.log2(limits.q[0])], len(bands))
    high = np.tile([np.log2(range_hz[1]), limits.gain_db[1], np.log2(limits.q[1])], len(bands))
    start = np.array([x for b in bands for x in (np.log2(b.f_hz), b.gain_db, np.log2(b.q))])
    for k, band in enumerate(bands):  # a shelf is steep enough as it is
        if band.kind != "peak":
            low[3 * k + 2], high[3 * k + 2] = np.log2(0.4), np.log2(1.0)

    def made(x: FloatArray) -> list[Biquad]:
        rows = x.reshape(-1, 3)
        return [
            Biquad(b.kind, float(2.0 ** r[0]), float(r[1]), float(2.0 ** r[2]))
            for b, r in zip(bands, rows, strict=True)
        ]

    margin = 1e-6 * (high - low)
    start = np.clip(start, low + margin, high - margin)
    result = least_squares(
        lambda x: level_of(made(x), f, fs) - wanted,
        start,
        bounds=(low, high),
        x_scale=np.tile([0.1, 1.0, 0.3], len(bands)),
        max_nfev=_MOST_STEPS,
    )
    return made(result.x)


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

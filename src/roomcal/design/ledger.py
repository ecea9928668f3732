"""The ledger: for every peak and dip, what it is, what is done about it, and why.

A class is given from evidence: does it ring, do all positions share it, is it in the direct
sound, does the measurement stand out of the noise. The evidence is part of the reason.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet
from roomcal.design.grid import DESIGN_PER_OCTAVE
from roomcal.design.guard import AUDIBLE_HZ, AUDIBLE_S
from roomcal.design.limits import Limits
from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.ledger import Action, Kind, LedgerEntry
from roomcal.units import (
    ComplexArray,
    FloatArray,
    db_from_power,
    frequency_text,
    speed_of_sound_m_s,
)

# Smaller deviations are below what placement and taste change.
LEAST_DB = 2.0
_PROMINENCE_DB = 1.5
# Two entries are at least this far apart.
_APART_OCTAVES = 1.0 / 6.0
# Modes stand apart below; above, the direct sound decides between speaker and room.
TRANSITION_HZ = 300.0
# Positions agree when this share of them deviates to the same side by half as much.
_AGREED_SHARE = 0.75
# Where levels spread by more, a place decides and not the room.
_PLACE_DB = 4.0
# The correction takes a deviation when it spends this share of it.
_TAKEN_SHARE = 0.5
# From here on a correction that leaves most is said all the same.
_PART_DB = 1.0
# Distances that furniture can be moved by or away from.
_MOVABLE_M = 1.5
_TEMPERATURE_C = 20.0
_DECAY_RANGE_DB = (-5.0, -20.0)
_DECAY_BAND_OCTAVES = 0.1  # standard deviation of a Gaussian over log frequency
_LATEST_S = 1.2
_LOW_RATE_HZ = 1500.0


@dataclass(frozen=True, eq=False)
class LedgerCurves:
    """What the ledger reads, each (n,) in dB on the design grid but `f_hz` in Hz.

    `direct_db` is the direct sound, or None for a speaker without treble.
    """

    f_hz: FloatArray
    before_db: FloatArray
    target_db: FloatArray
    correction_db: FloatArray
    predicted_db: FloatArray
    direct_db: FloatArray | None


def find_ledger(
    aligned: AlignedSet, curves: LedgerCurves, limits: Limits, *, range_hz: tuple[float, float]
) -> tuple[LedgerEntry, ...]:
    """Class every deviation above 2 dB, from low to high.

    Parameters
    ----------
    aligned : AlignedSet
    curves : LedgerCurves
    limits : Limits
        Of the design: roll-off and noise.
    range_hz : tuple of float
        Where deviations are looked for.
    """
    f = curves.f_hz
    deviation_db = curves.before_db - curves.target_db
    level_db = db_from_power(smoothed_power(aligned.power, aligned.bin_hz, f, 6))
    level_db = level_db - aligned.weights @ level_db  # of every position, re their mean
    low = _low_spectra(aligned)
    return tuple(
        _entry(
            aligned, curves, limits, int(i), deviation_db=deviation_db, others_db=level_db, low=low
        )
        for i in _extrema(deviation_db)
        if range_hz[0] <= f[i] <= range_hz[1]
    )


def _extrema(deviation_db: FloatArray) -> FloatArray:
    """Find peaks and dips, in order; the larger ones claim their surroundings."""
    from scipy.signal import find_peaks

    found: list[int] = []
    for sign in (1.0, -1.0):
        # The ends of the range count: a deviation that goes on beyond it is one as well.
        padded = np.pad(sign * deviation_db, 1, constant_values=-1e9)
        peaks, _ = find_peaks(padded, height=LEAST_DB, prominence=_PROMINENCE_DB)
        found += [int(p) - 1 for p in peaks]
    found.sort(key=lambda i: -abs(deviation_db[i]))
    apart = _APART_OCTAVES * DESIGN_PER_OCTAVE
    kept: list[int] = []
    for i in found:
        if all(abs(i - k) >= apart for k in kept):
            kept.append(i)
    return np.array(sorted(kept), dtype=np.intp)


def _entry(
    aligned: AlignedSet,
    curves: LedgerCurves,
    limits: Limits,
    i: int,
    *,
    deviation_db: FloatArray,
    others_db: FloatArray,
    low: ComplexArray,
) -> LedgerEntry:
    """Class one deviation and say what is done about it."""
    f0, level_db = float(curves.f_hz[i]), float(deviation_db[i])
    at_db = level_db + others_db[:, i]
    spread_db = float(np.std(at_db))
    agreed = float(aligned.weights @ (at_db / level_db > 0.5))
    correction_db = float(curves.correction_db[i])
    left_db = float(curves.predicted_db[i] - curves.target_db[i])
    kind, why, decay_s, distance_m = _classed(
        aligned, curves, limits, i, level_db=level_db, spread_db=spread_db, agreed=agreed, low=low
    )
    taken = -correction_db / level_db >= _TAKEN_SHARE
    action, then = _action(
        kind, level_db, taken=taken, distance_m=distance_m, alone=len(aligned.positions) == 1
    )
    if taken and abs(left_db) > LEAST_DB:
        then += f"; {left_db:+.1f} dB remain"
    elif not taken and -correction_db * np.sign(level_db) > _PART_DB:
        then = f"{correction_db:+.1f} dB, and no more: {then}"
    return LedgerEntry(
        f_hz=f0,
        kind=kind,
        level_db=level_db,
        action=action,
        correction_db=correction_db,
        reason=f"{why}: {then}",
        left_db=left_db,
        spread_db=spread_db,
        decay_s=decay_s,
        distance_m=distance_m,
    )


def _classed(
    aligned: AlignedSet,
    curves: LedgerCurves,
    limits: Limits,
    i: int,
    *,
    level_db: float,
    spread_db: float,
    agreed: float,
    low: ComplexArray,
) -> tuple[Kind, str, float | None, float | None]:
    """Kind, its evidence in words, decay time and quarter-wave distance."""
    f0 = float(curves.f_hz[i])
    n = len(aligned.positions)
    shared = f"{100.0 * agreed:.0f} % of the weight of {n} positions" if n > 1 else "one position"
    if limits.trust is not None and limits.trust[i] < 1.0:
        return "noise", "the noise is near", None, None
    if limits.roll_off is not None and f0 < limits.roll_off.corner_hz:
        text = f"below the speaker's own roll-off at {frequency_text(limits.roll_off.corner_hz)}"
        return "speaker", text, None, None
    if f0 >= TRANSITION_HZ:
        direct_db = curves.direct_db
        if direct_db is not None and direct_db[i] / level_db >= 0.5 and agreed >= _AGREED_SHARE:
            text = f"in the direct sound ({direct_db[i]:+.1f} dB) and at {shared}"
            return "speaker", text, None, None
        text = (
            f"differs between positions by {spread_db:.1f} dB"
            if n > 1 and spread_db > 0.5 * abs(level_db)
            else "not in the direct sound"
        )
        return "reflection", text, None, None
    decay_s = _decay_s(aligned, low, f0)
    quarter_m = speed_of_sound_m_s(_TEMPERATURE_C) / (4.0 * f0)
    audible_s = float(np.interp(np.log(f0), np.log(AUDIBLE_HZ), AUDIBLE_S))
    if level_db > 0.0:
        if decay_s is not None and decay_s > audible_s and agreed >= _AGREED_SHARE:
            text = f"rings {decay_s:.2f} s (audible from {audible_s:.2f} s) at {shared}"
            return "mode", text, decay_s, None
        if agreed < _AGREED_SHARE or spread_db > _PLACE_DB:
            return "boundary", f"only at {shared}", decay_s, quarter_m
        how = "and its decay does not show" if decay_s is None else "and decays quickly"
        return "speaker", f"at {shared}, {how}", decay_s, None
    where = (
        f"differs by {spread_db:.1f} dB between positions: a surface near the seat"
        if spread_db > _PLACE_DB
        else f"at {shared}: a surface near the speaker"
    )
    return "boundary", f"{where}, a quarter wave is {quarter_m:.2f} m", decay_s, quarter_m


def _action(
    kind: Kind, level_db: float, *, taken: bool, distance_m: float | None, alone: bool
) -> tuple[Action, str]:
    """Say what to do, and why."""
    if kind == "noise":
        return "leave", "measure it again, louder or when it is quieter"
    if taken:
        return "correct", "cut" if level_db > 0.0 else "filled within the boost limit"
    if kind == "mode":
        return "treat", "the filter takes little of it; bass absorption takes the rest"
    if kind == "speaker":
        return "leave", "boosting it costs headroom and excursion" if level_db < 0.0 else "left"
    if kind == "reflection" and alone:
        return "treat", "one position cannot show where it holds; absorb it"
    if kind == "reflection":
        return "treat", "a filter cannot undo what differs between seats; absorb it"
    if distance_m is not None and distance_m <= _MOVABLE_M:
        return "move", "a filled dip rings and helps one place; move the speaker or the seat"
    return "treat", "a filled dip rings and helps one place; absorb the surface"


def _low_spectra(aligned: AlignedSet) -> ComplexArray:
    """Spectra of the responses up to half the low rate, (n_positions, n_low // 2 + 1)."""
    n_low = 2 * round(_LOW_RATE_HZ / aligned.bin_hz / 2.0)
    return np.asarray(scipy.fft.rfft(aligned.h, aligned.n_fft, axis=-1)[:, : n_low // 2 + 1])


def _decay_s(aligned: AlignedSet, low: ComplexArray, f0: float) -> float | None:
    """Mean decay time of a narrow band around a frequency; None where it does not show."""
    n_low = 2 * (low.shape[-1] - 1)
    fs = n_low * aligned.bin_hz
    f = np.maximum(np.arange(low.shape[-1]) * aligned.bin_hz, 0.1)
    gain = np.exp(-0.5 * (np.log2(f / f0) / _DECAY_BAND_OCTAVES) ** 2)
    envelope = np.abs(scipy.fft.ifft(low * gain, n_low, axis=-1)) ** 2
    power = aligned.weights @ envelope
    end = int(min(aligned.shortest_s, _LATEST_S) * fs)
    start = int(np.argmax(power[: max(end // 2, 1)]))
    left = np.cumsum(power[start:end][::-1])[::-1]
    if left.size < 8 or left[0] <= 0.0:
        return None
    level_db = db_from_power(left / left[0])
    inside = (level_db < _DECAY_RANGE_DB[0]) & (level_db > _DECAY_RANGE_DB[1])
    if inside.sum() < 4 or level_db[-max(level_db.size // 10, 1)] > _DECAY_RANGE_DB[1]:
        return None
    slope = float(np.polyfit(np.flatnonzero(inside) / fs, level_db[inside], 1)[0])
    return -60.0 / slope if slope < 0.0 else None

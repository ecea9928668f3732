"""Do no harm: how stiff the modal correction is, and what of it goes, by positions left out.

The filter of all positions but one is tried at the one that it has not seen. What does not hold
there would not hold at a seat that was never measured.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet
from roomcal.design.modal_decay import (
    CROSSFADE_HZ,
    PULSE_SHARE,
    STIFFNESS,
    Problem,
    solve,
    stiffness_matrix,
)
from roomcal.units import FloatArray, db_from_power, frequency_text, log_grid_hz

STIFFNESSES = (STIFFNESS, 2.0 * STIFFNESS, 4.0 * STIFFNESS)
# More of the pulse than this is paid with sound before the arrival.
PULSE_SHARES = (0.5 * PULSE_SHARE, PULSE_SHARE)
# Fewer positions than this leave nothing to try the filter at.
LEAST_POSITIONS = 3
# Sections of the correction: third octaves.
_SECTIONS_HZ = log_grid_hz(25.0, 250.0, 3)
# Late sound: as the ear notices a mode beside its onset.
_LATE_S = 0.150
# A section stays when late sound at the positions left out falls on average, and rises by more
# than this at few of them.
_WORSE_DB, _WORSE_SHARE = 1.0, 0.25
# Decay below which a mode is not heard to ring (Fazenda, Stephenson and Goldberg, J. Acoust. Soc.
# Am. 137(3), 2015): Hz, s.
AUDIBLE_HZ = (32.0, 50.0, 63.0, 100.0, 200.0)
AUDIBLE_S = (0.85, 0.50, 0.35, 0.20, 0.20)
# A decay that has fallen by less when the response ends was not measured.
LEAST_FALL_DB = 25.0
_LEAST_SAMPLES = 8  # at the low rate: 10 ms show no decay of bass at all
_CUT_SHORT = "left alone: the response ends or is noise before it has decayed"
_LAST_SHARES = (0.75, 0.85)  # of the response, before its end fades out
_FALL_RANGE_DB = (-5.0, -20.0)  # a decay time is read off here


@dataclass(frozen=True, eq=False)
class Guarded:
    """The filter that passed.

    Attributes
    ----------
    g : (n,) float array or None
        None when no section is left.
    gain_db : float
        Late sound at positions left out, after re before, mean of the sections that stay.
    """

    g: FloatArray | None
    gain_db: float
    notes: tuple[str, ...]


def guarded_decay(problem: Problem, aligned: AlignedSet) -> Guarded:
    """Choose the stiffness and the sections of the modal correction.

    Parameters
    ----------
    problem : Problem
        One set a position.
    aligned : AlignedSet
    """
    n_positions = len(aligned.positions)
    if n_positions < LEAST_POSITIONS:
        text = (
            f"the ringing of modes is left alone: {n_positions} position"
            f"{'s' if n_positions > 1 else ''} cannot show that a cure would hold elsewhere"
        )
        return Guarded(None, 0.0, (text,))
    keep, notes = _worth_it(problem, aligned)
    if not keep.any():
        return Guarded(None, 0.0, notes)
    R = stiffness_matrix(problem, _edges(~keep))
    tried: dict[tuple[float, float], list[FloatArray]] = {
        (s, m): [] for s in STIFFNESSES for m in PULSE_SHARES
    }
    for stiffness in STIFFNESSES:
        for left_out in range(n_positions):
            rest = aligned.weights * (np.arange(n_positions) != left_out)
            found = solve(
                problem,
                rest / rest.sum(),
                R,
                n_positions=n_positions - 1,
                stiffness=stiffness,
                shares=PULSE_SHARES,
            )
            for share, g in zip(PULSE_SHARES, found, strict=True):
                tried[stiffness, share].append(g)
    error = {key: _error(problem, aligned.weights, gs) for key, gs in tried.items()}
    best = min(error, key=lambda key: error[key])
    change_db = np.array(
        [_late_change_db(problem, p, g) for p, g in enumerate(tried[best])]
    )  # (n_positions, n_sections)
    mean_db = aligned.weights @ change_db
    worse = (change_db > _WORSE_DB).mean(axis=0) > _WORSE_SHARE
    harmful = keep & ((mean_db >= 0.0) | worse)
    if harmful.any():
        notes = (*notes, _note(harmful, "dropped: it made positions ring that it had not seen"))
    keep = keep & ~harmful
    if not keep.any():
        return Guarded(None, 0.0, notes)
    g = solve(
        problem,
        aligned.weights,
        stiffness_matrix(problem, _edges(~keep)),
        n_positions=n_positions,
        stiffness=best[0],
        shares=best[1:],
    )[0]
    gain_db = float(np.mean(mean_db[keep]))
    text = (
        f"modes shortened between {frequency_text(float(_SECTIONS_HZ[keep][0]))} and "
        f"{frequency_text(float(_SECTIONS_HZ[keep][-1]))}: sound later than "
        f"{1000.0 * _LATE_S:.0f} ms falls by {-gain_db:.1f} dB at positions left out of the design"
    )
    return Guarded(g, gain_db, (text, *notes))


def _worth_it(problem: Problem, aligned: AlignedSet) -> tuple[np.ndarray, tuple[str, ...]]:
    """Which sections decay audibly, and show it before they end; and what to say of the rest."""
    end = int(min(aligned.shortest_s, 1.2) * problem.fs)
    n = problem.c.shape[-1]
    heard = np.zeros(_SECTIONS_HZ.size, dtype=bool)
    shown = np.ones(_SECTIONS_HZ.size, dtype=bool)
    if end < _LEAST_SAMPLES:
        return heard, (_note(shown, _CUT_SHORT),)
    for i, f0 in enumerate(_SECTIONS_HZ):
        power = np.mean(np.abs(_section(problem.measured, f0, problem.fs)) ** 2, axis=0)
        power = power[: min(end, n // 2)]
        left = np.cumsum(power[::-1])[::-1]
        level_db = db_from_power(left / left[0])
        first, last = (int(share * power.size) for share in _LAST_SHARES)
        last_db = db_from_power(power[first : last + 1].mean() / power.max())
        shown[i] = last_db < -LEAST_FALL_DB
        inside = (level_db < _FALL_RANGE_DB[0]) & (level_db > _FALL_RANGE_DB[1])
        if inside.sum() > 2:
            slope = np.polyfit(np.flatnonzero(inside) / problem.fs, level_db[inside], 1)[0]
            limit_s = float(np.interp(np.log(f0), np.log(AUDIBLE_HZ), AUDIBLE_S))
            heard[i] = -60.0 / slope > limit_s
    notes = []
    if not shown.all():
        notes.append(_note(~shown, _CUT_SHORT))
    if (shown & ~heard).any():
        notes.append(_note(shown & ~heard, "left alone: it decays too fast to be heard"))
    return heard & shown, tuple(notes)


def _error(problem: Problem, weights: FloatArray, filters: list[FloatArray]) -> float:
    """Error at the positions left out, re that without a filter."""
    total = 0.0
    for p, g in enumerate(filters):
        wanted = problem.own[p] + PULSE_SHARE * problem.pulse[p]
        scale = np.trace(problem.normal[p]) / g.size
        total += weights[p] * float(g @ problem.normal[p] @ g - 2.0 * wanted @ g) / scale
    return total


def _late_change_db(problem: Problem, p: int, g: FloatArray) -> FloatArray:
    """Late sound of every section at one position, after re before, re the level of the section."""
    n = problem.c.shape[-1]
    G = np.zeros(n)
    G[np.arange(-problem.before, g.size - problem.before)] = g
    both = np.stack([problem.c[p], problem.c[p]])
    B = 1.0 + scipy.fft.rfft(G)
    both[1] = scipy.fft.irfft(scipy.fft.rfft(both[1]) * B, n)
    late = int(_LATE_S * problem.fs)
    change = []
    for f0 in _SECTIONS_HZ:
        power = np.abs(_section(both, float(f0), problem.fs)) ** 2
        share = db_from_power(power[:, late : n // 2].sum(axis=1) / power.sum(axis=1))
        change.append(float(share[1] - share[0]))
    return np.array(change)


def _section(c: FloatArray, f0: float, fs: float) -> np.ndarray:
    """Analytic signal of a third octave; a Gaussian over log frequency rings least."""
    n = c.shape[-1]
    f = np.maximum(scipy.fft.rfftfreq(n, 1.0 / fs), 0.1)
    C = scipy.fft.rfft(c, axis=-1) * np.exp(-0.5 * (np.log2(f / f0) / 0.2) ** 2)
    return np.asarray(scipy.fft.ifft(C, n, axis=-1))


def _edges(sections: np.ndarray) -> FloatArray:
    """Lower and upper edges of sections, (n, 2)."""
    f0 = _SECTIONS_HZ[sections]
    low, high = f0 / 2.0 ** (1.0 / 6.0), f0 * 2.0 ** (1.0 / 6.0)
    return np.stack([np.where(f0 == _SECTIONS_HZ[0], 0.0, low), high], axis=1)


def _note(sections: np.ndarray, text: str) -> str:
    """Say something of the sections that the filter could act in."""
    f0 = _SECTIONS_HZ[sections & (CROSSFADE_HZ[1] > _SECTIONS_HZ)]
    names = ", ".join(frequency_text(float(f)) for f in f0)
    return f"ringing around {names} {text}"

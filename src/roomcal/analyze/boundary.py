"""Boundary interference: dips that a wall behind or beside a speaker makes at every position.

A wall at the distance d sends the sound back 2 d later; where that is half a wave, d is a quarter
wave, and both cancel. No filter mends it: what is added cancels too. Moving the speaker does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.analyze.reflections import Point, surface_delays_s
from roomcal.analyze.response import smoothed_response
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, speed_of_sound_m_s

RANGE_HZ = (40.0, 500.0)
_SMOOTHING = 6
_AROUND_OCTAVES = 0.75  # a dip is judged against the highest level within this on either side
_VALLEY_OCTAVES = 0.25  # to either side: its lowest point stands for a dip
LEAST_DB = 4.0  # depth of the mean over positions
_LEAST_AT_POSITION_DB = 2.0
_SHARE = 2.0 / 3.0  # of the positions show it: otherwise it is theirs, not the speaker's
_FITS_OCTAVES = 1.0 / 6.0  # between a dip and what the layout predicts


@dataclass(frozen=True)
class BoundaryDip:
    """One dip that all positions share."""

    f_hz: float
    depth_db: float  # of the mean over positions, re the lower of the two shoulders
    quarter_wave_m: float  # distance of a boundary that explains it
    share: float  # of the positions that show it
    surface: str = ""  # whose first reflection cancels here, where the layout is known


@dataclass(frozen=True)
class BoundaryInterference:
    """The dips of one speaker, from low to high."""

    speaker: str
    dips: tuple[BoundaryDip, ...]
    reason: str = ""


def find_boundary_dips(
    responses: Sequence[ImpulseResponse],
    *,
    speaker_m: Point | None = None,
    positions_m: Sequence[Point | None] = (),
    size_m: tuple[float, float, float] | None = None,
) -> BoundaryInterference:
    """Find the dips that one speaker's positions share.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
        Of one speaker, one a position.
    speaker_m, positions_m, size_m : optional
        See `analyze.reflections.find_reflections`; name the surface.
    """
    speaker = responses[0].speaker
    curves = [smoothed_response(r, smoothing=_SMOOTHING) for r in responses]
    f_hz = curves[0].f_hz
    levels = np.array([c.level_at(f_hz) for c in curves])
    expected = _expected_hz(speaker_m, positions_m, size_m)
    mean = levels.mean(axis=0)
    inside = (f_hz >= RANGE_HZ[0]) & (f_hz <= RANGE_HZ[1])
    depth = _depth_db(mean, f_hz)
    each = np.array([_depth_db(row, f_hz) for row in levels])
    dips = []
    for k in np.flatnonzero(inside):
        valley = np.abs(np.log2(f_hz / f_hz[k])) <= _VALLEY_OCTAVES
        if depth[k] < LEAST_DB or mean[k] > mean[valley].min():
            continue
        # A position's own minimum may lie a little beside that of the mean.
        near = np.abs(np.log2(f_hz / f_hz[k])) <= 0.5 * _FITS_OCTAVES
        share = float(np.mean(each[:, near].max(axis=1) >= _LEAST_AT_POSITION_DB))
        if share < _SHARE:
            continue
        f = _vertex_hz(f_hz[k - 1 : k + 2], mean[k - 1 : k + 2])
        quarter_m = speed_of_sound_m_s(20.0) / (4.0 * f)
        dips.append(BoundaryDip(f, float(depth[k]), quarter_m, share, _surface(f, expected)))
    reason = "one position: its own dips cannot be told apart" if len(responses) == 1 else ""
    return BoundaryInterference(speaker, tuple(dips), reason)


def _depth_db(level_db: FloatArray, f_hz: FloatArray) -> FloatArray:
    """How far each point lies below the lower of the highest levels on either side."""
    n = max(round(_AROUND_OCTAVES / float(np.log2(f_hz[1] / f_hz[0]))), 1)
    padded = np.pad(level_db, n, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, n + 1)
    highest = windows.max(axis=1)
    left, right = highest[: level_db.size], highest[n : n + level_db.size]
    return np.asarray(np.minimum(left, right) - level_db)


def _vertex_hz(f_hz: FloatArray, level_db: FloatArray) -> float:
    """Lowest point of the parabola through three levels, over log frequency."""
    left, middle, right = (float(v) for v in level_db)
    bend = left - 2.0 * middle + right
    at = 0.5 * (left - right) / bend if bend > 0.0 else 0.0
    return float(f_hz[1] * (f_hz[2] / f_hz[1]) ** at)


def _expected_hz(
    speaker_m: Point | None,
    positions_m: Sequence[Point | None],
    size_m: tuple[float, float, float] | None,
) -> dict[str, float]:
    """First cancellation of each surface: half a wave of detour, median over positions."""
    rows = [surface_delays_s(speaker_m, p, size_m) for p in positions_m]
    found = {}
    for surface in {name for row in rows for name in row}:
        delays = [row[surface] for row in rows if row.get(surface, 0.0) > 0.0]
        if delays:
            found[surface] = 0.5 / float(np.median(delays))
    return found


def _surface(f_hz: float, expected: dict[str, float]) -> str:
    """Name the surface that fits best; two that fit alike are both named."""
    fit = sorted((abs(float(np.log2(at / f_hz))), name) for name, at in expected.items())
    return " or ".join(name for error, name in fit if error <= _FITS_OCTAVES)

"""The filter of one speaker, step after step, before speakers are matched to each other."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet
from roomcal.design.average import spatial_level
from roomcal.design.cap import capped
from roomcal.design.grid import (
    ANALYSIS_S,
    EXPLAINED_HZ,
    MIDDLE,
    Band,
    design_grid_hz,
    on_bins,
    transform_length,
)
from roomcal.design.limits import find_limits
from roomcal.design.magnitude import MANY_POSITIONS, magnitude_correction, resolutions
from roomcal.design.touch_up import RESOLUTION, touched_up
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.units import FloatArray, frequency_text, ratio_from_db

# The last part of the taps fades out, so that a cut tail does not ripple the response.
_FADE_OUT_SHARE = 1.0 / 8.0
# A response shorter than this cannot tell bass modes apart.
SHORT_S = 0.5
# Boost is said re the median gain in the middle, which is known only after a first design.
_MIDDLE_PASSES = 2
# A filter resolves about this many cycles per its length; below, it is only a level.
_CYCLES_PER_FILTER = 4.0


@dataclass(frozen=True, eq=False)
class SpeakerFilter:
    """What was designed for one speaker, at its own level.

    Attributes
    ----------
    taps : (n_taps,) float array
        Minimum phase; the placement band keeps its level.
    power : (n_positions, n_bins) float array
        |H F|^2 of the aligned responses through the filter.
    curves : mapping of str to Curve
    notes : tuple of str
    """

    taps: FloatArray
    power: FloatArray
    curves: Mapping[str, Curve]
    notes: tuple[str, ...]


def speaker_filter(
    aligned: AlignedSet, target: Curve, spec: DesignSpec, *, n_taps: int
) -> SpeakerFilter:
    """Design the correction of one speaker: average, limit, touch up, cap."""
    f = design_grid_hz(aligned.fs)
    limits = find_limits(aligned, f, spec)
    cuts, boosts = resolutions(len(aligned.positions))
    middle = aligned.band if aligned.is_sub else _below(MIDDLE, aligned.measured_high_hz)
    bounds = limits
    for _ in range(_MIDDLE_PASSES):
        first = magnitude_correction(
            aligned, aligned.power, f, target=target, limits=bounds, cuts=cuts, boosts=boosts
        )
        correction_db = touched_up(
            aligned,
            first.granted_db,
            f,
            target=target,
            limits=bounds,
            resolution=min(RESOLUTION, boosts),
        )
        bounds = limits.lowered(_middle_db(f, correction_db, middle))
    taps = minimum_phase_taps(f, correction_db, aligned.fs, n_taps=n_taps)
    taps = capped(taps, aligned.fs, max_boost_db=spec.max_boost_db, middle=middle)
    F = scipy.fft.rfft(taps, transform_length(aligned.fs, n_taps))
    gain = np.abs(F) ** 2
    step = (gain.size - 1) // (aligned.power.shape[-1] - 1)
    power = aligned.power * gain[::step]
    after = spatial_level(
        power, aligned.bin_hz, f, weights=aligned.weights, fine=cuts, coarse=boosts
    )
    level_db = float(aligned.weights @ aligned.level_db)
    drawn = {
        "before": first.before_db + level_db,
        "asked": first.asked_db + level_db,
        "target": first.target_db + level_db,
        "wanted": first.wanted_db,
        "granted": first.granted_db,
        "boost limit": bounds.boost_db,
        "correction": smoothed_level_db(
            taps, aligned.fs, f, 24, n_fft=transform_length(aligned.fs, n_taps)
        ),
        "predicted": after.fine_db + level_db,
        "spread": first.spread_db,
    }
    grid = EXPLAINED_HZ
    explained = grid[grid <= f[-1]]
    curves = {
        name: Curve(explained, Curve(f, values).level_at(explained), name=name)
        for name, values in drawn.items()
    }
    return SpeakerFilter(taps, power, curves, _notes(aligned, limits.notes, n_taps))


def minimum_phase_taps(
    f_hz: FloatArray, level_db: FloatArray, fs: int, *, n_taps: int
) -> FloatArray:
    """Taps of minimum phase with a level that is given on a grid, held flat beyond its ends."""
    n_fft = transform_length(fs, n_taps)
    F = minimum_phase_spectrum(ratio_from_db(on_bins(f_hz, level_db, n_fft, fs)))
    taps = scipy.fft.irfft(F, n_fft)[:n_taps]
    fall = int(_FADE_OUT_SHARE * n_taps)
    taps[n_taps - fall :] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    return np.asarray(taps)


def _middle_db(f_hz: FloatArray, level_db: FloatArray, middle: Band) -> float:
    """Median of a level over evenly spaced frequencies of a band."""
    f = np.linspace(middle.low_hz, middle.high_hz, 1000)
    return float(np.median(Curve(f_hz, level_db).level_at(f)))


def _below(band: Band, high_hz: float) -> Band:
    """Keep a band below what was measured."""
    return Band(band.low_hz, min(band.high_hz, 0.9 * high_hz))


def _notes(aligned: AlignedSet, notes: tuple[str, ...], n_taps: int) -> tuple[str, ...]:
    """Add what the number and length of responses and taps mean for the design."""
    more = list(notes)
    n = len(aligned.positions)
    if n < MANY_POSITIONS:
        more.append(
            f"{n} position{'s' if n > 1 else ''} only: what looks like the room may be the place, "
            f"so the correction is coarser; measure at least {MANY_POSITIONS}, better 9"
        )
    if aligned.shortest_s < SHORT_S:
        more.append(
            f"the shortest response ends {aligned.shortest_s:.2f} s after its arrival: bass "
            f"below {frequency_text(_CYCLES_PER_FILTER / aligned.shortest_s)} is known roughly"
        )
    if n_taps < 0.2 * ANALYSIS_S * aligned.fs:
        lowest_hz = _CYCLES_PER_FILTER * aligned.fs / n_taps
        more.append(
            f"{n_taps} taps last {1000.0 * n_taps / aligned.fs:.0f} ms: below "
            f"{frequency_text(lowest_hz)} the filter is only coarse"
        )
    return tuple(more)

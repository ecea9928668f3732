"""Targets that come from the measurement: match the speakers to each other, or smooth what is."""

from collections.abc import Sequence

import numpy as np

from roomcal.design.align import AlignedSet
from roomcal.design.average import spatial_level
from roomcal.design.grid import design_grid_hz
from roomcal.model.curve import Curve
from roomcal.units import FloatArray, log_ramp

MEASURED_TARGETS = {
    "match": "what the speakers have in common: only differences between them are corrected",
    "as-measured": "the measured balance, smoothed to an octave: peaks and dips go, the tone stays",
}
_OCTAVE = 48  # steps of the design grid
_FINE, _COARSE = 24, 6


def measured_target(sets: Sequence[AlignedSet], name: str) -> Curve:
    """Curve of a target that depends on the measurement.

    Parameters
    ----------
    sets : sequence of AlignedSet
        Of all speakers; subs are left out unless there is nothing else.
    name : str
        Out of `MEASURED_TARGETS`.
    """
    mains = [s for s in sets if not s.is_sub] or list(sets)
    f = design_grid_hz(mains[0].fs)
    levels = [
        spatial_level(s.power, s.bin_hz, f, weights=s.weights, fine=_FINE, coarse=_COARSE).fine_db
        for s in mains
    ]
    mean_db = np.mean(levels, axis=0)
    return Curve(f, mean_db if name == "match" else _octave_smooth(mean_db), name=name)


def with_shelves(target: Curve, *, tilt_db: float, bass_db: float, treble_db: float) -> Curve:
    """Bend a target: a tilt in dB per octave around 1 kHz, and shelves.

    Parameters
    ----------
    target : Curve
    tilt_db : float
        Per octave; negative falls towards the treble.
    bass_db, treble_db : float
        Of shelves below about 100 Hz and above about 2.5 kHz, an octave and a half wide.
    """
    if tilt_db == bass_db == treble_db == 0.0:
        return target
    f = np.unique(np.concatenate([target.f_hz, np.geomspace(10.0, 24000.0, 136)]))
    level_db = target.level_at(f) + tilt_db * np.log2(np.clip(f, 20.0, 20000.0) / 1000.0)
    level_db += bass_db * (1.0 - _bend(log_ramp(f, (60.0, 180.0))))
    level_db += treble_db * _bend(log_ramp(f, (1500.0, 4200.0)))
    return Curve(f, level_db, name=target.name)


def _bend(ramp: FloatArray) -> FloatArray:
    """Turn a straight ramp into one without corners."""
    return 0.5 - 0.5 * np.cos(np.pi * ramp)


def _octave_smooth(level_db: FloatArray) -> FloatArray:
    """Average over a Hann window of an octave at half height."""
    window = np.hanning(2 * _OCTAVE + 1)
    padded = np.pad(level_db, _OCTAVE, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")

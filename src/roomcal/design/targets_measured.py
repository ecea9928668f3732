"""Targets that come from the measurement: match the speakers to each other, or smooth what is."""

from collections.abc import Sequence

import numpy as np

from roomcal.design.align import AlignedSet
from roomcal.design.average import spatial_level
from roomcal.design.grid import design_grid_hz
from roomcal.design.rolloff import find_roll_off
from roomcal.model.curve import Curve
from roomcal.units import FloatArray, frequency_text, log_ramp

MEASURED_TARGETS = {
    "match": "what the speakers have in common: only differences between them are corrected",
    "as-measured": "the balance of each, smoothed to an octave: peaks and dips go, the tone stays",
}
_OCTAVE = 48  # steps of the design grid
_FINE, _COARSE = 24, 6
_FADE_OCTAVES = 0.5  # above the highest corner: there that speaker comes within 2.4 dB of its level


def measured_targets(sets: Sequence[AlignedSet], name: str) -> tuple[list[Curve], tuple[str, ...]]:
    """Curves of a target that depends on the measurement, one a speaker, and what to say of them.

    Parameters
    ----------
    sets : sequence of AlignedSet
        Of all speakers, after a sub has joined its mains. A sub with an input of its own has
        nothing in common with the others but with further subs.
    name : str
        Out of `MEASURED_TARGETS`.
    """
    f = design_grid_hz(sets[0].fs)
    levels = [
        spatial_level(s.power, s.bin_hz, f, weights=s.weights, fine=_FINE, coarse=_COARSE).fine_db
        for s in sets
    ]
    if name != "match":
        return [Curve(f, _octave_smooth(db), name=name) for db in levels], ()
    notes: list[str] = []
    targets = list(levels)
    for is_sub in (False, True):
        group = [i for i, s in enumerate(sets) if s.is_sub == is_sub]
        if len(group) < 2:
            continue
        corner_hz, who = max((_corner_hz(sets[i]), sets[i].speaker) for i in group)
        share = np.ones(f.size)
        if corner_hz > 0.0:
            share = _bend(log_ramp(f, (corner_hz, corner_hz * 2.0**_FADE_OCTAVES)))
            notes.append(
                f"nothing is matched below {frequency_text(corner_hz)}, where {who} rolls off: "
                "what one speaker cannot follow is not taken from the others"
            )
        mean_db = np.mean([levels[i] for i in group], axis=0)
        for i in group:
            targets[i] = levels[i] + share * (mean_db - levels[i])
    return [Curve(f, db, name=name) for db in targets], tuple(notes)


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


def _corner_hz(aligned: AlignedSet) -> float:
    """Corner of the speaker's own roll-off; 0 where there is none."""
    found = find_roll_off(aligned.power, aligned.bin_hz, weights=aligned.weights)
    return 0.0 if found is None else found.corner_hz


def _bend(ramp: FloatArray) -> FloatArray:
    """Turn a straight ramp into one without corners."""
    return 0.5 - 0.5 * np.cos(np.pi * ramp)


def _octave_smooth(level_db: FloatArray) -> FloatArray:
    """Average over a Hann window of an octave at half height."""
    window = np.hanning(2 * _OCTAVE + 1)
    padded = np.pad(level_db, _OCTAVE, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")

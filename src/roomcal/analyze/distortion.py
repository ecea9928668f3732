"""How much a speaker distorts: harmonics, their sum, and noise, over frequency.

The exponential sweep parts each harmonic from the linear response. What does not stand out of the
noise is no number: "below the floor", with the floor beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.dsp.harmonics import harmonic_floor_db, harmonic_levels_db
from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.measure.evidence import Evidence
from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray, db_from_power, log_grid_hz, power_from_db

ORDERS = (2, 3, 4, 5)
RANGE_HZ = (20.0, 10000.0)  # of the fundamental
_PER_OCTAVE = 6  # points; each is a mean over the same width
# A harmonic counts from here on above the floor. The floor's own power is taken off: at 6 dB it is
# a quarter of what was measured, at 20 dB a hundredth.
ABOVE_FLOOR_DB = 6.0
_LONGEST_LINEAR_S = 1.0
_NOISE_HZ = (20.0, 20000.0)  # of THD+N
# Below this the fundamental is no fundamental: the speaker does not play there.
_LEAST_FUNDAMENTAL_DB = -30.0  # re its loudest


@dataclass(frozen=True, eq=False)
class Distortion:
    """One speaker at one position and level; everything in dB re the fundamental.

    Attributes
    ----------
    f_hz : (n,) float array
        Of the fundamental.
    harmonics_db, floors_db : mapping of order to (n,) float array
        Of each of `ORDERS`; NaN below the floor, above half the sample rate, and where the
        speaker does not play.
    thd_db : (n,) float array
        All harmonics that stand out, together; NaN where none does.
    floor_db : (n,) float array
        What noise alone reads as, all harmonics together: below it, nothing is known.
    thd_n_db : (n,) float array
        Harmonics and the noise of 20 Hz to 20 kHz together, as a steady sine at the level of the
        sweep would read.
    level_dbfs : float
        Of the sweep: distortion belongs to a level.
    reason : str
        Why there is nothing, or why numbers are missing.
    """

    f_hz: FloatArray
    harmonics_db: Mapping[int, FloatArray]
    floors_db: Mapping[int, FloatArray]
    thd_db: FloatArray
    floor_db: FloatArray
    thd_n_db: FloatArray
    level_dbfs: float
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("f_hz", "thd_db", "floor_db", "thd_n_db"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))
        for name in ("harmonics_db", "floors_db"):
            rows = {k: frozen_array(v, ndim=1, name=name) for k, v in getattr(self, name).items()}
            object.__setattr__(self, name, rows)


def no_distortion(reason: str) -> Distortion:
    """Return the answer where nothing can be said."""
    none = np.zeros(0)
    rows = dict.fromkeys(ORDERS, none)
    return Distortion(none, rows, rows, none, none, none, float("nan"), reason)


def analyze_distortion(evidence: Evidence) -> Distortion:
    """Read the harmonics of one take.

    Parameters
    ----------
    evidence : Evidence
        Of a take; the mean of its good sweeps is used, disturbances left out.

    Notes
    -----
    Distortion is read at the microphone: the room and the microphone's own response at the
    harmonic, against those at the fundamental, are part of it.
    """
    plan = evidence.capture.plan
    sweep = plan.sweep
    f_hz = log_grid_hz(RANGE_HZ[0], min(RANGE_HZ[1], evidence.fs / 4.5), _PER_OCTAVE)
    linear_s = min(plan.tail_samples / evidence.fs, _LONGEST_LINEAR_S)
    h = evidence.model.response(evidence.combined.segment, evidence.pre_samples)
    noise = evidence.noise / np.sqrt(len(evidence.repeats.kept))
    plays = _plays(evidence, f_hz) & (f_hz >= sweep.start_hz)
    harmonics, floors = {}, {}
    for order in ORDERS:
        try:
            level = harmonic_levels_db(h, sweep, f_hz, order=order, linear_s=linear_s)
            floor = harmonic_floor_db(
                noise, evidence.model.inverse, h, sweep, f_hz, order=order, linear_s=linear_s
            )
        except ValueError:  # the sweep is too short to hold this harmonic apart
            level, floor = np.full(f_hz.size, np.nan), np.full(f_hz.size, np.nan)
        stands_out = plays & (level >= floor + ABOVE_FLOOR_DB)
        clean = power_from_db(level) - power_from_db(floor)
        harmonics[order] = np.where(stands_out, db_from_power(np.maximum(clean, 1e-40)), np.nan)
        floors[order] = np.where(plays, floor, np.nan)
    power = np.array([np.nan_to_num(power_from_db(harmonics[k])) for k in ORDERS]).sum(axis=0)
    below = np.array([np.nan_to_num(power_from_db(floors[k])) for k in ORDERS]).sum(axis=0)
    known = power > 0.0
    noise_power = _noise_re_fundamental(evidence, f_hz)
    return Distortion(
        f_hz=f_hz,
        harmonics_db=harmonics,
        floors_db=floors,
        thd_db=np.where(known, db_from_power(power), np.nan),
        floor_db=np.where(plays, db_from_power(below), np.nan),
        thd_n_db=np.where(plays, db_from_power(power + noise_power), np.nan),
        level_dbfs=sweep.level_dbfs,
        reason=_reason(plays, known),
    )


def _plays(evidence: Evidence, f_hz: FloatArray) -> np.ndarray:
    """Tell where the speaker plays the fundamental."""
    level_db = evidence.level_at_db(f_hz)
    return level_db > level_db.max() + _LEAST_FUNDAMENTAL_DB


def _noise_re_fundamental(evidence: Evidence, f_hz: FloatArray) -> FloatArray:
    """Power of the audible noise over that of a sine at the level of the sweep, (n,)."""
    noise = evidence.noise
    spectrum = np.abs(scipy.fft.rfft(noise - noise.mean())) ** 2
    f = np.arange(spectrum.size) * (evidence.fs / noise.size)
    audible = (f >= _NOISE_HZ[0]) & (f <= _NOISE_HZ[1])
    mean_square = 2.0 * float(spectrum[audible].sum()) / noise.size**2
    gain_db = smoothed_level_db(evidence.response[0], evidence.fs, f_hz, _PER_OCTAVE)
    sine = 0.5 * power_from_db(evidence.capture.plan.sweep.level_dbfs + gain_db)
    return np.asarray(mean_square / sine)


def _reason(plays: np.ndarray, known: np.ndarray) -> str:
    """Say why numbers are missing."""
    if not plays.any():
        return "the speaker is not heard"
    if known[plays].all():
        return ""
    share = 100.0 * float(np.mean(~known[plays]))
    return (
        f"at {share:.0f} % of the frequencies no harmonic stands {ABOVE_FLOOR_DB:.0f} dB out of "
        "the noise: the floor is all that is known"
    )

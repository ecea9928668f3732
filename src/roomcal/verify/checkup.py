"""What a check-up knows of one speaker: its response, its distortion, the noise of the room."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.bands import band_gain
from roomcal.dsp.harmonics import harmonic_floor_db, harmonic_levels_db
from roomcal.measure.evidence import Evidence
from roomcal.model.capture import Capture
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, band_centres_hz, db_from_power, log_grid_hz, power_from_db

BANDS_HZ = band_centres_hz(31.5, 16000.0, bands_per_octave=1)
ORDERS = (2, 3)
_LEVEL_WINDOW_S = 0.3  # after the direct sound: later sound is little but noise
_DISTORTION_RANGE_HZ = (50.0, 5000.0)
_PER_OCTAVE = 6
_LONGEST_LINEAR_S = 1.0


@dataclass(frozen=True, eq=False)
class Checkup:
    """One speaker at one position.

    Attributes
    ----------
    level_db : (n_bands,) float array
        Of the response, per octave of `BANDS_HZ`.
    noise_dbfs : (n_bands,) float array or None
        Of the room, while nothing played; None without a recorded take.
    distortion_hz : (n,) float array
        Of the fundamental.
    distortion_db, distortion_floor_db : (n,) float array or None
        Second and third harmonic together re the fundamental, and what noise alone reads as.
    """

    response: ImpulseResponse
    level_db: FloatArray
    noise_dbfs: FloatArray | None = None
    distortion_hz: FloatArray | None = None
    distortion_db: FloatArray | None = None
    distortion_floor_db: FloatArray | None = None


def check_up(response: ImpulseResponse, capture: Capture | None) -> Checkup:
    """Draw from a response, and from the take that it was made of, what a check-up compares."""
    fs = response.fs
    stop = round(arrival_sample(response.samples, fs) + _LEVEL_WINDOW_S * fs)
    level_db = db_from_power(_band_powers(response.samples[:stop], fs))
    if capture is None:
        return Checkup(response, level_db)
    evidence = Evidence(capture)
    noise = evidence.microphone[evidence.time.silences[0]]
    noise_dbfs = db_from_power(_band_powers(noise, fs) / max(noise.size, 1))
    f_hz = log_grid_hz(_DISTORTION_RANGE_HZ[0], min(_DISTORTION_RANGE_HZ[1], fs / 8.0), _PER_OCTAVE)
    return Checkup(response, level_db, noise_dbfs, f_hz, *_distortion(evidence, f_hz))


def _band_powers(x: FloatArray, fs: int) -> FloatArray:
    """Energy of a signal per octave of `BANDS_HZ`, (n_bands,)."""
    spectrum = scipy.fft.rfft(x)
    f = scipy.fft.rfftfreq(x.size, 1.0 / fs)
    power = 2.0 * np.abs(spectrum) ** 2 / x.size
    return np.array([np.sum(power * band_gain(f, float(c), 1) ** 2) for c in BANDS_HZ])


def _distortion(evidence: Evidence, f_hz: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Second and third harmonic together, and their floor, in dB re the fundamental."""
    sweep = evidence.capture.plan.sweep
    linear_s = min(evidence.capture.plan.tail_samples / evidence.fs, _LONGEST_LINEAR_S)
    h = evidence.model.response(evidence.combined.segment, evidence.pre_samples)
    total, floor = np.zeros(f_hz.size), np.zeros(f_hz.size)
    for order in ORDERS:
        total += power_from_db(harmonic_levels_db(h, sweep, f_hz, order=order, linear_s=linear_s))
        floor += power_from_db(
            harmonic_floor_db(
                evidence.noise,
                evidence.model.inverse,
                h,
                sweep,
                f_hz,
                order=order,
                linear_s=linear_s,
            )
        )
    return db_from_power(total), db_from_power(floor)

"""How quiet the room is: level per octave, dB(A), and the noise curves NC and NR.

Only with a known sound pressure: in dBFS a level says nothing about a room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.fft

from roomcal.dsp.bands import band_gain
from roomcal.dsp.microphone import microphone_db
from roomcal.dsp.weighting import weighted_level_db
from roomcal.model.arrays import frozen_array
from roomcal.model.curve import Curve
from roomcal.model.standard import NoiseCurves
from roomcal.units import (
    FloatArray,
    band_centres_hz,
    db_from_power,
    frequency_text,
    nominal_hz,
    power_from_db,
)

BANDS_HZ = band_centres_hz(31.5, 8000.0, bands_per_octave=1)
_UNKNOWN = (
    "the sound pressure is not known: roomcal level --calibrator or --reading, or a microphone "
    "with a sensitivity"
)
NO_NOISE = "no raw take with its noise is there"


@dataclass(frozen=True)
class NoiseRating:
    """One family of curves: the lowest curve that no octave exceeds, between curves too."""

    name: str
    rating: float  # NaN beyond the curves that there are
    band_hz: float  # nominal: the octave that decides
    reason: str = ""


@dataclass(frozen=True, eq=False)
class NoiseAnalysis:
    """The room while nothing plays.

    Attributes
    ----------
    bands_hz : (n_bands,) float array
    level_dbfs, level_db_spl : (n_bands,) float array
        Root mean square per octave; SPL is NaN where it is not known.
    """

    bands_hz: FloatArray
    level_dbfs: FloatArray
    level_db_spl: FloatArray
    a_db_spl: float
    ratings: tuple[NoiseRating, ...]
    duration_s: float
    sensitivity: Literal["unknown", "estimated", "confirmed"]
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("bands_hz", "level_dbfs", "level_db_spl"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


def analyze_noise(
    recordings: Sequence[FloatArray],
    fs: int,
    curves: Sequence[NoiseCurves],
    *,
    full_scale_db_spl: float | None,
    estimated: bool = False,
    calibration: Curve | None = None,
) -> NoiseAnalysis:
    """Rate the noise of a room.

    Parameters
    ----------
    recordings : sequence of (n_samples,) float array
        While nothing played; the median over them counts, so that one cough does not.
    fs : int
    curves : sequence of NoiseCurves
    full_scale_db_spl : float or None
        Sound pressure level that reads 0 dBFS (root mean square).
    estimated : bool
        It comes from a data sheet.
    calibration : Curve, optional
        What the microphone adds by itself: taken out of every sound pressure.
    """
    bands_hz = BANDS_HZ[BANDS_HZ * np.sqrt(2.0) < fs / 2.0]
    level_dbfs = _median_dbfs(recordings, fs, bands_hz)
    duration_s = sum(x.size for x in recordings) / fs
    if full_scale_db_spl is None:
        nan = np.full(bands_hz.size, np.nan)
        unknown = tuple(NoiseRating(c.name, np.nan, np.nan, _UNKNOWN) for c in curves)
        return NoiseAnalysis(
            bands_hz, level_dbfs, nan, np.nan, unknown, duration_s, "unknown", _UNKNOWN
        )
    level_db_spl = _median_dbfs(recordings, fs, bands_hz, calibration) + full_scale_db_spl
    a_db = float(
        np.median(
            [weighted_level_db(x - x.mean(), fs, "A", calibration=calibration) for x in recordings]
        )
    )
    return NoiseAnalysis(
        bands_hz,
        level_dbfs,
        level_db_spl,
        a_db + full_scale_db_spl,
        tuple(rate(bands_hz, level_db_spl, c) for c in curves),
        duration_s,
        "estimated" if estimated else "confirmed",
        "the sensitivity is an estimate: the noise may be 6 dB louder" if estimated else "",
    )


def rating_texts(noise: NoiseAnalysis) -> tuple[str, ...]:
    """Say dB(A) and the ratings, each with the octave that decides; nothing where none is known."""
    if noise.sensitivity == "unknown":
        return ()
    return (
        f"{noise.a_db_spl:.0f} dB(A)",
        *(
            f"{r.name} {r.rating:.0f} (by {frequency_text(r.band_hz)})"
            if np.isfinite(r.rating)
            else r.reason
            for r in noise.ratings
        ),
    )


def rate(bands_hz: FloatArray, level_db_spl: FloatArray, curves: NoiseCurves) -> NoiseRating:
    """Find the rating whose curve the noise just touches (tangent method).

    Parameters
    ----------
    bands_hz, level_db_spl : (n_bands,) float array
    curves : NoiseCurves
    """
    table = np.array(curves.levels_db_spl)
    ratings = np.array(curves.ratings)
    own = {nominal_hz(f): float(level) for f, level in zip(bands_hz, level_db_spl, strict=True)}
    needed = {
        band: float(np.interp(own[band], table[:, k], ratings, left=-np.inf, right=np.inf))
        for k, band in enumerate(curves.bands_hz)
        if band in own
    }
    if not needed:
        return NoiseRating(curves.name, np.nan, np.nan, "no octave of the curves was measured")
    band = max(needed, key=lambda b: needed[b])
    if needed[band] == -np.inf:
        return NoiseRating(
            curves.name, np.nan, band, f"quieter than {curves.name} {ratings[0]:.0f}"
        )
    if needed[band] == np.inf:
        return NoiseRating(
            curves.name, np.nan, band, f"louder than {curves.name} {ratings[-1]:.0f}"
        )
    return NoiseRating(curves.name, needed[band], band)


def _median_dbfs(
    recordings: Sequence[FloatArray],
    fs: int,
    bands_hz: FloatArray,
    calibration: Curve | None = None,
) -> FloatArray:
    """Level per octave, the median of all recordings, (n_bands,)."""
    return np.median([_octaves_dbfs(x, fs, bands_hz, calibration) for x in recordings], axis=0)


def _octaves_dbfs(
    x: FloatArray, fs: int, bands_hz: FloatArray, calibration: Curve | None
) -> FloatArray:
    """Level per octave, (n_bands,)."""
    n_fft = scipy.fft.next_fast_len(2 * x.size, real=True)
    power = np.abs(scipy.fft.rfft(x - x.mean(), n_fft)) ** 2
    f = np.arange(power.size) * (fs / n_fft)
    if calibration is not None:
        power *= power_from_db(-microphone_db(calibration, f))
    scale = 2.0 / n_fft / max(x.size, 1)
    energies = [float(np.sum(power * band_gain(f, float(c), 1) ** 2)) for c in bands_hz]
    return db_from_power(np.array(energies) * scale)

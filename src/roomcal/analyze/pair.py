"""Two speakers that belong together: level, arrival, polarity, and whether they add up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.analyze.arrival import arrival_index
from roomcal.analyze.response import pair_match, smoothed_response, spatial_average
from roomcal.dsp.delay import refined_delay
from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import (
    ComplexArray,
    FloatArray,
    db_from_power,
    log_grid_hz,
    speed_of_sound_m_s,
)

# The direct sounds of two speakers are compared before the first reflections, in the treble.
_GATE_S = (-0.0005, 0.001)
_GATE_FADE_S = 0.0003
_BAND_HZ = (1000.0, 16000.0)
# Below this correlation of the direct sounds two speakers are too unlike for a polarity.
_LEAST_LIKENESS = 0.5
_SUM_RANGE_HZ = (30.0, 8000.0)
_SUM_PER_OCTAVE, _SUM_WIDTH = 12, 3
# What two equal signals in phase add over two that are not related: 10 log10(2).
COHERENT_DB = 10.0 * float(np.log10(2.0))
BASS_HZ = (30.0, 200.0)  # where speakers should work together


@dataclass(frozen=True, eq=False)
class PairAnalysis:
    """Two speakers at one position.

    Attributes
    ----------
    delay_s : float
        The second later than the first; NaN without a common clock.
    inverted : bool or None
        One has the other's polarity reversed; None where the direct sounds are too unlike.
    sum_db : Curve or None
        Both together re the sum of their powers: +3 dB where they add in phase, below 0 where
        they cancel. None without a common clock.
    """

    first: str
    second: str
    position: str
    level_db: float  # first above second, 100 Hz to 10 kHz, over all positions
    rms_db: float  # rms of the difference about that level
    worst_db: float
    worst_hz: float
    direct_level_db: float  # of the direct sounds
    delay_s: float
    inverted: bool | None
    likeness: float  # of the direct sounds, 0 to 1
    difference: Curve
    sum_db: Curve | None
    reason: str = ""

    @property
    def delay_m(self) -> float:
        """The delay as a distance."""
        return self.delay_s * speed_of_sound_m_s(20.0)

    @property
    def bass_sum_db(self) -> float:
        """Mean of `sum_db` in the bass; NaN where it is not known."""
        if self.sum_db is None:
            return float("nan")
        f = self.sum_db.f_hz
        return float(np.mean(self.sum_db.level_db[(f >= BASS_HZ[0]) & (f <= BASS_HZ[1])]))

    @property
    def worst_sum(self) -> tuple[float, float]:
        """Where they add worst: level in dB and frequency in Hz."""
        if self.sum_db is None:
            return float("nan"), float("nan")
        k = int(np.argmin(self.sum_db.level_db))
        return float(self.sum_db.level_db[k]), float(self.sum_db.f_hz[k])


def analyze_pair(
    first: Sequence[ImpulseResponse], second: Sequence[ImpulseResponse]
) -> PairAnalysis:
    """Compare two speakers.

    Parameters
    ----------
    first, second : sequence of ImpulseResponse
        Of one speaker each, one response a position; the first position that both have decides
        arrival, polarity and sum.

    Raises
    ------
    ValueError
        If they share no position, or differ in sample rate there.
    """
    other = {r.position: r for r in second}
    a = next((r for r in first if r.position in other), None)
    if a is None:
        raise ValueError("the speakers share no position")
    b = other[a.position]
    if a.fs != b.fs:
        raise ValueError(f"the sample rates differ: {a.fs} and {b.fs} Hz")
    curves = [
        spatial_average([smoothed_response(r) for r in own], name=own[0].speaker).mean
        for own in (first, second)
    ]
    match = pair_match(*curves)
    rough = [arrival_index(r) for r in (a, b)]
    spectra = [_direct_spectrum(r, round(at)) for r, at in zip((a, b), rough, strict=True)]
    late, likeness, sign = _correlation(*spectra)
    powers = [float(np.sum(np.abs(s) ** 2)) for s in spectra]
    known = "none" not in (a.time_reference, b.time_reference)
    times = [round(at) - r.time_zero for r, at in zip((a, b), rough, strict=True)]
    delay = (times[1] - times[0] + late) / a.fs if known else float("nan")
    alike = likeness >= _LEAST_LIKENESS
    reasons = []
    if not known:
        reasons.append("delay and sum: the responses have no common clock")
    if not alike:
        reasons.append("polarity: the direct sounds are too unlike")
        delay = float("nan")
    return PairAnalysis(
        first=a.speaker,
        second=b.speaker,
        position=a.position,
        level_db=match.level_db,
        rms_db=match.rms_db,
        worst_db=match.worst_db,
        worst_hz=match.worst_hz,
        direct_level_db=float(db_from_power(powers[0]) - db_from_power(powers[1])),
        delay_s=delay,
        inverted=sign < 0.0 if alike else None,
        likeness=likeness,
        difference=match.difference,
        sum_db=_coherent_sum(a, b) if known else None,
        reason="; ".join(reasons),
    )


def _direct_spectrum(response: ImpulseResponse, at: int) -> ComplexArray:
    """Spectrum of the direct sound around a sample, in the band that is compared."""
    fs = response.fs
    first, last = (round(s * fs) for s in _GATE_S)
    index = np.arange(at + first, at + last)
    inside = (index >= 0) & (index < response.samples.size)
    part = np.where(inside, response.samples[np.clip(index, 0, response.samples.size - 1)], 0.0)
    n_fade = round(_GATE_FADE_S * fs)
    fade = np.sin(0.5 * np.pi * (np.arange(n_fade) + 0.5) / n_fade) ** 2
    part[:n_fade] *= fade
    part[-n_fade:] *= fade[::-1]
    n_fft = 8 * part.size
    f = np.arange(n_fft // 2 + 1) * (fs / n_fft)
    band = (f >= _BAND_HZ[0]) & (f <= min(_BAND_HZ[1], 0.45 * fs))
    return np.where(band, scipy.fft.rfft(part, n_fft), 0.0)


def _correlation(a: ComplexArray, b: ComplexArray) -> tuple[float, float, float]:
    """Delay of b behind a in samples, likeness, and sign of the strongest correlation."""
    cross = b * np.conj(a)
    n_fft = 2 * (a.size - 1)
    correlation = scipy.fft.irfft(cross, n_fft)
    peak = int(np.argmax(np.abs(correlation)))
    sign = float(np.sign(correlation[peak])) or 1.0
    late = refined_delay(cross * sign, float(peak - n_fft if peak > n_fft // 2 else peak))
    w = np.pi * np.arange(cross.size) / (cross.size - 1)
    aligned = sign * float(np.sum((cross * np.exp(1j * w * late)).real))
    whole = np.sqrt(float(np.sum(np.abs(a) ** 2)) * float(np.sum(np.abs(b) ** 2)))
    return late, aligned / max(whole, np.finfo(float).tiny), sign


def _coherent_sum(a: ImpulseResponse, b: ImpulseResponse) -> Curve:
    """Level of both speakers together re the sum of their powers, third octaves."""
    n_fft = scipy.fft.next_fast_len(2 * max(a.samples.size, b.samples.size), real=True)
    f = np.arange(n_fft // 2 + 1) * (a.fs / n_fft)
    H = [
        scipy.fft.rfft(r.samples, n_fft) * np.exp(2j * np.pi * f * r.time_zero / r.fs)
        for r in (a, b)
    ]
    f_hz = log_grid_hz(_SUM_RANGE_HZ[0], min(_SUM_RANGE_HZ[1], 0.45 * a.fs), _SUM_PER_OCTAVE)
    bin_hz = a.fs / n_fft
    together = smoothed_power(np.abs(H[0] + H[1]) ** 2, bin_hz, f_hz, _SUM_WIDTH)
    alone: FloatArray = sum(
        (smoothed_power(np.abs(h) ** 2, bin_hz, f_hz, _SUM_WIDTH) for h in H),
        np.zeros(f_hz.size),
    )
    level = db_from_power(together / np.maximum(alone, np.finfo(float).tiny))
    return Curve(f_hz, level, name=f"{a.speaker} + {b.speaker}")

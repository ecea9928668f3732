"""Step 0: bring the responses of one speaker to one rate, one time and one level."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.design.grid import ANALYSIS_S, LEVEL, Band, transform_length
from roomcal.design.own_noise import own_snr
from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.rate import at_rate
from roomcal.errors import InputError
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.units import FloatArray, db_from_power

# Kept in front of the arrival; half of it fades in. A sub rises slowly and needs more.
LEAD_S = 0.010
LEAD_SUB_S = 0.100
# What is cut off at the end of the analysed span fades out over this share of it.
FADE_OUT_SHARE = 1.0 / 8.0
# The main position counts as much as five others: that is where the work is done. (Nine positions:
# 38 % of the weight.)
MAIN_WEIGHT = 5.0
# The same response twice (what differs is rounding) is one position that counts twice.
_SAME_RESPONSE = 1e-9  # re its peak
# A speaker whose middle band lies this far below its bass plays bass alone.
SUB_DROP_DB = 20.0
# The band of a sub: where its level, smoothed over an octave, is within this of its maximum.
SUB_BAND_DB = 6.0


@dataclass(frozen=True, eq=False)
class AlignedSet:
    """All responses of one speaker, ready to be averaged.

    Attributes
    ----------
    h : (n_positions, n_samples) float array
        The direct sound arrives at `lead_samples`; the level in `band` is 0 dB.
    power : (n_positions, n_fft // 2 + 1) float array
        |H|^2 of `h`.
    weights : (n_positions,) float array
        Their sum is 1.
    level_db : (n_positions,) float array
        Level that was taken out, re unity gain.
    band : Band
        Where the speaker is judged: the middle, or the own band of a sub.
    """

    speaker: str
    positions: tuple[str, ...]
    fs: int
    h: FloatArray
    power: FloatArray
    n_fft: int
    lead_samples: int
    weights: FloatArray
    level_db: FloatArray
    band: Band
    is_sub: bool
    measured_high_hz: float  # nothing was measured above
    snr: tuple[BandSnr | None, ...]
    shortest_s: float  # of the responses, after the arrival

    @property
    def bin_hz(self) -> float:
        """Distance of two bins of `power`."""
        return self.fs / self.n_fft


def align(
    responses: Sequence[ImpulseResponse], fs: int, *, main_position: str, is_sub: bool = False
) -> AlignedSet:
    """Resample, cut around the arrival, and normalise the responses of one speaker.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
        One speaker, one measured rate, at least one position.
    fs : int
        The rate to design for.
    main_position : str
        Counts as five where it is among the positions.
    is_sub : bool
        The speaker plays bass alone; found out from the response when it is not said.

    Raises
    ------
    InputError
        RC-315 for a response without signal.
    """
    measured_fs = responses[0].fs
    for r in responses:
        if not np.any(r.samples):
            raise InputError(
                "RC-315",
                f"the response of {r.speaker} at {r.position} holds only zeros",
                hint="measure it again, or leave it out",
                speaker=r.speaker,
                position=r.position,
            )
    raw = [at_rate(r.samples / np.abs(r.samples).max(), measured_fs, fs) for r in responses]
    arrivals = [arrival_sample(h, fs) for h in raw]
    n_fft = transform_length(fs)
    if not is_sub:
        first = _cut(raw[0], arrivals[0], fs, lead_s=LEAD_SUB_S)
        is_sub = _plays_bass_alone(np.abs(scipy.fft.rfft(first, n_fft)) ** 2, fs / n_fft)
    lead_s = LEAD_SUB_S if is_sub else LEAD_S
    h = np.array([_cut(x, a, fs, lead_s=lead_s) for x, a in zip(raw, arrivals, strict=True)])
    weights = np.array([MAIN_WEIGHT if r.position == main_position else 1.0 for r in responses])
    kept, weights = _distinct(h, weights / weights.sum())
    h, responses = h[kept], [responses[k] for k in kept]
    power = np.abs(scipy.fft.rfft(h, n_fft, axis=-1)) ** 2
    measured_high_hz = min(fs, measured_fs) / 2.0
    band = _sub_band(power, fs / n_fft) if is_sub else _limited(LEVEL, measured_high_hz)
    level = band_power(power, fs / n_fft, band)
    h /= np.sqrt(level)[:, None]
    power /= level[:, None]
    snr = tuple(r.snr for r in responses)
    if not any(snr):
        snr = (own_snr(raw, arrivals, fs),) * len(snr)
    peaks = np.array([np.abs(r.samples).max() for r in responses])
    return AlignedSet(
        speaker=responses[0].speaker,
        positions=tuple(r.position for r in responses),
        fs=fs,
        h=h,
        power=power,
        n_fft=n_fft,
        lead_samples=round(lead_s * fs),
        weights=weights,
        level_db=db_from_power(level * peaks**2),
        band=band,
        is_sub=is_sub,
        measured_high_hz=measured_high_hz,
        snr=snr,
        shortest_s=min((x.size - a) / fs for x, a in zip(raw, arrivals, strict=True)),
    )


def band_power(power: FloatArray, bin_hz: float, band: Band) -> FloatArray:
    """Mean power over the logarithm of frequency within a band, (...) from (..., n_bins).

    Every octave counts alike, as in pink noise.
    """
    f = bin_hz * np.arange(power.shape[-1])
    inside = band.covers(f)
    weight = 1.0 / f[inside]
    return (power[..., inside] @ weight) / weight.sum()


def _cut(h: FloatArray, arrival: float, fs: int, *, lead_s: float) -> FloatArray:
    """Cut a response so that it arrives at `lead_s` and ends after the analysed span."""
    lead = round(lead_s * fs)
    n = lead + round(ANALYSIS_S * fs)
    start = int(arrival) - lead
    kept = h[max(start, 0) : start + n]
    y = np.zeros(n)
    offset = max(-start, 0)
    y[offset : offset + kept.size] = kept
    rise = lead // 2
    y[:rise] *= 0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise)
    end = offset + kept.size
    fall = int(FADE_OUT_SHARE * max(end - lead, 0))
    if fall > 0:
        y[end - fall : end] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    return y


def _distinct(h: FloatArray, weights: FloatArray) -> tuple[list[int], FloatArray]:
    """Which responses are not there already, and their weights with those of their doubles."""
    kept: list[int] = []
    total: list[float] = []
    for i, weight in enumerate(weights):
        atol = _SAME_RESPONSE * np.abs(h[i]).max()
        same = (k for k, j in enumerate(kept) if np.allclose(h[j], h[i], rtol=0.0, atol=atol))
        k = next(same, None)
        if k is None:
            kept.append(i)
            total.append(weight)
        else:
            total[k] += weight
    return kept, np.array(total)


def _limited(band: Band, high_hz: float) -> Band:
    """Keep a band below what was measured."""
    return Band(band.low_hz, min(band.high_hz, 0.9 * high_hz))


def _plays_bass_alone(power: FloatArray, bin_hz: float) -> bool:
    """Whether there is no energy above 300 Hz to speak of."""
    top_hz = min(3000.0, 0.9 * bin_hz * power.size)
    middle = band_power(power, bin_hz, Band(300.0, top_hz))
    bass = max(
        float(band_power(power, bin_hz, Band(f, 2.0 * f))) for f in (20.0, 30.0, 40.0, 60.0, 80.0)
    )
    return bool(db_from_power(middle) < db_from_power(bass) - SUB_DROP_DB)


def _sub_band(power: FloatArray, bin_hz: float) -> Band:
    """Range around the loudest octave in which a sub plays within `SUB_BAND_DB` of it."""
    f = 20.0 * 2.0 ** (np.arange(0, 49) / 12.0)  # 20 to 320 Hz
    mean = power.mean(axis=0)
    level_db = np.array(
        [db_from_power(band_power(mean, bin_hz, Band(x / 2**0.5, x * 2**0.5))) for x in f]
    )
    loudest = int(np.argmax(level_db))
    quiet = level_db < level_db[loudest] - SUB_BAND_DB
    below = np.flatnonzero(quiet[:loudest])
    above = np.flatnonzero(quiet[loudest:])
    low = int(below[-1]) + 1 if below.size else 0
    high = loudest + int(above[0]) - 1 if above.size else f.size - 1
    return Band(float(f[low]), float(f[max(high, low + 1)]))

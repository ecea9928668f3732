"""How two responses of one path differ in their fine structure: air, and place.

Warmer air carries every sound faster: the whole response shrinks in time, and stays alike. A
microphone (or speaker) at another place receives reflections in another order: the responses
become unlike, first at high frequencies. The second is judged after the first is taken out.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.bands import band_gain
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, speed_of_sound_m_s

# Where time scales: low enough that a moved microphone stays in phase with itself.
_SCALE_CENTRES_HZ = (125.0, 250.0)
_SCALE_WINDOW_S = (0.010, 0.300)  # after the direct sound
_SCALES = np.arange(-0.02, 0.02001, 0.0002)  # 1 K is 0.0017
# The place is judged by early reflections: later ones have little left above the noise.
_PLACE_WINDOW_S = (0.002, 0.062)
_PLACE_CENTRES_HZ = (2000.0, 1000.0, 500.0, 250.0, 125.0)
_LEAST_SNR_DB = 25.0  # less noise than this lowers the likeness by less than 0.003
# Likeness falls with (k d)^2, k = 2 pi f / c. The factor is what measurements in the virtual rooms
# show for displacements of 30 to 220 mm; the distance is good to a factor of 1.5.
_LOSS_FACTOR = 0.22
_LEAST_LOSS = 0.02  # less is noise: 5 mm and 1 K together bring up to 0.024 at 2 kHz
_MAX_LOSS = 0.35  # beyond, the next lower band tells more


@dataclass(frozen=True)
class FineStructure:
    """One path, now against then."""

    scale: float  # time now re time then, minus 1: negative in warmer air; NaN when unlike
    displacement_m: float  # of the microphone or the speaker, roughly; NaN when it is unknown
    likeness: float  # of the early reflections around 1 kHz: 1 is the same; NaN when unknown


def compare_fine_structure(then: ImpulseResponse, now: ImpulseResponse) -> FineStructure:
    """Compare two responses of one path, of one sample rate."""
    starts = [arrival_sample(r.samples, r.fs) for r in (then, now)]
    scale = _time_scale(then, now, starts)
    known_scale = 0.0 if np.isnan(scale) else scale
    likeness = {
        centre: _likeness(then, now, starts, centre, known_scale)
        for centre in _PLACE_CENTRES_HZ
        if _is_heard(then, centre) and _is_heard(now, centre)
    }
    return FineStructure(scale, _displacement_m(likeness), likeness.get(1000.0, float("nan")))


def temperature_change_k(scale: float, temperature_c: float = 20.0) -> float:
    """Warming of the air that makes time shrink by `-scale`.

    Notes
    -----
    The speed of sound goes with the root of the absolute temperature: dT = -2 T scale.
    """
    return -2.0 * (temperature_c + 273.15) * scale


def _is_heard(response: ImpulseResponse, centre_hz: float) -> bool:
    """Tell whether a band stands out of the noise; a response without noise stands out."""
    if response.snr is None:
        return True
    inside = np.abs(np.log2(response.snr.f_hz / centre_hz)) <= 0.5
    snr_db = response.snr.snr_db[inside]
    return bool(snr_db.size) and not bool(np.median(snr_db) < _LEAST_SNR_DB)


def _time_scale(then: ImpulseResponse, now: ImpulseResponse, starts: list[float]) -> float:
    """Find the scale of time at which the reverberation is most alike."""
    centres = [c for c in _SCALE_CENTRES_HZ if _is_heard(then, c) and _is_heard(now, c)]
    if not centres:
        return float("nan")
    alike = np.zeros(_SCALES.size)
    for centre in centres:
        a, b = (_band(r, centre) for r in (then, now))
        before = _read(a, starts[0], _SCALE_WINDOW_S, then.fs, 0.0)
        for index, scale in enumerate(_SCALES):
            after = _read(b, starts[1], _SCALE_WINDOW_S, now.fs, float(scale))
            alike[index] += _correlation(before, after).real
    best = int(np.argmax(alike))
    if best in (0, _SCALES.size - 1):
        return float("nan")
    left, middle, right = alike[best - 1 : best + 2]
    step = 0.5 * (left - right) / (left - 2.0 * middle + right)
    return float(_SCALES[best] + step * (_SCALES[1] - _SCALES[0]))


def _likeness(
    then: ImpulseResponse, now: ImpulseResponse, starts: list[float], centre: float, scale: float
) -> float:
    """Compare the early reflections in one octave: 1 is the same but for gain."""
    before = _read(_band(then, centre), starts[0], _PLACE_WINDOW_S, then.fs, 0.0)
    after = _read(_band(now, centre), starts[1], _PLACE_WINDOW_S, now.fs, scale)
    return float(np.abs(_correlation(before, after)))


def _displacement_m(likeness: dict[float, float]) -> float:
    """Distance that explains the loss of likeness, from the highest band that is still alike."""
    distance = float("nan")
    for centre, value in likeness.items():  # from high to low
        k = 2.0 * np.pi * centre / speed_of_sound_m_s(20.0)
        loss = min(1.0 - value, 1.0)
        distance = float(np.sqrt(loss / _LOSS_FACTOR) / k) if loss > _LEAST_LOSS else 0.0
        if loss <= _MAX_LOSS:
            break
    return distance


def _band(response: ImpulseResponse, centre_hz: float) -> np.ndarray[tuple[int], np.dtype]:
    """Analytic signal of one octave of a response, (n_samples,) complex."""
    h = response.samples
    n_fft = scipy.fft.next_fast_len(2 * h.size)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / response.fs)
    spectrum = np.zeros(n_fft, dtype=np.complex128)
    spectrum[: f.size] = 2.0 * scipy.fft.rfft(h, n_fft) * band_gain(f, centre_hz, 1)
    return np.asarray(scipy.fft.ifft(spectrum)[: h.size])


def _read(
    band: np.ndarray[tuple[int], np.dtype],
    start: float,
    window_s: tuple[float, float],
    fs: int,
    scale: float,
) -> np.ndarray[tuple[int], np.dtype]:
    """Read a window after the direct sound, with time scaled."""
    t = np.arange(round(window_s[0] * fs), round(window_s[1] * fs))
    at = start + t * (1.0 + scale)
    index = np.arange(band.size)
    real, imaginary = (np.interp(at, index, part, right=0.0) for part in (band.real, band.imag))
    return real + 1j * imaginary


def _correlation(
    a: np.ndarray[tuple[int], np.dtype], b: np.ndarray[tuple[int], np.dtype]
) -> complex:
    """Normalised inner product of two analytic signals."""
    energy: FloatArray = np.vdot(a, a).real * np.vdot(b, b).real
    return complex(np.vdot(a, b) / np.sqrt(max(float(energy), np.finfo(float).tiny)))

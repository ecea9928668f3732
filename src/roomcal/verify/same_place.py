"""How warm the air has become, and how far the microphone has moved, even in a room that changed.

Absorbers make reflections weaker and leave them where they are. A microphone at another place
hears each reflection earlier or later than before, by as much as its direction says. So the
phases of two responses are compared, moment by moment, and not their strengths.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.bands import band_gain
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import ComplexArray, FloatArray, speed_of_sound_m_s

Pair = tuple[ImpulseResponse, ImpulseResponse]  # then, now

_FRAME_S = 0.4  # that is transformed, from the direct sound on
_LEAD_S = 0.02  # before it: band filters ring ahead
_BLOCK_SAMPLES = 3  # of a band at its own rate: one over its bandwidth, and a little more
# Where time scales: low enough that a replaced microphone stays in phase with itself.
_SCALE_CENTRES_HZ = (125.0, 250.0)
_SCALE_WINDOW_S = (0.010, 0.300)  # after the direct sound
_SCALES = np.arange(-0.012, 0.01201, 0.0001)  # 1 K is 0.0017
# The place is judged by early reflections: later ones have little left above the noise.
_PLACE_WINDOW_S = (0.002, 0.062)
_PLACE_CENTRES_HZ = (2000.0, 1000.0, 500.0, 250.0)
_LEAST_SNR_DB = 25.0
# Noise loses likeness too, 10^(-SNR / 10), and the same loss is twice the distance an octave lower:
# bands below the highest have to be heard better. At these ratios it reads as less than 10 mm.
_SNR_DB_PER_OCTAVE = 6.0
# Reflections from everywhere would change their ways by d cos(angle), with the variance d^2 / 3,
# and the mean cosine of the phase would be 1 - (k d)^2 / 6. Those of a speaker come from its side
# more than from elsewhere: half of that, measured in the virtual rooms; good to a factor of 1.5.
_LOSS_FACTOR = 1.0 / 12.0
_MAX_LOSS = 0.35  # beyond, the next lower band tells more


@dataclass(frozen=True, eq=False)
class LocalPhase:
    """Products of two responses in one band, block by block: their phase is what differs.

    Attributes
    ----------
    t_s : (n_blocks,) float array
        After the direct sound.
    product : (n_blocks,) complex array
    """

    centre_hz: float
    t_s: FloatArray
    product: ComplexArray

    def inside(self, window_s: tuple[float, float]) -> "LocalPhase":
        """Return the blocks within a time window."""
        kept = (self.t_s >= window_s[0]) & (self.t_s <= window_s[1])
        return LocalPhase(self.centre_hz, self.t_s[kept], self.product[kept])


def air_scale(pairs: Sequence[Pair]) -> float:
    """Time now re time then, minus 1, that all paths share: negative in warmer air.

    NaN when no path is heard well enough in the bass, or none is alike.
    """
    alike = np.zeros(_SCALES.size)
    for then, now in pairs:
        heard = [c for c in _SCALE_CENTRES_HZ if _is_heard((then, now), c, _LEAST_SNR_DB)]
        for phase in _local_phases(then, now, heard):
            part = phase.inside(_SCALE_WINDOW_S)
            # Roots: the late blocks tell most, and are weakest.
            size = np.sqrt(np.abs(part.product))
            unit = part.product / np.maximum(np.abs(part.product), np.finfo(float).tiny)
            turn = np.exp(2j * np.pi * part.centre_hz * np.outer(_SCALES, part.t_s))
            alike += np.abs(turn @ (size * unit)) / max(float(size.sum()), np.finfo(float).tiny)
    best = int(np.argmax(alike))
    if best in (0, _SCALES.size - 1):
        return float("nan")
    left, middle, right = alike[best - 1 : best + 2]
    step = 0.5 * (left - right) / (left - 2.0 * middle + right)
    return float(_SCALES[best] + step * (_SCALES[1] - _SCALES[0]))


def displacement_m(then: ImpulseResponse, now: ImpulseResponse, *, scale: float = 0.0) -> float:
    """Distance between the places of two responses of one path, roughly.

    Parameters
    ----------
    then, now : ImpulseResponse
    scale : float
        Of time, from `air_scale`.

    Returns
    -------
    distance_m : float
        Of the microphone or of the speaker. NaN where the path is not heard in any band.
    """
    distance = float("nan")
    top_hz = _PLACE_CENTRES_HZ[0]
    heard = [
        c
        for c in _PLACE_CENTRES_HZ
        if _is_heard((then, now), c, _LEAST_SNR_DB + _SNR_DB_PER_OCTAVE * np.log2(top_hz / c))
    ]
    for phase in _local_phases(then, now, heard):  # from high to low
        part = phase.inside(_PLACE_WINDOW_S)
        turned = part.product * np.exp(2j * np.pi * part.centre_hz * scale * part.t_s)
        whole = max(float(np.abs(turned).sum()), np.finfo(float).tiny)
        loss = 1.0 - float(np.abs(turned.sum())) / whole
        k = 2.0 * np.pi * part.centre_hz / speed_of_sound_m_s(20.0)
        distance = float(np.sqrt(max(loss, 0.0) / _LOSS_FACTOR) / k)
        if loss <= _MAX_LOSS:
            break
    return distance


def _local_phases(
    then: ImpulseResponse, now: ImpulseResponse, centres_hz: Sequence[float]
) -> list[LocalPhase]:
    """Compare two responses block by block in each band."""
    spectra = [_frame_spectrum(r) for r in (then, now)] if centres_hz else []
    found = []
    for centre in centres_hz:
        f = np.arange(round(0.5 * centre * _FRAME_S), round(2.0 * centre * _FRAME_S) + 1)
        gain = band_gain(f / _FRAME_S, centre, 1)
        a, b = (scipy.fft.ifft(H[f] * gain) for H in spectra)
        n = a.size // _BLOCK_SAMPLES
        product = (a.conj() * b)[: n * _BLOCK_SAMPLES].reshape(n, -1).sum(axis=1)
        block_s = _BLOCK_SAMPLES * _FRAME_S / f.size
        found.append(LocalPhase(centre, (np.arange(n) + 0.5) * block_s - _LEAD_S, product))
    return found


def _frame_spectrum(response: ImpulseResponse) -> ComplexArray:
    """Spectrum of `_FRAME_S` with the direct sound at `_LEAD_S`, to a fraction of a sample."""
    fs = response.fs
    arrival = arrival_sample(response.samples, fs)
    first = round(arrival) - round(_LEAD_S * fs)
    frame = np.zeros(round(_FRAME_S * fs))
    part = response.samples[max(first, 0) : max(first + frame.size, 0)]
    start = max(-first, 0)
    frame[start : start + part.size] = part[: frame.size - start]
    f = np.arange(frame.size // 2 + 1) / _FRAME_S
    late_s = (arrival - round(arrival)) / fs
    return np.asarray(scipy.fft.rfft(frame) * np.exp(2j * np.pi * f * late_s))


def _is_heard(pair: Pair, centre_hz: float, least_snr_db: float) -> bool:
    """Tell whether a band of both stands out of the noise; without measured noise it does."""
    for response in pair:
        if 4.0 * centre_hz > response.fs:
            return False
        if response.snr is None:
            continue
        inside = np.abs(np.log2(response.snr.f_hz / centre_hz)) <= 0.5
        snr_db = response.snr.snr_db[inside]
        if not snr_db.size or bool(np.median(snr_db) < least_snr_db):
            return False
    return True

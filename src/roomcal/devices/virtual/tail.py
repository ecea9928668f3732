"""The diffuse tail: noise that decays as Eyring says, arriving as plane waves from all sides.

Plane waves make the field continuous in space: a microphone moved by 5 mm hears nearly the same.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.devices.virtual.enclosure import Enclosure, eyring_time_s
from roomcal.devices.virtual.grid import GRID_S, TRUTH_S, fade
from roomcal.dsp.resample import sample_at
from roomcal.units import FloatArray, speed_of_sound_m_s

N_WAVES = 32
# The noise is drawn at one rate, so that the room is the same room at every rate; above half of
# it the air has absorbed the tail (more than 500 dB/s at 24 kHz).
TAIL_FS = 48000
REFERENCE_C = 20.0  # temperature at which the noise is drawn
# Half octaves: the decay changes smoothly from one to the next.
_BANDS_HZ = 1000.0 * np.exp2(np.arange(-3.0, 4.1, 0.5))


@dataclass(frozen=True, eq=False)
class Tail:
    """The tail of one speaker.

    Attributes
    ----------
    directions : (n_waves, 3) float array
        Unit vectors along which the waves travel.
    spectra : (n_waves, n_bins) complex64 array
        Of each wave at the reference point, on the long grid, up to half of `TAIL_FS`.
    """

    directions: FloatArray
    spectra: np.ndarray
    reference_m: FloatArray


def tail_of(
    room: Enclosure,
    reference_m: FloatArray,
    *,
    handover_s: tuple[float, float],
    seed: tuple[int, ...],
) -> Tail:
    """Draw the tail of one speaker.

    Parameters
    ----------
    room : Enclosure
    reference_m : (3,) float array
        Where the delays of all waves are 0.
    handover_s : (float, float)
        Time after the impulse in which the tail fades in.
    seed : tuple of int

    Notes
    -----
    Image sources lie 4 pi c^3 t^2 / V to the second and each brings (c t)^-2 of energy, so that
    the mean square per second is 4 pi c / V, times the decay (Kuttruff, Room Acoustics, 6th ed.,
    section 4.2).
    """
    rng = np.random.default_rng(seed)
    n = round(TRUTH_S * TAIL_FS)
    n_fft = round(GRID_S * TAIL_FS)
    t = np.arange(n) / TAIL_FS
    begin, end = handover_s
    c = speed_of_sound_m_s(REFERENCE_C)
    power = 4.0 * np.pi * c / (room.volume_m3 * TAIL_FS * N_WAVES)
    rise = np.sqrt(power) * np.sin(np.pi / 2.0 * fade((t - begin) / (end - begin)))
    noise = rng.standard_normal((N_WAVES, n), dtype=np.float32)
    f = np.arange(n_fft // 2 + 1) / GRID_S
    times_s = eyring_time_s(room, _BANDS_HZ, REFERENCE_C)
    spectra = np.zeros((N_WAVES, f.size), dtype=np.complex64)
    for centre_hz, time_s in zip(_BANDS_HZ, times_s, strict=True):
        envelope = (rise * np.exp(-3.0 * np.log(10.0) / time_s * t)).astype(np.float32)
        weight = _band_weight(f, centre_hz)
        inside = slice(int(np.argmax(weight > 0.0)), int(np.flatnonzero(weight)[-1]) + 1)
        band = scipy.fft.rfft(noise * envelope, n_fft, axis=1)[:, inside]
        spectra[:, inside] += weight[inside].astype(np.float32) * band
    return Tail(_directions(rng), spectra, reference_m)


def _band_weight(f_hz: FloatArray, centre_hz: float) -> FloatArray:
    """Triangle over log frequency; the weights of all bands add to 1."""
    steps = 2.0 * np.log2(np.maximum(f_hz, 1e-3) / centre_hz)
    if centre_hz == _BANDS_HZ[0]:
        steps = np.maximum(steps, 0.0)
    if centre_hz == _BANDS_HZ[-1]:
        steps = np.minimum(steps, 0.0)
    return np.maximum(1.0 - np.abs(steps), 0.0)


def _directions(rng: np.random.Generator) -> FloatArray:
    """Evenly spread directions (a golden spiral), turned at random."""
    i = np.arange(N_WAVES) + 0.5
    z = 1.0 - 2.0 * i / N_WAVES
    angle = np.pi * (1.0 + np.sqrt(5.0)) * i
    radius = np.sqrt(1.0 - z**2)
    spiral = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return np.asarray(spiral @ turn)


def tail_response(tail: Tail, receiver_m: FloatArray, *, c_m_s: float) -> FloatArray:
    """Tail at one point, at the rate `TAIL_FS` and the length of the grid.

    Warmer air makes everything in the tail sooner: the response of the reference temperature is
    read faster.

    Returns
    -------
    h : (n_grid,) float array
    """
    c_reference = speed_of_sound_m_s(REFERENCE_C)
    delay_s = tail.directions @ (receiver_m - tail.reference_m) / c_reference
    n_bins = tail.spectra.shape[1]
    side = int(np.ceil(np.sqrt(n_bins)))
    turns = -2j * np.pi * delay_s / GRID_S
    fine = np.exp(np.outer(turns, np.arange(side))).astype(np.complex64)
    coarse = np.exp(np.outer(turns, side * np.arange(side))).astype(np.complex64)
    total = np.zeros((side, side), dtype=np.complex64)
    for wave in range(tail.spectra.shape[0]):
        padded = np.zeros(side * side, dtype=np.complex64)
        padded[:n_bins] = tail.spectra[wave]
        total += np.outer(coarse[wave], fine[wave]) * padded.reshape(side, side)
    h = scipy.fft.irfft(total.ravel()[:n_bins].astype(np.complex128), round(GRID_S * TAIL_FS))
    if c_m_s == c_reference:
        return np.asarray(h)
    scale = c_m_s / c_reference
    n = round(1.05 * TRUTH_S * TAIL_FS)
    warmer = np.zeros_like(h)
    # The impulse stays an impulse: faster reading keeps its spectrum, hence the factor.
    warmer[:n] = sample_at(h, scale * np.arange(n, dtype=np.float64)) * np.sqrt(scale)
    return warmer

"""Loudspeakers as a signal meets them: harmonics first, then roll-off, crossover, directivity."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.devices.virtual.grid import fade
from roomcal.units import ComplexArray, FloatArray, ratio_from_db


@dataclass(frozen=True)
class Peak:
    """A resonance or a dent of the response (a second-order peaking filter)."""

    f_hz: float
    gain_db: float
    q: float


@dataclass(frozen=True)
class Distortion:
    """Harmonics of a sine, relative to its fundamental, at one level.

    The second rises by 1 dB and the third by 2 dB for each dB of level.
    """

    second_db: float = -46.0
    third_db: float = -56.0
    at_dbfs: float = -12.0


@dataclass(frozen=True)
class SpeakerModel:
    """One loudspeaker in a room.

    Sensitivity: a full-scale impulse gives the pressure `gain` / r at r metres on its axis, in
    units of the microphone's full scale.
    """

    name: str
    output_channel: int  # counted from 1
    position_m: tuple[float, float, float]
    aim_m: tuple[float, float, float]  # the point it looks at
    role: str = ""
    gain_db: float = -12.0
    inverted: bool = False
    highpass_hz: float = 45.0
    highpass_order: int = 4  # 2: sealed box, 4: ported
    crossover_hz: float = 2200.0  # between woofer and tweeter; 0: none
    lowpass_hz: float = 30000.0
    lowpass_order: int = 2
    directivity_hz: float = 1500.0  # from here on a cardioid; 0: omnidirectional
    peaks: tuple[Peak, ...] = ()
    distortion: Distortion | None = Distortion()


def speaker_spectrum(speaker: SpeakerModel, f_hz: FloatArray) -> ComplexArray:
    """Response on the axis, without the distance, (n,)."""
    gain = float(ratio_from_db(speaker.gain_db)) * (-1.0 if speaker.inverted else 1.0)
    H = gain * butterworth_highpass(f_hz, speaker.highpass_hz, speaker.highpass_order)
    H *= butterworth_lowpass(f_hz, speaker.lowpass_hz, speaker.lowpass_order)
    if speaker.crossover_hz > 0.0:
        s = 1j * f_hz / speaker.crossover_hz
        root = np.sqrt(2.0)
        # The sum of a Linkwitz-Riley crossover of order 4 (J. Audio Eng. Soc. 24(1), 1976).
        H *= (s**2 - root * s + 1.0) / (s**2 + root * s + 1.0)
    for peak in speaker.peaks:
        H *= peaking(f_hz, peak)
    return H


def peaking(f_hz: FloatArray, peak: Peak) -> ComplexArray:
    """Second-order peaking filter, (n,)."""
    s = (1j * f_hz / peak.f_hz).astype(np.complex128)
    root = float(ratio_from_db(peak.gain_db / 2.0))
    return (s**2 + s * root / peak.q + 1.0) / (s**2 + s / (root * peak.q) + 1.0)


def butterworth_lowpass(f_hz: FloatArray, corner_hz: float, order: int) -> ComplexArray:
    """Analogue Butterworth low-pass of even order, (n,)."""
    s = 1j * f_hz / corner_hz
    H = np.ones_like(s)
    for k in range(order // 2):
        H /= s**2 + 2.0 * np.sin(np.pi * (2 * k + 1) / (2 * order)) * s + 1.0
    return H


def butterworth_highpass(f_hz: FloatArray, corner_hz: float, order: int) -> ComplexArray:
    """Analogue Butterworth high-pass of even order, (n,); order 0 passes everything."""
    if order == 0:
        return np.ones(f_hz.size, dtype=np.complex128)
    f = np.maximum(f_hz, 1e-9)
    return np.conj(butterworth_lowpass(corner_hz**2 / f, corner_hz, order))


def lobe_weight(speaker: SpeakerModel, f_hz: FloatArray) -> ComplexArray:
    """Share of the cosine lobe; the omnidirectional part has the rest, so that the axis is 1.

    Rises by first order from 0 (omnidirectional) to 1/2 (a cardioid), (n,).
    """
    if speaker.directivity_hz == 0.0:
        return np.zeros(f_hz.size, dtype=np.complex128)
    s = 1j * f_hz / speaker.directivity_hz
    return 0.5 * s / (1.0 + s)


def radiated_power(speaker: SpeakerModel, f_hz: FloatArray) -> FloatArray:
    """Mean square of the directivity over all directions, re the axis, (n,)."""
    lobe = lobe_weight(speaker, f_hz)
    return np.abs(1.0 - lobe) ** 2 + np.abs(lobe) ** 2 / 3.0


def distorted_spectrum(x: FloatArray, distortion: Distortion, n_fft: int) -> ComplexArray:
    """Spectrum of x + a x^2 + b x^3, as the voice coil makes it.

    Parameters
    ----------
    x : (n,) float array
        Full scale is 1.
    distortion : Distortion
    n_fft : int

    Returns
    -------
    X : (n_fft // 2 + 1,) complex array

    Notes
    -----
    A sine of amplitude A gives a second harmonic of a A^2 / 2 and a third of b A^3 / 4. Powers
    are taken of what lies low enough that its harmonics stay below half the sample rate: a
    speaker does not alias.
    """
    amplitude = float(ratio_from_db(distortion.at_dbfs))
    second = 2.0 * float(ratio_from_db(distortion.second_db)) / amplitude
    third = 4.0 * float(ratio_from_db(distortion.third_db)) / amplitude**2
    X = scipy.fft.rfft(x, n_fft)
    share = np.arange(X.size) / (X.size - 1.0)  # of half the sample rate
    low2 = scipy.fft.irfft(X * (1.0 - fade((share - 0.45) / 0.05)), n_fft)
    low3 = scipy.fft.irfft(X * (1.0 - fade((share - 0.30) / 0.03)), n_fft)
    harmonics = scipy.fft.rfft(second * low2**2 + third * low3**3, n_fft)
    return np.asarray(X + harmonics)

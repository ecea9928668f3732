"""Group delay and minimum phase of a response under a window that shortens with frequency."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.dsp.direct_sound import direct_spectrum
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.units import ComplexArray, FloatArray

# The cepstrum of a minimum phase aliases: the transform is this many times as long as the response.
_ROOM = 4
_SHORTEST_FFT = 1 << 15  # of short responses: the bass needs fine bins
_LEAST_POWER = 1e-20  # re the largest: where nothing is, no delay is


@dataclass(frozen=True, eq=False)
class PhaseSpectrum:
    """What the phase of one response consists of, at the bins of an FFT.

    Attributes
    ----------
    f_hz : (n_bins,) float array
    H : (n_bins,) complex array
        Windowed spectrum, the direct sound at time 0.
    minimum : (n_bins,) complex array
        The minimum phase of the same magnitude. H / minimum is the excess phase: an all-pass.
    group_delay_s, minimum_group_delay_s : (n_bins,) float array
        Of `H` and of `minimum`, re the direct sound.
    """

    f_hz: FloatArray
    H: ComplexArray
    minimum: ComplexArray
    group_delay_s: FloatArray
    minimum_group_delay_s: FloatArray


def group_delay_s(moment: ComplexArray, H: ComplexArray, fs: int) -> FloatArray:
    """Group delay from two spectra.

    Parameters
    ----------
    moment : (..., n_bins) complex array
        Spectrum of n h[n].
    H : (..., n_bins) complex array
        Spectrum of h[n].
    fs : int

    Returns
    -------
    delay_s : (..., n_bins) float array
        NaN where the spectrum is empty.

    Notes
    -----
    tau = Re(F{n h[n]} / F{h[n]}) / fs (Smith, Introduction to Digital Filters, "Numerical
    Computation of Group Delay"): no phase is unwrapped.
    """
    power = np.abs(H) ** 2
    known = power > _LEAST_POWER * power.max(initial=0.0)
    ratio = np.real(moment * np.conj(H)) / np.where(known, power, 1.0)
    return np.where(known, ratio / fs, np.nan)


def phase_spectrum(
    h: FloatArray, fs: int, *, arrival: float, cycles: float | None = None
) -> PhaseSpectrum:
    """Take the phase of a response apart.

    Parameters
    ----------
    h : (n_samples,) float array
    fs : int
    arrival : float
        Index of the direct sound; its delay is taken out.
    cycles : float, optional
        Length of a window around the direct sound, in cycles of each frequency; None: no window.
    """
    n_fft = max(scipy.fft.next_fast_len(_ROOM * h.size, real=True), _SHORTEST_FFT)
    n_fft += n_fft % 2
    t = np.arange(h.size) - arrival
    both = np.stack([h, t * h])
    f = np.arange(n_fft // 2 + 1) * (fs / n_fft)
    if cycles is None:
        H, moment = scipy.fft.rfft(both, n_fft) * np.exp(2j * np.pi * f * arrival / fs)
    else:
        H, moment = direct_spectrum(both, arrival, fs, n_fft=n_fft, cycles=cycles)
    if not np.any(H):
        unknown = np.full(f.size, np.nan)
        return PhaseSpectrum(f, np.asarray(H), np.zeros_like(H), unknown, unknown)
    minimum = minimum_phase_spectrum(np.abs(H))
    m = scipy.fft.irfft(minimum, n_fft)
    late = scipy.fft.rfft(np.arange(n_fft) * m)
    return PhaseSpectrum(
        f_hz=f,
        H=np.asarray(H),
        minimum=minimum,
        group_delay_s=group_delay_s(moment, H, fs),
        minimum_group_delay_s=group_delay_s(late, minimum, fs),
    )

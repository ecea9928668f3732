"""Level over time and frequency: a spectrogram of equal windows, and one of equal cycles.

A window of one length shows the bass sharply in frequency or the treble sharply in time, never
both; wavelets, whose length is a number of cycles, see each frequency as the ear does.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.analyze.arrival import arrival_index
from roomcal.analyze.response import HIGH_HZ, LOW_HZ
from roomcal.dsp.smoothing import smoothed_power
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import ComplexArray, FloatArray, db_from_power, log_grid_hz

BEFORE_S, LAST_S = 0.02, 0.3  # shown around the direct sound
STEP_S = 0.002
WINDOW_S = 0.03
PER_OCTAVE = 24
CYCLES = 6.0  # of a wavelet, between its -3 dB points: resolves a sixth of an octave
_SMOOTHING = 12
_MARGIN_S = 0.3  # around what is shown: a wavelet of 20 Hz is that long
_WIDTHS = 4.0  # of a Gaussian band that are kept on either side
_END_FADE = 1.0 / 16.0  # of a response: what deconvolution fades out


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """Level over time and frequency.

    Attributes
    ----------
    t_s : (n_times,) float array
        After the direct sound.
    f_hz : (n_frequencies,) float array
    level_db : (n_times, n_frequencies) float array
        Re the loudest; NaN where the response has ended. An impulse has the same level at all
        frequencies, in either transform.
    resolution : str
        Of the transform, in words.
    """

    t_s: FloatArray
    f_hz: FloatArray
    level_db: FloatArray
    resolution: str

    def __post_init__(self) -> None:
        for name, ndim in (("t_s", 1), ("f_hz", 1), ("level_db", 2)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=ndim, name=name))


def spectrogram(response: ImpulseResponse, *, window_s: float = WINDOW_S) -> Spectrogram:
    """Short-time spectra under a Hann window, one every `STEP_S`, its centre being its time.

    Parameters
    ----------
    response : ImpulseResponse
    window_s : float
    """
    fs = response.fs
    t = _times()
    n = round(window_s * fs)
    frame, first_s, ends_s = _frame(response)
    starts = np.round((t - first_s) * fs).astype(np.intp) - n // 2
    # Without its negative frequencies: they would beat with the positive ones in the bass.
    views = np.lib.stride_tricks.sliding_window_view(_analytic(frame), n)[starts]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(n) + 0.5) / n)
    # The lowest frequency lies between the bins of a short window: zeros make them finer.
    n_fft = scipy.fft.next_fast_len(max(n, round(fs / LOW_HZ) * 2), real=True)
    power = np.abs(scipy.fft.fft(views * window, n_fft, axis=-1)[:, : n_fft // 2]) ** 2
    f = _frequencies(fs)
    level = db_from_power(smoothed_power(power, fs / n_fft, f, _SMOOTHING))
    level[t + 0.5 * window_s > ends_s] = np.nan
    return Spectrogram(t, f, _re_loudest(level), f"windows of {1000.0 * window_s:g} ms")


def wavelet_spectrogram(response: ImpulseResponse, *, cycles: float = CYCLES) -> Spectrogram:
    """Envelope of complex Gaussian wavelets, all of them so many cycles long.

    Parameters
    ----------
    response : ImpulseResponse
    cycles : float
        Duration of the envelope between its -3 dB points, in cycles of each frequency.

    Notes
    -----
    The Morlet wavelet without its correction term, which is below 10^-6 at six cycles (Torrence
    and Compo, Bull. Amer. Meteor. Soc. 79, 1998, table 1). Every band is transformed at the rate
    that it needs, so that a wavelet costs what its bandwidth costs.
    """
    fs = response.fs
    t, f = _times(), _frequencies(fs)
    frame, first_s, ends_s = _frame(response)
    n = scipy.fft.next_fast_len(frame.size)
    H = scipy.fft.fft(frame, n)[: n // 2 + 1]
    bin_hz = fs / n
    power = np.empty((t.size, f.size))
    at = t - first_s
    for i, f0 in enumerate(f):
        # An envelope exp(-t^2 / 2 s^2) falls by 3 dB at t = s sqrt(ln 2).
        sigma_s = cycles / f0 / (2.0 * np.sqrt(np.log(2.0)))
        sigma_hz = 1.0 / (2.0 * np.pi * sigma_s)
        low = max(int((f0 - _WIDTHS * sigma_hz) / bin_hz), 0)
        high = min(int((f0 + _WIDTHS * sigma_hz) / bin_hz) + 2, H.size)
        gain = np.exp(-0.5 * ((np.arange(low, high) * bin_hz - f0) / sigma_hz) ** 2)
        # Twice the band, as a square has twice the bandwidth; twice again to draw straight lines.
        m = scipy.fft.next_fast_len(4 * (high - low))
        band = np.zeros(m, dtype=np.complex128)
        band[: high - low] = H[low:high] * gain
        envelope = np.abs(scipy.fft.ifft(band)) ** 2 * (m / n) ** 2
        power[:, i] = np.interp(at, np.arange(m) * (n / fs / m), envelope) / sigma_hz**2
        power[at + first_s + sigma_s > ends_s, i] = np.nan
    level = np.where(np.isnan(power), np.nan, db_from_power(np.nan_to_num(power)))
    return Spectrogram(t, f, _re_loudest(level), f"wavelets of {cycles:g} cycles")


def _times() -> FloatArray:
    """Return the times after the direct sound, (n_times,) in s."""
    n = round((BEFORE_S + LAST_S) / STEP_S) + 1
    return np.arange(n, dtype=np.float64) * STEP_S - BEFORE_S


def _frequencies(fs: int) -> FloatArray:
    return log_grid_hz(LOW_HZ, min(HIGH_HZ, 0.45 * fs), PER_OCTAVE)


def _frame(response: ImpulseResponse) -> tuple[FloatArray, float, float]:
    """Part of a response that is looked at, the time of its first sample, and where it ends."""
    h, fs = response.samples, response.fs
    arrival = arrival_index(response)
    margin = round(_MARGIN_S * fs)
    first = round(arrival - BEFORE_S * fs) - margin
    frame = np.zeros(round((BEFORE_S + LAST_S) * fs) + 2 * margin)
    lead = max(-first, 0)
    part = h[max(first, 0) : max(first + frame.size, 0)]
    frame[lead : lead + part.size] = part
    return frame, (first - arrival) / fs, (h.size * (1.0 - _END_FADE) - arrival) / fs


def _analytic(x: FloatArray) -> ComplexArray:
    """Signal without its negative frequencies."""
    X = scipy.fft.fft(x)
    X[x.size // 2 + 1 :] = 0.0
    return np.asarray(scipy.fft.ifft(X))


def _re_loudest(level: FloatArray) -> FloatArray:
    """Level re the largest that is known."""
    known = level[np.isfinite(level)]
    return level - known.max() if known.size else level

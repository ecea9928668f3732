"""Octave and third-octave band filters without phase, so that a decay keeps its slope.

A causal band filter rings after every sound: at 63 Hz it makes a dry room look 65 % more
reverberant. These filters are real gains over frequency: they ring alike before and after, with
an envelope that falls 60 dB within `RING_BANDWIDTHS` / bandwidth.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.units import FloatArray

# Time after which the ring of a filter has fallen by 60 dB, times its bandwidth (calculated from
# the gains below: 4.1 for octaves, 2.8 for third octaves; T30 of the filter's own response).
RING_BANDWIDTHS = 4.1
# Power is wanted at least this often per second: 80 ms of clarity are then 160 steps.
MIN_POWER_RATE_HZ = 2000.0
# Power fluctuates over twice the width of its signal; the passband spans two nominal bandwidths.
_OVERSAMPLING = 2.0


@dataclass(frozen=True, eq=False)
class BandPower:
    """Short-time power of one band, free of the ripple at twice its frequency.

    Attributes
    ----------
    power : (n,) float array
        Mean square per input sample at `start_s` + k / `rate_hz`.
    rate_hz : float
    start_s : float
        Time of the first value; negative, because the filter rings before index 0 too.
    """

    power: FloatArray
    rate_hz: float
    start_s: float


def band_limits_hz(centre_hz: float, bands_per_octave: int) -> tuple[float, float]:
    """Edges of a band, where its gain is -3 dB: f_m 10**(-+3 / (20 b)) (IEC 61260-1, eq. 4, 5)."""
    half = 10.0 ** (3.0 / (20.0 * bands_per_octave))
    return centre_hz / half, centre_hz * half


def bandwidth_hz(centre_hz: float, bands_per_octave: int) -> float:
    """Distance of the edges of a band."""
    low, high = band_limits_hz(centre_hz, bands_per_octave)
    return high - low


def band_gain(f_hz: FloatArray, centre_hz: float, bands_per_octave: int) -> FloatArray:
    """Gain of a band filter: 1 at its centre, -3 dB at its edges, 0 one band away.

    Parameters
    ----------
    f_hz : (n,) float array
    centre_hz : float
    bands_per_octave : int
        1 or 3.

    Returns
    -------
    gain : (n,) float array
        The squared gains of neighbouring bands add up to 1.

    Notes
    -----
    cos(pi/4 (1 + sin(pi/2 sin(pi/2 p)))), with p from -1 at the centre over 0 at the edge to +1
    (Antoni, J. Acoust. Soc. Am. 127(2), 2010, equations 18-20). The widest overlap rings least,
    and stays within class 1 of IEC 61260-1 in the passband.
    """
    step = 3.0 / 10.0 / bands_per_octave
    bands_away = np.abs(np.log10(np.maximum(f_hz, 1e-9) / centre_hz)) / step
    p = np.clip(2.0 * bands_away - 1.0, -1.0, 1.0)
    p = np.sin(np.pi / 2.0 * np.sin(np.pi / 2.0 * p))
    return np.asarray(np.cos(np.pi / 4.0 * (1.0 + p)))


def band_signal(h: FloatArray, fs: int, centre_hz: float, bands_per_octave: int) -> FloatArray:
    """Filter a signal by one band, without delay.

    Parameters
    ----------
    h : (n_samples,) float array
    fs : int
    centre_hz : float
    bands_per_octave : int

    Returns
    -------
    y : (n_samples,) float array
        The ring before index 0 and after the end is left out.
    """
    pad = _ring_samples(fs, bandwidth_hz(centre_hz, bands_per_octave))
    n_fft = scipy.fft.next_fast_len(h.size + pad, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    H = scipy.fft.rfft(h, n_fft) * band_gain(f, centre_hz, bands_per_octave)
    return np.asarray(scipy.fft.irfft(H, n_fft)[: h.size])


def band_powers(
    h: FloatArray, fs: int, centres_hz: FloatArray, *, bands_per_octave: int
) -> list[BandPower]:
    """Short-time power of a signal in several bands, from one transform.

    Parameters
    ----------
    h : (n_samples,) float array
    fs : int
    centres_hz : (n_bands,) float array
    bands_per_octave : int

    Returns
    -------
    powers : list of BandPower
        One a band, from one ring before index 0 to one ring after the end.

    Notes
    -----
    Half the squared magnitude of the analytic band signal. The bins of a band are transformed
    alone, shifted to 0 Hz: all bands together cost about as much as two long transforms.
    """
    widths = [bandwidth_hz(c, bands_per_octave) for c in centres_hz]
    ring = _ring_samples(fs, min(widths))
    n_fft = scipy.fft.next_fast_len(h.size + 2 * ring, real=True)
    H = scipy.fft.rfft(h, n_fft)
    bin_hz = fs / n_fft
    powers = []
    for centre, width in zip(centres_hz, widths, strict=True):
        _, beyond = band_limits_hz(centre, bands_per_octave)
        below = centre**3 / beyond**2  # gain 0, one band away on either side
        first = max(int(np.ceil(below / bin_hz)), 1)
        last = min(int(beyond**2 / centre / bin_hz), H.size - 1)
        f = bin_hz * np.arange(first, last + 1)
        part = H[first : last + 1] * band_gain(f, centre, bands_per_octave)
        wanted = max(_OVERSAMPLING * part.size, MIN_POWER_RATE_HZ / bin_hz)
        n = scipy.fft.next_fast_len(min(int(wanted) + 1, n_fft))
        rate = n * bin_hz
        analytic = scipy.fft.ifft(part, n) * (2.0 * n / n_fft)
        power = np.abs(analytic) ** 2 / 2.0
        before = int(_ring_samples(fs, width) / fs * rate)
        inside = min(int(np.ceil(h.size / fs * rate)) + before, n - before)
        powers.append(
            BandPower(np.concatenate([power[n - before :], power[:inside]]), rate, -before / rate)
        )
    return powers


def _ring_samples(fs: int, width_hz: float) -> int:
    """Return the number of samples until the ring of a filter is 60 dB down."""
    return int(np.ceil(RING_BANDWIDTHS / width_hz * fs))

"""Where in a recording a known sweep plays, and whether it is that very sweep."""

import numpy as np
import scipy.fft

from roomcal.model.impulse_response import BandSnr
from roomcal.units import FloatArray

# A sweep is found where the matched filter stands out of one sweep length around it. Noise alone
# reaches 12 dB in a million samples; a sub, which has little bandwidth, 22 dB, and other speakers
# in a living room 37 dB.
_FOUND_DB = 17.0
# Speakers of one recording differ by less than this; weaker peaks are echoes and products.
_WEAKEST_DB = -26.0
_APART = 0.9  # sweeps do not overlap: nearest distance of two, of the sweep's length
_QUIETEST_BIN = 1e-3  # of the stimulus' strongest: what is below is not whitened further

_OCTAVES_HZ = (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
_PLAYED_DB = -20.0  # an octave this far below the strongest was not played
_HEARD_SNR_DB = 15.0  # an octave nearer to the noise says nothing


def find_sweeps(recording: FloatArray, stimulus: FloatArray) -> list[int]:
    """Find where a sweep plays.

    Parameters
    ----------
    recording : (n_recorded,) float array
    stimulus : (n_stimulus,) float array

    Returns
    -------
    first_samples : list of int
        Index at which the direct sound of each sweep begins, rising; negative when the recording
        begins within a sweep.

    Notes
    -----
    The correlation is half whitened (divided by the magnitude of the stimulus): every frequency
    counts as it was received, so the peak is sharp although a sweep is loudest in the bass.
    """
    if recording.size < stimulus.size // 2:
        return []
    n_fft = scipy.fft.next_fast_len(recording.size + stimulus.size, real=True)
    X = scipy.fft.rfft(stimulus, n_fft)
    size = np.abs(X)
    cross = scipy.fft.rfft(recording, n_fft) * np.conj(X)
    cross /= np.maximum(size, _QUIETEST_BIN * size.max())
    # Index 0 is a sweep that starts half its length before the recording: it is found, and named.
    early = stimulus.size // 2
    power = np.roll(_envelope(cross, n_fft) ** 2, early)[: early + recording.size]
    total = np.concatenate([[0.0], np.cumsum(power)])
    left = power.copy()
    apart = int(_APART * stimulus.size)
    weakest = float(power.max()) * 10.0 ** (_WEAKEST_DB / 10.0)
    found: list[int] = []
    while True:
        peak = int(np.argmax(left))
        if left[peak] <= weakest:
            return sorted(found)
        low = max(0, peak - stimulus.size // 2)
        high = min(power.size, peak + stimulus.size // 2)
        mean = (total[high] - total[low]) / (high - low)
        if power[peak] >= mean * 10.0 ** (_FOUND_DB / 10.0):
            found.append(peak - early)
        left[max(0, peak - apart) : peak + apart] = 0.0


def dispersion_s(h: FloatArray, fs: int, snr: BandSnr | None = None) -> float:
    """Time between the first and the last octave's strongest moment, 250 Hz to 8 kHz.

    Parameters
    ----------
    h : (n_samples,) float array
        Impulse response.
    fs : int
    snr : BandSnr, optional
        Octaves that are buried in noise are left out.

    Returns
    -------
    apart_s : float
        A response that was deconvolved with another sweep glides: its octaves arrive one after
        the other. 0 where fewer than two octaves were played (a sub).
    """
    n_fft = scipy.fft.next_fast_len(2 * h.size, real=True)
    H = scipy.fft.rfft(h, n_fft)
    f = np.maximum(scipy.fft.rfftfreq(n_fft, 1.0 / fs), fs / n_fft)
    octaves = np.array([c for c in _OCTAVES_HZ if c * 2.0**0.5 < fs / 2.0])
    if snr is not None:
        octaves = octaves[np.interp(octaves, snr.f_hz, snr.snr_db) >= _HEARD_SNR_DB]
    if octaves.size == 0:
        return 0.0
    envelopes = np.stack(
        [_envelope(H * np.exp(-4.0 * np.log2(f / c) ** 2), n_fft)[: h.size] for c in octaves]
    )
    energy = np.sum(envelopes**2, axis=1) / octaves  # a sweep puts the same into every octave
    played = energy >= energy.max() * 10.0 ** (_PLAYED_DB / 10.0)
    peaks = np.argmax(envelopes[played], axis=1)
    return float(np.ptp(peaks)) / fs


def _envelope(spectrum: np.ndarray[tuple[int], np.dtype[np.complex128]], n_fft: int) -> FloatArray:
    """Magnitude of the analytic signal of a half spectrum."""
    analytic = np.zeros(n_fft, dtype=np.complex128)
    analytic[: spectrum.size] = spectrum
    return np.abs(scipy.fft.ifft(analytic))

"""From what was sent to a speaker to the pressure at the microphone, for signals of any length."""

import numpy as np
import scipy.fft

from roomcal.devices.virtual.speaker import Distortion, distorted_spectrum
from roomcal.units import FloatArray

# Sound apart by more silence than this is worked on by itself: takes are mostly repetitions.
_GAP_S = 0.1


def played_through(
    x: FloatArray, h: FloatArray, fs: int, *, distortion: Distortion | None = None
) -> FloatArray:
    """Signal of a speaker at the microphone.

    Parameters
    ----------
    x : (n,) float array
    h : (n_h,) float array
    fs : int
    distortion : Distortion, optional
        Of the speaker, before `h`.

    Returns
    -------
    y : (n + n_h - 1,) float array
    """
    y = np.zeros(x.size + h.size - 1)
    done: dict[bytes, FloatArray] = {}
    for start, stop in sounding_parts(x, round(_GAP_S * fs)):
        part = x[start:stop]
        key = part.tobytes()
        if key not in done:
            done[key] = _through(part, h, distortion)
        y[start : start + done[key].size] += done[key]
    return y


def _through(x: FloatArray, h: FloatArray, distortion: Distortion | None) -> FloatArray:
    """Convolve one part, after the harmonics have been added."""
    n = x.size + h.size - 1
    n_fft = 2 * scipy.fft.next_fast_len((n + 1) // 2, real=True)
    X = distorted_spectrum(x, distortion, n_fft) if distortion else scipy.fft.rfft(x, n_fft)
    return np.asarray(scipy.fft.irfft(X * scipy.fft.rfft(h, n_fft), n_fft)[:n])


def sounding_parts(x: FloatArray, gap_samples: int) -> list[tuple[int, int]]:
    """Start and end of every part that is not silent, parted by at least `gap_samples` zeros."""
    loud = np.flatnonzero(x)
    if loud.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(loud) > gap_samples)
    starts = loud[np.concatenate([[0], breaks + 1])]
    stops = loud[np.concatenate([breaks, [loud.size - 1]])] + 1
    return list(zip(starts.tolist(), stops.tolist(), strict=True))

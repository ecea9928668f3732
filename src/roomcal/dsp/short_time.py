"""Short-time spectra that can be changed and put together again without a seam."""

import numpy as np
import scipy.fft

from roomcal.units import ComplexArray, FloatArray


def block_samples(fs: int, block_s: float) -> int:
    """Even block length near a time, quick to transform."""
    return int(2 * scipy.fft.next_fast_len(round(0.5 * block_s * fs), real=True))


def short_time_spectra(x: FloatArray, block: int) -> ComplexArray:
    """Spectra of half-overlapping blocks under a sine window.

    Parameters
    ----------
    x : (..., n_samples) float array
    block : int
        Even. Block k is centred on sample k * block / 2.

    Returns
    -------
    X : (..., n_blocks, block // 2 + 1) complex array
    """
    hop = block // 2
    n_blocks = -(-x.shape[-1] // hop) + 1
    padded = np.zeros((*x.shape[:-1], (n_blocks + 1) * hop))
    padded[..., hop : hop + x.shape[-1]] = x
    views = np.lib.stride_tricks.sliding_window_view(padded, block, axis=-1)[..., ::hop, :]
    return np.asarray(scipy.fft.rfft(views * _window(block), axis=-1))


def joined_blocks(X: ComplexArray, block: int, n_samples: int) -> FloatArray:
    """Signal of short-time spectra: the inverse of `short_time_spectra`.

    Parameters
    ----------
    X : (n_blocks, block // 2 + 1) complex array
    block : int
    n_samples : int

    Returns
    -------
    x : (n_samples,) float array
        The squared windows of two blocks add up to 1, so unchanged spectra give the signal back.
    """
    hop = block // 2
    blocks = scipy.fft.irfft(X, block, axis=-1) * _window(block)
    total = np.zeros((len(X) + 1, hop))
    total[:-1] += blocks[:, :hop]
    total[1:] += blocks[:, hop:]
    return total.ravel()[hop : hop + n_samples]


def _window(block: int) -> FloatArray:
    """Sine window, (block,)."""
    return np.sin(np.pi * (np.arange(block) + 0.5) / block)

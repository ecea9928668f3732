"""Read a band-limited signal between its samples."""

import numpy as np
import scipy.fft

from roomcal.units import FloatArray

# A windowed sinc of 32 taps on a doubled rate: the doubled rate leaves an octave for the
# transition, so that the whole band of the original rate is kept (error in tests below -120 dB).
_HALF_WIDTH = 16
_WINDOW_BETA = 2.0 * _HALF_WIDTH * 1.15  # of exp(beta (sqrt(1 - x^2) - 1))
_BLOCK = 1 << 16  # positions at a time: bounds memory
# A steady clock: fraction of a doubled sample over which 5 nodes interpolate the kernel to 1e-9.
_SPAN = 0.1
_NODES = 5
_LEAST_EVEN = 64  # shorter blocks gain nothing


def sample_at(x: FloatArray, positions: FloatArray) -> FloatArray:
    """Value of a signal at fractional sample positions; silence beyond its ends.

    Parameters
    ----------
    x : (n_samples,) float array
    positions : (n,) float array
        In samples of `x`.

    Returns
    -------
    y : (n,) float array

    Notes
    -----
    The window is the "exponential of semicircle" (Barnett, Magland and af Klinteberg, SIAM J.
    Sci. Comput. 41(5), 2019): as good as Kaiser's and without Bessel functions.
    """
    pad = 4 * _HALF_WIDTH
    double = _doubled_rate(x, pad)
    y = np.zeros(positions.size)
    offsets = np.arange(-_HALF_WIDTH + 1, _HALF_WIDTH + 1)
    signs = np.where(offsets % 2, -1.0, 1.0) / np.pi
    for start in range(0, positions.size, _BLOCK):
        at = 2.0 * (positions[start : start + _BLOCK] + pad)
        inside = (at >= _HALF_WIDTH) & (at < double.size - _HALF_WIDTH - 1)
        at = np.where(inside, at, _HALF_WIDTH)
        base = np.floor(at).astype(np.intp)
        fraction = np.maximum(at - base, 1e-12)  # the sinc's limit at 0 without a special case
        u = fraction[:, None] - offsets
        window = np.exp(_WINDOW_BETA * (np.sqrt(np.maximum(1.0 - (u / _HALF_WIDTH) ** 2, 0.0)) - 1))
        kernel = window / u * signs
        values = np.einsum("ij,ij->i", double[base[:, None] + offsets], kernel)
        y[start : start + _BLOCK] = np.where(inside, np.sin(np.pi * fraction) * values, 0.0)
    return y


def sample_evenly(x: FloatArray, start: float, step: float, n: int) -> FloatArray:
    """Value of a signal at `start`, `start` + `step`, ...: `sample_at` for a steady clock.

    Parameters
    ----------
    x : (n_samples,) float array
    start : float
        In samples of `x`.
    step : float
        Near 1: that is what makes it quick.
    n : int

    Returns
    -------
    y : (n,) float array

    Notes
    -----
    Over some thousand samples of a steady clock the fraction of a sample hardly changes, so the
    kernel is a polynomial of it: worked out at a few nodes, a block is one product of matrices.
    """
    drift = 2.0 * abs(step - 1.0)
    block = int(min(_BLOCK // 8, _SPAN / drift if drift else n, max(n, 1)))
    if block < _LEAST_EVEN:
        return sample_at(x, np.asarray(start + step * np.arange(n), dtype=np.float64))
    reach = 2 * _HALF_WIDTH
    before = reach + max(0, int(np.ceil(-start)))
    after = reach + max(0, int(np.ceil(start + step * n)) - x.size)
    double = _doubled_rate(np.pad(x, (before, after)), reach)
    nodes = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
    offsets = np.arange(-_HALF_WIDTH + 1, _HALF_WIDTH + 1)
    signs = np.where(offsets % 2, -1.0, 1.0) / np.pi
    y = np.empty(n)
    for first in range(0, n, block):
        k = np.arange(min(block, n - first))
        at = 2.0 * (start + step * (first + k) + before + reach)
        base = int(np.floor(min(at[0], at[-1] - 2.0 * k[-1])))
        fraction = at - base - 2.0 * k
        low, span = fraction.min(), max(float(np.ptp(fraction)), 1e-9)
        u = np.maximum(low + span * nodes, 1e-12)[:, None] - offsets
        window = np.exp(_WINDOW_BETA * (np.sqrt(np.maximum(1.0 - (u / _HALF_WIDTH) ** 2, 0)) - 1))
        sines = np.sin(np.pi * np.maximum(low + span * nodes, 1e-12))[:, None]
        kernels = sines * window / u * signs
        here = double[base - _HALF_WIDTH + 1 : base + 2 * k.size + _HALF_WIDTH]
        rows = np.lib.stride_tricks.sliding_window_view(here, offsets.size)[: 2 * k.size : 2]
        at_nodes = rows @ kernels.T
        y[first : first + k.size] = np.sum(at_nodes * _lagrange((fraction - low) / span, nodes), 1)
    return y


def _lagrange(v: FloatArray, nodes: FloatArray) -> FloatArray:
    """Weights of a polynomial through the nodes at `v`, (n, n_nodes)."""
    weights = np.ones((v.size, nodes.size))
    for i, here in enumerate(nodes):
        for j, other in enumerate(nodes):
            if i != j:
                weights[:, i] *= (v - other) / (here - other)
    return weights


def _doubled_rate(x: FloatArray, pad: int) -> FloatArray:
    """Return the signal, with `pad` zeros on both sides, at twice its rate."""
    n_fft = 2 * scipy.fft.next_fast_len((x.size + 2 * pad + 1) // 2, real=True)
    padded = np.zeros(n_fft)
    padded[pad : pad + x.size] = x
    spectrum = scipy.fft.rfft(padded)
    spectrum[-1] *= 0.5  # the Nyquist bin belongs half to each side
    return np.asarray(2.0 * scipy.fft.irfft(spectrum, 2 * n_fft))

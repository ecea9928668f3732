r"""The transform behind the convolver: an odd-frequency DFT, and the order its bins are kept in.

Overlap-save takes the transform of 2B real samples, the previous block and the current one, and
keeps the second half of the filtered result. The odd-frequency DFT [1]_ of x,

.. math:: X[k] = \sum_{n=0}^{2B-1} x[n] e^{-j \pi n (2k + 1) / 2B},

has no bin at 0 Hz and none at the Nyquist frequency. Since x is real, X[2B - 1 - k] is the
conjugate of X[k]: the even bins k = 2m carry everything. For those, the second half of the sum
joins the first, because :math:`e^{-j \pi (n + B)(4m + 1) / 2B} = -j e^{-j \pi n (4m + 1) / 2B}`:

.. math:: X[2m] = \sum_{n=0}^{B-1} (x[n] - j x[n + B]) e^{-j \pi n / 2B} e^{-j 2 \pi n m / B}.

So the whole transform of 2B real samples is: put the current block into the imaginary part, turn
by the window :math:`w[n] = e^{-j \pi n / 2B}`, and take a complex DFT of B points. All B bins are
alike. A product of two such spectra belongs to the circular convolution whose wrapped part changes
its sign [2]_; with a filter that fills the first half alone, the wrap touches only the half that
overlap-save drops. Backwards: inverse DFT, turn back by the conjugate window; the real part is the
first half and minus the imaginary part the second, which is the output.

The DFT of B points is computed forward by decimation in frequency and backward by decimation in
time, so that neither reorders anything: spectra stay in bit-reversed order, and only products of
bins at the same place are ever taken. `head_order` and `level_order` say which bin stands where.

References
----------
.. [1] G. Bongiovanni, P. Corsini, G. Frosini, "One-dimensional and two-dimensional generalised
   discrete Fourier transforms", IEEE Trans. ASSP 24(1), 1976.
.. [2] R. E. Crandall, B. Fagin, "Discrete weighted transforms and large-integer arithmetic",
   Mathematics of Computation 62(205), 1994 (the right-angle convolution).
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from roomcal.units import ComplexArray, FloatArray

IntArray = NDArray[np.int64]
_LANES = 8  # numbers in a vector of the compiled code


def window(block: int) -> ComplexArray:
    """Return the turn by half a bin, e^(-j pi n / 2B), of shape (block,)."""
    return np.exp(-0.5j * np.pi * np.arange(block) / block)


def spectrum(previous: FloatArray, current: FloatArray) -> ComplexArray:
    """Odd-frequency DFT of two blocks in a row: the even bins, in natural order.

    Parameters
    ----------
    previous, current : (..., block) float array

    Returns
    -------
    X : (..., block) complex array
        Element m is X[2m], at the frequency (4m + 1) / (4 block) of the sample rate.
    """
    folded = (previous - 1j * current) * window(previous.shape[-1])
    return np.asarray(scipy.fft.fft(folded, axis=-1))


def bit_reversed(length: int) -> IntArray:
    """Return the bin that stands at each place after a DFT by decimation in frequency."""
    order = np.zeros(1, dtype=np.int64)
    while order.size < length:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def head_order(block: int) -> IntArray:
    """Bins of level 0, of shape (block / 8, 8): n = 8r + l, first over r, then over the lanes l.

    With B = 8G, the DFT splits into G-point DFTs over r for each lane, a turn by
    e^(-j 2 pi l k / B), and an 8-point DFT across the lanes: m = k + G k'.
    """
    groups = block // _LANES
    return bit_reversed(groups)[:, None] + groups * bit_reversed(_LANES)[None, :]


def level_order(rows: int, columns: int) -> IntArray:
    """Bins of a later level, of shape (rows / 8, columns, 8): n = columns r + c.

    The four-step DFT (Bailey 1990): over r for each column, a turn by e^(-j 2 pi c k / P), over c
    for each row; m = k + rows k'. Eight rows share a vector, so the lanes are the innermost axis.
    """
    over_rows = bit_reversed(rows).reshape(rows // _LANES, 1, _LANES)
    return over_rows + rows * bit_reversed(columns)[None, :, None]


def turns(order: IntArray, count: int) -> ComplexArray:
    """Return the turns e^(-j 2 pi k c / n) between two steps of a DFT, n = len(order) count.

    Parameters
    ----------
    order : (n_first,) int array
        Bin k of the first step at each place.
    count : int
        Points c of the second step.

    Returns
    -------
    turn : (n_first, count) complex array
    """
    phase = np.outer(order, np.arange(count)) % (order.size * count)
    return np.exp(-2j * np.pi * phase / (order.size * count))


def twiddles(length: int) -> FloatArray:
    """Factors of the radix-4 DFT in `fft`, pass after pass, real and imaginary parts in turn.

    A length that is an odd power of two begins with a radix-2 pass: w^j, j < n / 2. A radix-4 pass
    of n points holds w^j, w^2j and w^3j for j < n / 4, where w = e^(-j 2 pi / n); that of 4 points
    turns nothing and is left out.
    """
    parts, n = [np.zeros(0, dtype=np.complex128)], length
    if length.bit_length() % 2 == 0:
        parts.append(np.exp(-2j * np.pi * np.arange(n // 2) / n))
        n //= 2
    while n > 4:
        parts.append(np.exp(-2j * np.pi * np.outer(np.arange(n // 4), [1, 2, 3]) / n).ravel())
        n //= 4
    return np.concatenate([part.view(np.float64) for part in parts])


def lane_constants() -> FloatArray:
    """Signs and turns of the 8-point DFT across lanes, 7 vectors: see `fft.across_lanes`."""
    lane = np.arange(_LANES)
    signs = [np.where(lane & distance, -1.0, 1.0) for distance in (4, 2, 1)]
    turn_4 = np.where(lane & 4, np.exp(-2j * np.pi * (lane & 3) / 8), 1.0)
    turn_2 = np.where(lane & 2, np.exp(-2j * np.pi * (lane & 1) / 4), 1.0)
    return np.concatenate([*signs, turn_4.real, turn_4.imag, turn_2.real, turn_2.imag])


def cells(z: ComplexArray) -> FloatArray:
    """Lay complex numbers out in cells: 8 real parts, then their 8 imaginary parts.

    Parameters
    ----------
    z : (..., 8 n) complex array

    Returns
    -------
    flat : (..., 16 n) float array
    """
    grouped = z.reshape(*z.shape[:-1], -1, _LANES)
    both = np.stack([grouped.real, grouped.imag], axis=-2)
    return both.reshape(*z.shape[:-1], -1)

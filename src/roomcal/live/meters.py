"""How large a signal is: at its samples, and between them."""

from typing import Any

import numpy as np

from roomcal.convolver.compiled import compiled, inlined, without_nan
from roomcal.live.memory import TRUE_PEAK_TAPS, Numbers, samples
from roomcal.live.pointers import bits_of_float, float_of_bits

_MAGNITUDE = 0x7FFFFFFF  # of the bits of a 32-bit float: all but the sign

# Interpolation to four times the sample rate (ITU-R BS.1770-5, annex 2, table of coefficients);
# phases 2 and 3 are phases 1 and 0 backwards.
_PHASE_0 = (
    *(0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000),
    *(-0.0594482421875, 0.1373291015625, 0.9721679687500, -0.1022949218750),
    *(0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500),
)
_PHASE_1 = (
    *(-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250),
    *(-0.1665039062500, 0.4650878906250, 0.7797851562500, -0.2003173828125),
    *(0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375),
)
TRUE_PEAK_FILTERS = (_PHASE_0, _PHASE_1, _PHASE_1[::-1], _PHASE_0[::-1])
# No interpolated value exceeds the largest sample by more: the sum of a filter's magnitudes.
_GROWTH = 2.03


@compiled
def peak_bits(bits: Any) -> int:
    """Return the largest magnitude of some 32-bit floats, as bits.

    Magnitudes and their bits have the same order, and infinity and NaN stand above all numbers:
    one pass finds the peak and every fault.
    """
    largest = np.int32(0)
    for n in range(bits.size):
        largest = max(largest, np.int32(bits[n] & _MAGNITUDE))
    return int(largest)


@inlined
def peak_of(bits: Any) -> float:
    """Return the largest magnitude of some 32-bit floats that are numbers."""
    return float_of_bits(peak_bits(bits))


@without_nan
def sum_of(x: Any) -> float:
    """Return the sum of some samples that are numbers."""
    total = 0.0
    for n in range(x.size):
        total += x[n]
    return total


@compiled
def count_above(y: Any, limit: float) -> int:
    """Count the samples whose magnitude exceeds a limit."""
    above = 0
    for n in range(y.size):
        if abs(y[n]) > limit:
            above += 1
    return above


@inlined
def tap(numbers: Numbers, at: int) -> Any:
    """Return a coefficient as a 32-bit float, so that eight fit where four would."""
    return np.float32(numbers[at])


@without_nan
def interpolated_peak(numbers: Numbers, y_at: int, channel: int, count: int, phase: int) -> float:
    """Return the largest magnitude at one of four positions between samples.

    As bits, for the largest of many integers is found 16 at a time, that of many floats is not.
    """
    at = TRUE_PEAK_TAPS + 12 * phase
    a, b, c, d = tap(numbers, at), tap(numbers, at + 1), tap(numbers, at + 2), tap(numbers, at + 3)
    at += 4
    e, f, g, h = tap(numbers, at), tap(numbers, at + 1), tap(numbers, at + 2), tap(numbers, at + 3)
    at += 4
    i, j, k, m = tap(numbers, at), tap(numbers, at + 1), tap(numbers, at + 2), tap(numbers, at + 3)
    # The signal and what came before it, as arrays that are all read at the same place.
    y0, y1 = samples(y_at, channel, 0, count), samples(y_at, channel, -1, count)
    y2, y3 = samples(y_at, channel, -2, count), samples(y_at, channel, -3, count)
    y4, y5 = samples(y_at, channel, -4, count), samples(y_at, channel, -5, count)
    y6, y7 = samples(y_at, channel, -6, count), samples(y_at, channel, -7, count)
    y8, y9 = samples(y_at, channel, -8, count), samples(y_at, channel, -9, count)
    y10, y11 = samples(y_at, channel, -10, count), samples(y_at, channel, -11, count)
    largest = np.int32(0)
    for n in range(count):
        sample = a * y0[n] + b * y1[n] + c * y2[n] + d * y3[n]
        sample += e * y4[n] + f * y5[n] + g * y6[n] + h * y7[n]
        sample += i * y8[n] + j * y9[n] + k * y10[n] + m * y11[n]
        largest = max(largest, np.int32(bits_of_float(sample) & _MAGNITUDE))
    return float_of_bits(largest)


@compiled
def true_peak(
    numbers: Numbers, y_at: int, channel: int, count: int, sample_peak: float, known: float
) -> float:
    """Return the true peak of a piece if it exceeds the known one, else the known one.

    `sample_peak` is that of the piece with its margin. A piece that cannot exceed what is known
    costs nothing.
    """
    known = max(known, sample_peak)
    if sample_peak * _GROWTH <= known:
        return known
    for phase in range(4):
        known = max(known, interpolated_peak(numbers, y_at, channel, count, phase))
    return known

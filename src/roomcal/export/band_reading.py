"""Bands that were read, as a device plays them: by the analogue prototypes, not by our formulae.

A peak is (s^2 + A s / Q + 1) / (s^2 + s / (A Q) + 1) with A^2 its gain, a low shelf
A (s^2 + sqrt(A) s / Q + A) / (A s^2 + sqrt(A) s / Q + 1), a high shelf the same with 1 / s; the
bilinear transform then keeps the frequency (R. Bristow-Johnson's cookbook, its derivation).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from roomcal.export.by_hand import ByHand
from roomcal.model.filter_bank import FilterBank, PathStructure
from roomcal.units import FloatArray

_LENGTH_S = 2.7  # bands of a correction have rung out by then
_SPARE = 128  # for a delay
_FADED_FROM = 0.45  # of the sample rate; nothing is compared above

# Kind, frequency in Hz, gain in dB, Q.
Band = tuple[str, float, float, float]


def band_coefficients(band: Band, fs: int) -> tuple[FloatArray, FloatArray]:
    """Return b and a of a band at one sample rate."""
    from scipy.signal import bilinear

    kind, f_hz, gain_db, q = band
    A = 10.0 ** (gain_db / 40.0)
    root = np.sqrt(A) / q
    prototypes: dict[str, tuple[list[float], list[float]]] = {
        "peak": ([1.0, A / q, 1.0], [1.0, 1.0 / (A * q), 1.0]),
        "low shelf": ([A, A * root, A * A], [A, root, 1.0]),
        "high shelf": ([A * A, A * root, A], [1.0, root, A]),
    }
    if not 0.0 < f_hz < 0.5 * fs or not q > 0.0:
        raise ValueError(f"a band at {f_hz:g} Hz with Q {q:g} at {fs} Hz")
    b, a = bilinear(*prototypes[kind], fs=0.5 / np.tan(np.pi * f_hz / fs))
    return np.asarray(b), np.asarray(a)


def played(
    sections: Sequence[tuple[FloatArray, FloatArray]],
    fs: int,
    by_hand: ByHand,
    fir: FloatArray | None = None,
) -> FloatArray:
    """Return the taps of a chain of sections with what is set by hand."""
    from scipy.signal import lfilter

    n = 1 << int(np.ceil(np.log2(_LENGTH_S * fs)))
    h = np.zeros(n)
    taps = np.ones(1) if fir is None else fir
    if taps.size > n // 2:
        raise ValueError(f"a FIR of {taps.size} taps")
    h[_SPARE : _SPARE + taps.size] = taps
    for b, a in sections:
        if np.abs(np.roots(a)).max(initial=0.0) >= 1.0:
            raise ValueError(f"a section is not stable: {a}")
        h = np.asarray(lfilter(b, a, h))
    f = np.arange(n // 2 + 1) / n
    # Faded out next to half the sample rate: a sharp end there would ring for ever.
    fade = 0.5 + 0.5 * np.cos(np.pi * np.clip((f - _FADED_FROM) / (0.5 - _FADED_FROM), 0.0, 1.0))
    shift = np.exp(-2j * np.pi * f * by_hand.delay_s * fs)
    h = np.fft.irfft(np.fft.rfft(h) * fade * shift, n)
    gain = 10.0 ** (by_hand.gain_db / 20.0)
    return np.asarray(-gain * h if by_hand.inverted else gain * h)


def bank_of_channels(fs: int, rows: Mapping[str, FloatArray]) -> FilterBank:
    """Channels without a path from one to another."""
    names = tuple(rows)
    taps = np.zeros((len(names), len(names), max(row.size for row in rows.values())))
    for n, name in enumerate(names):
        taps[n, n, : rows[name].size] = rows[name]
    paths = tuple(PathStructure(name, name) for name in names)
    return FilterBank(taps, fs, names, names, paths=paths)

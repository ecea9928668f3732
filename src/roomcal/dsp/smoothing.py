"""Smooth a power spectrum over a width that grows with frequency, in O(N)."""

from collections.abc import Iterable
from typing import Literal, cast

import numpy as np

from roomcal.units import FloatArray, db_from_power, log_ramp

# Bands per octave, the ear's equivalent rectangular bandwidth, a third of an octave in the bass and
# a sixth above with peaks counting more, or the mix that design uses.
Width = int | Literal["erb", "psychoacoustic", "variable"]
NAMED_WIDTHS = ("erb", "psychoacoustic", "variable")
FINEST, COARSEST = 48, 1  # windows per octave that are worth a name
# Room EQ Wizard's rule (its help, "Graph Panel", smoothing): 1/3 octave up to 100 Hz, 1/6 octave
# from 1 kHz, blended between, and the cubic mean of the magnitude.
_PSYCHOACOUSTIC_HZ = (100.0, 1000.0)
_PSYCHOACOUSTIC_WIDTHS = (3, 6)
_CUBIC = 1.5  # the exponent of a power that makes it the cube of a magnitude


def band_edges_hz(f_hz: FloatArray, width: Width) -> tuple[FloatArray, FloatArray]:
    """Lower and upper edge of the smoothing window around each frequency.

    Parameters
    ----------
    f_hz : (n,) float array
    width : int or "erb" or "psychoacoustic"
        Windows per octave (12 is 1/12 octave), one equivalent rectangular bandwidth, or a third
        of an octave up to 100 Hz, a sixth from 1 kHz on and what lies between.

    Returns
    -------
    low_hz, high_hz : (n,) float array

    Notes
    -----
    ERB = 24.7 (4.37 f / 1000 + 1) Hz (Glasberg and Moore, Hearing Research 47, 1990, equation 3).
    """
    if width == "erb":
        half = 24.7 * (4.37 * f_hz / 1000.0 + 1.0) / 2.0
        return np.maximum(f_hz - half, 0.0), f_hz + half
    if width == "psychoacoustic":
        share = log_ramp(f_hz, _PSYCHOACOUSTIC_HZ)
        coarse, fine = _PSYCHOACOUSTIC_WIDTHS
        half = 2.0 ** (0.5 / coarse + share * (0.5 / fine - 0.5 / coarse))
        return f_hz / half, f_hz * half
    if not isinstance(width, int) or width < 1:
        raise ValueError(f"unknown smoothing {width=}")
    half_step = 2.0 ** (0.5 / width)
    return f_hz / half_step, f_hz * half_step


def smoothed_power(power: FloatArray, bin_hz: float, f_hz: FloatArray, width: Width) -> FloatArray:
    """Mean power in a rectangular window around each wanted frequency.

    Parameters
    ----------
    power : (..., n_bins) float array
        Power at 0, `bin_hz`, 2 `bin_hz`, ... Each bin is taken as constant over its own width.
    bin_hz : float
    f_hz : (n,) float array
        Where the smoothed power is wanted.
    width : int or "erb" or "psychoacoustic" or "variable"
        See `band_edges_hz`; "psychoacoustic" takes the cubic mean of the magnitude; "variable" is
        1/12 octave below 150 Hz, 1/6 octave to 500 Hz and ERB above 1.5 kHz, blended in between.

    Returns
    -------
    smoothed : (..., n) float array
    """
    if width == "variable":
        return _variable_width(power, bin_hz, f_hz)
    if width == "psychoacoustic":
        return np.asarray(_window_mean(power**_CUBIC, bin_hz, f_hz, width) ** (1.0 / _CUBIC))
    return _window_mean(power, bin_hz, f_hz, width)


def parse_width(text: str) -> Width:
    """Read a smoothing as people write it: 1/6, 6, erb, psychoacoustic, variable.

    Raises
    ------
    ValueError
        For anything else; the message names what there is.
    """
    for name in NAMED_WIDTHS:
        if text.strip().lower() == name:
            return cast("Width", name)
    number = text.strip().removeprefix("1/")
    if number.isdecimal() and COARSEST <= int(number) <= FINEST:
        return int(number)
    raise ValueError(
        f"{text!r} is no smoothing; there are 1/{COARSEST} to 1/{FINEST} octave, "
        f"{', '.join(NAMED_WIDTHS[:-1])} and {NAMED_WIDTHS[-1]}"
    )


def width_text(width: Width) -> str:
    """Write a smoothing as people do: 1/6 octave, ERB, psychoacoustic, variable."""
    if isinstance(width, int):
        return f"1/{width} octave"
    return "ERB" if width == "erb" else width


def smoothed_powers(
    power: FloatArray, bin_hz: float, f_hz: FloatArray, widths: Iterable[Width]
) -> dict[Width, FloatArray]:
    """Smooth one power spectrum over several widths, with one running sum for all.

    Parameters
    ----------
    power, bin_hz, f_hz
        As for `smoothed_power`.
    widths : iterable of int or "erb"

    Returns
    -------
    smoothed : mapping of width to (..., n) float array
    """
    n_bins = power.shape[-1]
    total = np.zeros((*power.shape[:-1], n_bins + 1))
    np.cumsum(power, axis=-1, out=total[..., 1:])
    smoothed = {}
    for width in widths:
        low_hz, high_hz = band_edges_hz(f_hz, width)
        low = np.clip(low_hz / bin_hz + 0.5, 0.0, n_bins - 1.0)
        high = np.clip(high_hz / bin_hz + 0.5, low + 1e-3, n_bins)
        smoothed[width] = (_at(total, high) - _at(total, low)) / (high - low)
    return smoothed


def _window_mean(power: FloatArray, bin_hz: float, f_hz: FloatArray, width: Width) -> FloatArray:
    """Mean within a window of one width."""
    return smoothed_powers(power, bin_hz, f_hz, (width,))[width]


def _at(total: FloatArray, index: FloatArray) -> FloatArray:
    """Linear interpolation of a running sum at fractional indices."""
    left = np.minimum(index.astype(np.intp), total.shape[-1] - 2)
    return total[..., left] + (index - left) * (total[..., left + 1] - total[..., left])


def _variable_width(power: FloatArray, bin_hz: float, f_hz: FloatArray) -> FloatArray:
    """Geometric blend of 1/12 octave, 1/6 octave and ERB smoothing."""
    fine, middle, coarse = smoothed_powers(power, bin_hz, f_hz, (12, 6, "erb")).values()
    to_middle = np.clip(np.log(f_hz / 150.0) / np.log(400.0 / 150.0), 0.0, 1.0)
    to_coarse = np.clip(np.log(f_hz / 500.0) / np.log(3.0), 0.0, 1.0)
    tiny = np.finfo(np.float64).tiny
    fine, middle, coarse = (np.log(np.maximum(p, tiny)) for p in (fine, middle, coarse))
    above = (1.0 - to_coarse) * middle + to_coarse * coarse
    return np.asarray(np.exp((1.0 - to_middle) * fine + to_middle * above))


def smoothed_level_db(
    h: FloatArray, fs: int, f_hz: FloatArray, width: Width, *, n_fft: int | None = None
) -> FloatArray:
    """Smoothed level of one or several responses, in dB re unity gain.

    Parameters
    ----------
    h : (..., n_samples) float array
    fs : int
    f_hz : (n,) float array
    width : int or "erb" or "psychoacoustic" or "variable"
    n_fft : int, optional
        Transform length; by default long enough to hold `h`.

    Returns
    -------
    level_db : (..., n) float array
    """
    n_fft = n_fft or h.shape[-1]
    power = np.abs(np.fft.rfft(h, n_fft)) ** 2
    return db_from_power(smoothed_power(power, fs / n_fft, f_hz, width))

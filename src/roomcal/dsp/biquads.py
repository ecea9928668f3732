"""Second-order filters of equalisers, and the taps that they ring to."""

import math

import numpy as np

from roomcal.units import FloatArray, ratio_from_db

DECAYED_DB = -140.0  # of the largest tap: what lies below is cut
_BLOCK = 4096


def q_from_bandwidth(octaves: float, f_hz: float, fs: int) -> float:
    """Return the Q of a bandwidth between the points of half the gain in dB, warped by the rate."""
    w = 2.0 * math.pi * f_hz / fs
    return 1.0 / (2.0 * math.sinh(0.5 * math.log(2.0) * octaves * w / math.sin(w)))


def q_from_slope(slope: float, gain_db: float) -> float:
    """Return the Q of a shelf with a slope; 1 is the steepest that does not overshoot."""
    A = 10.0 ** (gain_db / 40.0)
    return 1.0 / math.sqrt((A + 1.0 / A) * (1.0 / slope - 1.0) + 2.0)


def slope_from_q(q: float, gain_db: float) -> float:
    """Return the slope of a shelf with a Q: the inverse of `q_from_slope`."""
    A = 10.0 ** (gain_db / 40.0)
    return 1.0 / ((1.0 / (q * q) - 2.0) / (A + 1.0 / A) + 1.0)


def biquad(kind: str, f_hz: float, fs: int, *, q: float, gain_db: float = 0.0) -> FloatArray:
    """Coefficients of one second-order filter.

    Parameters
    ----------
    kind : str
        "peak", "low shelf", "high shelf", "low pass", "high pass", "band pass", "notch",
        "all pass", "first-order low pass" or "first-order high pass" (these have no `q`).
    f_hz : float
        Between 0 and half of `fs`.
    fs : int
    q : float
    gain_db : float
        Of a peak or a shelf.

    Returns
    -------
    section : (6,) float array
        b0, b1, b2, 1, a1, a2, with the signs of a transfer function.

    Notes
    -----
    R. Bristow-Johnson, Cookbook formulae for audio EQ biquad filter coefficients (W3C note, 2021).
    The band pass has 0 dB at its peak. Those of first order are 1 / (s + 1) and s / (s + 1) by the
    bilinear transform that keeps `f_hz`, where they are 3 dB down.
    """
    A = 10.0 ** (gain_db / 40.0)
    w = 2.0 * math.pi * f_hz / fs
    c, alpha = math.cos(w), math.sin(w) / (2.0 * q)
    plain = (1.0 + alpha, -2.0 * c, 1.0 - alpha)
    root = 2.0 * math.sqrt(A) * alpha
    sign = 1.0 if kind == "low shelf" else -1.0
    below, above = (A + 1.0) - sign * (A - 1.0) * c, (A + 1.0) + sign * (A - 1.0) * c
    shelf_b = (
        A * (below + root),
        sign * 2.0 * A * ((A - 1.0) - sign * (A + 1.0) * c),
        A * (below - root),
    )
    shelf_a = (above + root, -sign * 2.0 * ((A - 1.0) + sign * (A + 1.0) * c), above - root)
    t = math.tan(0.5 * w)
    first_order = (1.0 + t, t - 1.0, 0.0)
    forms = {
        "first-order low pass": ((t, t, 0.0), first_order),
        "first-order high pass": ((1.0, -1.0, 0.0), first_order),
        "peak": (
            (1.0 + alpha * A, -2.0 * c, 1.0 - alpha * A),
            (1.0 + alpha / A, -2.0 * c, 1.0 - alpha / A),
        ),
        "low shelf": (shelf_b, shelf_a),
        "high shelf": (shelf_b, shelf_a),
        "low pass": (((1.0 - c) / 2.0, 1.0 - c, (1.0 - c) / 2.0), plain),
        "high pass": (((1.0 + c) / 2.0, -(1.0 + c), (1.0 + c) / 2.0), plain),
        "band pass": ((alpha, 0.0, -alpha), plain),
        "notch": ((1.0, -2.0 * c, 1.0), plain),
        "all pass": ((1.0 - alpha, -2.0 * c, 1.0 + alpha), plain),
    }
    b, a = forms[kind]
    return np.array([*b, *a]) / a[0]


def is_stable(section: FloatArray) -> bool:
    """Tell whether a section decays: both poles lie inside of the unit circle."""
    _, a1, a2 = section[3:] / section[3]
    return bool(abs(a2) < 1.0 and abs(a1) < 1.0 + a2)


def rendered(
    sections: FloatArray, *, gain_db: float, delay_samples: int, most_taps: int
) -> tuple[FloatArray, bool]:
    """Return the taps of a chain of sections, and whether they had decayed before `most_taps`.

    Parameters
    ----------
    sections : (n_sections, 6) float array
    gain_db : float
    delay_samples : int
    most_taps : int

    Returns
    -------
    taps : (n_taps,) float array
    decayed : bool
        False if the filter still rings at the end.
    """
    from scipy.signal import sosfilt

    x = np.zeros(most_taps)
    x[delay_samples] = ratio_from_db(gain_db)
    y = np.asarray(sosfilt(sections, x)) if len(sections) else x
    loud = np.flatnonzero(np.abs(y) > ratio_from_db(DECAYED_DB) * np.abs(y).max())
    needed = int(loud[-1]) + 1
    n = min(most_taps, -(-needed // _BLOCK) * _BLOCK)
    return y[:n], needed < most_taps - _BLOCK

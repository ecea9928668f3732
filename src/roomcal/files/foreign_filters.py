"""What a file of another program says about filters, before they are taps."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from roomcal.dsp.biquads import biquad, is_stable, q_from_bandwidth, q_from_slope, slope_from_q
from roomcal.errors import InputError
from roomcal.files.number_text import line_error
from roomcal.model.biquad import Biquad, BiquadKind
from roomcal.model.curve import Curve
from roomcal.units import FloatArray

MOST_FILTERS = 500  # of one file; the largest reports have some dozens
LEVEL_LIMIT_DB = 60.0
LOWEST_HZ, HIGHEST_HZ = 1.0, 200_000.0
LARGEST_Q = 1000.0
LONGEST_DELAY_S = 1.0


@dataclass(frozen=True)
class Filter:
    """One filter in a list of an equaliser.

    Attributes
    ----------
    width : float
        In the unit that `width_kind` names: "q", "octaves" or "slope".
    is_corner : bool
        The frequency is a shelf's corner; otherwise it is its centre.
    curve : Curve or None
        The level of a graphic equaliser, which has no other numbers.
    coefficients : tuple of float
        b0, b1, b2, 1, a1, a2 of a filter that is given by them; its rate is that of the file.
    """

    kind: str
    f_hz: float = 0.0
    gain_db: float = 0.0
    width: float = 1.0
    width_kind: str = "q"
    is_corner: bool = False
    curve: Curve | None = None
    coefficients: tuple[float, ...] = ()
    line: int = 0


@dataclass
class Channel:
    """Everything that one channel goes through."""

    filters: list[Filter] = field(default_factory=list)
    gain_db: float = 0.0
    delay_s: float = 0.0
    inverted: bool = False


@dataclass
class ForeignFilters:
    """The filters of one file."""

    channels: dict[str, Channel]
    notes: list[str] = field(default_factory=list)
    needs_rate: bool = False  # coefficients are of one rate, which the file does not say


def check_filter(path: Path, found: Filter) -> Filter:
    """Refuse a filter with a number that no equaliser has.

    Raises
    ------
    InputError
        RC-307 with the line.
    """
    where = found.line
    if not LOWEST_HZ <= found.f_hz <= HIGHEST_HZ:
        raise line_error(path, where, f"a frequency of {found.f_hz:g} Hz")
    if abs(found.gain_db) > LEVEL_LIMIT_DB:
        raise line_error(path, where, f"a gain of {found.gain_db:g} dB")
    if not 1.0 / LARGEST_Q <= found.width <= LARGEST_Q:
        raise line_error(path, where, f"a width of {found.width:g}")
    return found


def section(found: Filter, fs: int, wrong: Callable[[int, str], InputError]) -> FloatArray:
    """Return the coefficients of a filter at one rate, (6,)."""
    if found.coefficients:
        row = np.array(found.coefficients)
    else:
        f_hz, q = _centre_and_q(found, fs, wrong)
        row = biquad(found.kind, f_hz, fs, q=q, gain_db=found.gain_db)
    if not np.isfinite(row).all() or not is_stable(row):
        raise wrong(found.line, f"it is not stable at {fs} Hz")
    return row


def band(found: Filter, fs: int, wrong: Callable[[int, str], InputError]) -> Biquad | None:
    """Return a filter as a band of an equaliser, if it is a peak or a shelf."""
    kind: BiquadKind
    for kind in ("peak", "low shelf", "high shelf"):
        if found.kind == kind and not found.coefficients:
            f_hz, q = _centre_and_q(found, fs, wrong)
            return Biquad(kind, f_hz, found.gain_db, q)
    return None


def _centre_and_q(
    found: Filter, fs: int, wrong: Callable[[int, str], InputError]
) -> tuple[float, float]:
    """Return the frequency and the Q of the cookbook, whatever the file names."""
    if found.f_hz >= 0.5 * fs:
        raise wrong(found.line, f"{found.f_hz:g} Hz is not below half of {fs} Hz")
    q, f_hz = found.width, found.f_hz
    if found.width_kind == "octaves":
        q = q_from_bandwidth(found.width, f_hz, fs)
    slope = found.width
    if found.width_kind == "slope":
        steepness = (10 ** (found.gain_db / 40) + 10 ** (-found.gain_db / 40)) * (1 / slope - 1)
        if steepness <= -2.0:
            raise wrong(found.line, f"a slope of {slope:g} is too steep for {found.gain_db} dB")
        q = q_from_slope(slope, found.gain_db)
    elif found.is_corner:
        slope = slope_from_q(q, found.gain_db)
    if found.is_corner:
        if slope <= 0.0:
            raise wrong(found.line, f"Q {q:g} gives a shelf of {found.gain_db:g} dB no slope")
        shift = 10.0 ** min(abs(found.gain_db) / 80.0 / slope, 10.0)
        f_hz = f_hz * shift if found.kind == "low shelf" else f_hz / shift
        if not 0.0 < f_hz < 0.5 * fs:
            raise wrong(found.line, f"its centre is at {f_hz:g} Hz, beyond half of {fs} Hz")
    return f_hz, q

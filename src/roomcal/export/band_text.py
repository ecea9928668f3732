"""Bands as numbers in a text: no more digits than they need, and never three in a frequency.

Equalizer APO takes a point three digits before the end of a frequency for a separator of thousands.
"""

from roomcal.model.biquad import Biquad

# A frequency is rounded to hundredths where that moves a flank by no more than this.
_FLANK_DB = 0.003

EQUALIZER_APO_KINDS = {"peak": "PK", "low shelf": "LSC", "high shelf": "HSC"}


def frequency_digits(band: Biquad) -> str:
    """Return the frequency with two decimals, or four where a narrow band in the bass needs them.

    The flank of a band changes by up to its gain within half of its width, f / (2 Q).
    """
    off_hz = abs(band.f_hz - round(band.f_hz, 2))
    moved_db = abs(band.gain_db) * off_hz * 2.0 * band.q / band.f_hz
    return f"{band.f_hz:.2f}" if moved_db <= _FLANK_DB else f"{band.f_hz:.4f}"


def gain_digits(gain_db: float) -> str:
    """Return a gain with two decimals; zero has no sign."""
    text = f"{gain_db:.2f}"
    return "0.00" if text == "-0.00" else text


def q_digits(band: Biquad) -> str:
    """Return Q with three decimals."""
    return f"{band.q:.3f}"

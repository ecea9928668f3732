"""Taps of a correction that is made of bands, alone or with a short FIR above them."""

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet
from roomcal.design.assemble import minimum_phase_taps
from roomcal.design.cap import capped
from roomcal.design.device_limits import device_limits
from roomcal.design.grid import Band
from roomcal.design.peq import fit_peq, sections_of
from roomcal.dsp.biquads import rendered
from roomcal.model.biquad import Biquad
from roomcal.model.design_spec import DesignSpec
from roomcal.units import ComplexArray, FloatArray, db_from_ratio, frequency_text, log_ramp

# A hybrid hands over from bands to FIR within an octave.
_HANDOVER = 2.0**0.5
_CAP_PASSES, _CAP_DONE_DB = 8, 0.05


def parametric_taps(
    f_hz: FloatArray,
    correction_db: FloatArray,
    aligned: AlignedSet,
    spec: DesignSpec,
    *,
    n_taps: int,
    middle: Band,
) -> tuple[FloatArray, tuple[Biquad, ...], tuple[str, ...]]:
    """Fit bands to a correction, and a FIR to what they leave where one is asked for.

    Parameters
    ----------
    f_hz, correction_db : (n,) float array
        On the design grid.
    aligned : AlignedSet
    spec : DesignSpec
        `peq`, `device_limits`, `hybrid_hz`, and `taps` for the length of the FIR.
    n_taps : int
        Of the whole.
    middle : Band

    Returns
    -------
    taps : (n_taps,) float array
    biquads : tuple of Biquad
    notes : tuple of str
    """
    fs = aligned.fs
    wanted_db, high_hz = correction_db, spec.high_hz
    if spec.hybrid_hz:
        edges = (spec.hybrid_hz / _HANDOVER, spec.hybrid_hz * _HANDOVER)
        wanted_db = correction_db * (1.0 - log_ramp(f_hz, edges))
        high_hz = edges[1]
    fit = fit_peq(
        wanted_db,
        f_hz,
        fs,
        bands=spec.peq,
        limits=device_limits(spec.device_limits),
        range_hz=(spec.low_hz, high_hz),
        max_boost_db=spec.max_boost_db,
    )
    bands, _ = rendered(
        sections_of(fit.biquads, fs), gain_db=0.0, delay_samples=0, most_taps=n_taps
    )
    taps = np.zeros(n_taps)
    taps[: bands.size] = bands
    if not spec.hybrid_hz:
        return taps, fit.biquads, fit.notes
    n_fir = min(max(1, round(spec.taps * fs / 48000.0)), n_taps)
    above = log_ramp(f_hz, edges)
    rest_db = (correction_db - fit.level_db) * above
    fir = minimum_phase_taps(f_hz, rest_db, fs, n_taps=n_fir)
    n_fft = scipy.fft.next_fast_len(2 * n_taps, real=True)
    H = scipy.fft.rfft(taps, n_fft)
    most_db = spec.max_boost_db
    for _ in range(_CAP_PASSES):  # what bands and FIR add in the handover counts together
        fir = capped(fir, fs, max_boost_db=most_db, middle=middle)
        both = H * scipy.fft.rfft(fir, n_fft)
        excess_db = _most_boost_db(both, fs, middle) - spec.max_boost_db
        if excess_db <= _CAP_DONE_DB:
            break
        most_db = max(most_db - excess_db, 0.0)
    note = (
        f"hybrid: {len(fit.biquads)} bands below {frequency_text(spec.hybrid_hz)}, "
        f"a FIR of {n_fir} taps above"
    )
    return np.asarray(scipy.fft.irfft(both, n_fft)[:n_taps]), fit.biquads, (note, *fit.notes[1:])


def _most_boost_db(H: ComplexArray, fs: int, middle: Band) -> float:
    """Largest gain of a half spectrum re the median gain in `middle`."""
    level_db = db_from_ratio(H)
    f = np.linspace(0.0, fs / 2.0, H.size)
    return float(level_db.max() - np.median(level_db[middle.covers(f)]))

"""An impulse response out of a level and a phase over frequency."""

import numpy as np
import scipy.fft

from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.model.curve import Curve
from roomcal.units import FloatArray, ratio_from_db

DURATION_S = 2.0  # of the response; longer than any room that is corrected rings
TIME_ZERO_S = 0.125  # of the file's time 0: room for what comes before
# A phase that turns further between two points could have turned the other way.
MOST_TURN_DEG = 150.0
LONGEST_S = 6.0  # of a transform whose bins are taken as they are
ON_BIN = 0.01  # of a step: how far printing rounds a frequency
FADE_OCTAVES = 1.0  # beyond what the curve holds


def share_of_wide_turns(curve: Curve) -> float:
    """Share of the points from which on the phase cannot be followed safely."""
    return float(np.mean(np.abs(_turns_deg(curve)) > MOST_TURN_DEG))


def response_from_curve(curve: Curve, fs: int, *, reference_db: float = 0.0) -> FloatArray:
    """Transform a curve to the time in which it was measured.

    Parameters
    ----------
    curve : Curve
        Without a phase, the least phase that belongs to the level is taken.
    fs : int
    reference_db : float
        Level of the curve that becomes 1.

    Returns
    -------
    h : (n_samples,) float array
        `DURATION_S` long, or one turn of the transform whose bins the points are; time 0 of the
        curve is at `TIME_ZERO_S`.

    Notes
    -----
    Evenly spaced points are the bins of a transform and are taken as they are. Points with other
    spacing are interpolated over frequency, real and imaginary part, after the delay that all of
    them share is taken out. Beyond the first and the last point the level is held and faded out
    over an octave.
    """
    n_fft = _bins_of(curve, fs) or 2 * scipy.fft.next_fast_len(round(DURATION_S * fs), real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    if curve.phase_deg is None:
        level_db = np.interp(f, curve.f_hz, curve.level_db) - reference_db
        H = minimum_phase_spectrum(ratio_from_db(level_db))
    else:
        delay_s = _common_delay_s(curve)
        turned = np.radians(curve.phase_deg) + 2.0 * np.pi * delay_s * curve.f_hz
        points = ratio_from_db(curve.level_db - reference_db) * np.exp(1j * turned)
        H = np.interp(f, curve.f_hz, points.real) + 1j * np.interp(f, curve.f_hz, points.imag)
        H = H * np.exp(-2j * np.pi * f * delay_s)
    n_zero = round(TIME_ZERO_S * fs)
    H = H * _fade(f, curve) * np.exp(-2j * np.pi * f * n_zero / fs)
    h = np.asarray(scipy.fft.irfft(H, n_fft))
    return h[: round(DURATION_S * fs)] if curve.phase_deg is None else h


def _bins_of(curve: Curve, fs: int) -> int:
    """Length of the transform whose bins the points are; 0 if they are none."""
    step_hz = float(curve.f_hz[-1] - curve.f_hz[0]) / max(curve.f_hz.size - 1, 1)
    n_fft = round(fs / step_hz)
    n_fft += n_fft % 2
    first = round(float(curve.f_hz[0]) / step_hz)
    bins_hz = (first + np.arange(curve.f_hz.size)) * fs / n_fft
    known = curve.phase_deg is not None and n_fft <= LONGEST_S * fs and n_fft >= 2 * curve.f_hz.size
    off = np.abs(curve.f_hz - bins_hz).max()
    return n_fft if known and first > 0 and off < ON_BIN * step_hz else 0


def _common_delay_s(curve: Curve) -> float:
    """Delay of most of the energy, from how the phase turns between neighbours."""
    turns = _turns_deg(curve)
    delays_s = -turns / 360.0 / np.diff(curve.f_hz)
    weight = np.diff(np.log(curve.f_hz)) * ratio_from_db(2.0 * _relative(curve.level_db[1:]))
    order = np.argsort(delays_s)
    total = np.cumsum(weight[order])
    return float(delays_s[order][np.searchsorted(total, 0.5 * total[-1])])


def _turns_deg(curve: Curve) -> FloatArray:
    """How far the phase turns from point to point, the shorter way round, (n - 1,)."""
    phase = np.zeros(curve.f_hz.size) if curve.phase_deg is None else curve.phase_deg
    turns = np.diff(phase)
    return turns - 360.0 * np.round(turns / 360.0)


def _relative(level_db: FloatArray) -> FloatArray:
    """Level re the largest."""
    return level_db - level_db.max()


def _fade(f: FloatArray, curve: Curve) -> FloatArray:
    """Fade over an octave beyond both ends of a curve; 1 within."""
    octaves = np.maximum(
        np.log2(curve.f_hz[0] / np.maximum(f, 1e-9)),
        np.log2(np.maximum(f, 1e-9) / curve.f_hz[-1]),
    )
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(octaves / FADE_OCTAVES, 0.0, 1.0))

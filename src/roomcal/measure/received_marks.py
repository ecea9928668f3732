"""How the timing marks of a take arrived: how loud each was, and whether something covered it."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from roomcal.dsp.delay import refined_delay
from roomcal.dsp.resample import sample_at
from roomcal.dsp.sweep_signal import MARK_DURATION_S, mark_band_hz
from roomcal.measure.clock import ClockLine
from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray, db_from_power, db_from_ratio

_LEAD_S = 0.01
_ROOM_S = 0.06  # what is compared after a mark; over a cable it holds the flight, too
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, eq=False)
class ReceivedMarks:
    """The marks of a take, each against the median of all.

    Attributes
    ----------
    level_db : (n_marks,) float array
        Of what they have in common, re the median.
    uncertainty_db : float
        What noise alone makes of a level, rms.
    disturbance_db : (n_marks,) float array
        What they do not have in common, re the mark itself.
    noise_db : float
        What noise alone makes of it.
    """

    level_db: FloatArray
    uncertainty_db: float
    disturbance_db: FloatArray
    noise_db: float

    def __post_init__(self) -> None:
        for name in ("level_db", "disturbance_db"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


def received_marks(x: FloatArray, clock: ClockLine, fs: int, *, noise: FloatArray) -> ReceivedMarks:
    """Compare the marks of a take with each other.

    Parameters
    ----------
    x : (n_samples,) float array
        The microphone.
    clock : ClockLine
        Where the marks are, within `_LEAD_S` before and `_ROOM_S` after.
    fs : int
    noise : (n_noise,) float array
        Recorded while nothing played.
    """
    lead = round(_LEAD_S * fs)
    size = lead + round((MARK_DURATION_S + _ROOM_S) * fs)
    offsets = np.arange(size) - lead
    pieces = np.stack([_read(x, at + offsets) for at in clock.mark_samples])
    n_fft = scipy.fft.next_fast_len(2 * size, real=True)
    f = scipy.fft.rfftfreq(n_fft, 1.0 / fs)
    low_hz, high_hz = mark_band_hz(fs)
    band = (f >= low_hz) & (f <= high_hz)
    spectra = scipy.fft.rfft(pieces, n_fft) * band
    # Over a cable the flight through moving air is not in the clock: align once more.
    w = 2.0 * np.pi * np.arange(f.size) / n_fft
    reference = spectra[0]
    late = np.array([refined_delay(s * np.conj(reference), 0.0) for s in spectra])
    aligned = spectra * np.exp(1j * w * (late - late.mean())[:, None])
    common = np.median(aligned.real, axis=0) + 1j * np.median(aligned.imag, axis=0)
    energy = max(float(np.sum(np.abs(common) ** 2)), _TINY)
    gain = np.real(aligned @ np.conj(common)) / energy
    left = np.sum(np.abs(aligned - gain[:, None] * common) ** 2, axis=1)
    # Of a piece of noise, per bin; neighbouring bins are not independent, hence n_fft / size.
    noise_power = band * _mean_power(noise, size, n_fft)
    shared = float(np.sum(np.abs(common) ** 2 * noise_power))
    gain_rms = np.sqrt(shared * n_fft / (2.0 * size)) / energy
    return ReceivedMarks(
        level_db=db_from_ratio(gain / np.median(gain)),
        uncertainty_db=float(20.0 / np.log(10.0) * gain_rms),
        disturbance_db=db_from_power(left / energy),
        noise_db=float(db_from_power(noise_power.sum() / energy)),
    )


def _mean_power(noise: FloatArray, size: int, n_fft: int) -> FloatArray:
    """Mean power of half-overlapping pieces of noise, (n_fft // 2 + 1,)."""
    if noise.size < size:
        return np.abs(scipy.fft.rfft(noise, n_fft)) ** 2 * (size / max(noise.size, 1))
    pieces = np.lib.stride_tricks.sliding_window_view(noise, size)[:: max(size // 2, 1)]
    return np.asarray(np.mean(np.abs(scipy.fft.rfft(pieces, n_fft)) ** 2, axis=0))


def _read(x: FloatArray, positions: FloatArray) -> FloatArray:
    """Read samples at fractional positions, from the part of the recording around them."""
    first = max(0, int(positions[0]) - 200)
    return sample_at(x[first : int(positions[-1]) + 200], positions - first)

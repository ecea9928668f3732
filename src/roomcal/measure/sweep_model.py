"""What a recorded sweep must look like if nothing but speaker, room and microphone were there.

The response of a sweep, its harmonics included, is cut to the time in which it can sound, and
played again: what the recording holds beyond that came from elsewhere.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft

from roomcal.dsp.deconvolution import inverse_spectrum
from roomcal.dsp.sweep_signal import sweep_samples
from roomcal.model.arrays import frozen_array
from roomcal.model.sweep import Sweep
from roomcal.units import ComplexArray, FloatArray

_HARMONICS = 6.5  # up to the sixth; beyond, a speaker in use has nothing
_LEAD_S = 0.03  # before the earliest of them: filters that ring
_LEAD_FADE_S = 0.02
_TAIL_FADE = 1.0 / 16.0
# Nothing is regularised but what the sweep does not hold: the prediction has to be whole.
_LOW_HZ = 10.0
_OUTSIDE_DB = -70.0


@dataclass(frozen=True, eq=False)
class SweepModel:
    """Everything that belongs to a sweep and a length of recording.

    Attributes
    ----------
    stimulus : (n_stimulus,) float array
    spectrum, inverse : (n_fft // 2 + 1,) complex array
        Of the stimulus, and what undoes it.
    window : (n_fft,) float array
        Circular: 1 where a response may sound.
    """

    sweep: Sweep
    n_samples: int
    n_fft: int
    stimulus: FloatArray
    spectrum: ComplexArray
    inverse: ComplexArray
    window: FloatArray

    def __post_init__(self) -> None:
        for name in ("stimulus", "window"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))

    def response(self, segment: FloatArray, pre_samples: int) -> FloatArray:
        """Circular response of a recorded sweep, (n_fft,): time 0 at index 0, not cut.

        Parameters
        ----------
        segment : (n_samples,) float array
        pre_samples : int
            Index at which the sweep was sent.
        """
        h = scipy.fft.irfft(scipy.fft.rfft(segment, self.n_fft) * self.inverse, self.n_fft)
        return np.roll(h, -pre_samples)

    def prediction(self, h: FloatArray, pre_samples: int) -> FloatArray:
        """Return the recording that follows from a response, (n_samples,)."""
        y = scipy.fft.irfft(scipy.fft.rfft(h * self.window) * self.spectrum, self.n_fft)
        return np.roll(y, pre_samples)[: self.n_samples]


@lru_cache(maxsize=2)
def sweep_model(sweep: Sweep, n_samples: int, tail_samples: int) -> SweepModel:
    """Prepare the model of a sweep in recordings of one length.

    Parameters
    ----------
    sweep : Sweep
    n_samples : int
        Of a recorded sweep with its decay.
    tail_samples : int
        How long the room may sound.
    """
    stimulus = sweep_samples(sweep)
    n_fft = scipy.fft.next_fast_len(n_samples + stimulus.size, real=True)
    n_fft += n_fft % 2
    lead = round((sweep.rate_s * float(np.log(_HARMONICS)) + _LEAD_S) * sweep.fs)
    lead = min(lead, n_fft // 2)
    window = np.zeros(n_fft)
    window[:tail_samples] = 1.0
    n_tail = round(_TAIL_FADE * tail_samples)
    fall = np.cos(0.5 * np.pi * (np.arange(n_tail) + 0.5) / n_tail) ** 2
    window[tail_samples - n_tail : tail_samples] = fall
    window[-lead:] = np.clip(np.arange(lead) / (_LEAD_FADE_S * sweep.fs), 0.0, 1.0)
    return SweepModel(
        sweep=sweep,
        n_samples=n_samples,
        n_fft=n_fft,
        stimulus=stimulus,
        spectrum=scipy.fft.rfft(stimulus, n_fft),
        inverse=inverse_spectrum(stimulus, sweep.fs, n_fft, low_hz=_LOW_HZ, outside_db=_OUTSIDE_DB),
        window=window,
    )

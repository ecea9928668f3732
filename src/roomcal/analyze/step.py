"""What a speaker makes of a step: whether its drivers push together, and how low it reaches."""

from dataclasses import dataclass

import numpy as np

from roomcal.analyze.response import gate
from roomcal.dsp.arrival import arrival_sample
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray

_PEAK_WITHIN_S = 0.005  # of the direct sound: the step is shown re its peak there


@dataclass(frozen=True, eq=False)
class StepResponse:
    """Step response around the direct sound.

    Attributes
    ----------
    t_s : (n,) float array
        After the direct sound.
    value : (n,) float array
        Re the largest magnitude of the first 5 ms.
    """

    t_s: FloatArray
    value: FloatArray

    def __post_init__(self) -> None:
        for name in ("t_s", "value"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))


def step_response(response: ImpulseResponse, *, first_s: float, last_s: float) -> StepResponse:
    """Sum up an impulse response: pressure after a step at the input.

    Parameters
    ----------
    response : ImpulseResponse
    first_s, last_s : float
        Range that is wanted, re the direct sound.
    """
    h, fs = gate(response), response.fs
    arrival = arrival_sample(h, fs)
    step = np.cumsum(h)
    t = (np.arange(h.size) - arrival) / fs
    early = (t >= -_PEAK_WITHIN_S) & (t <= _PEAK_WITHIN_S)
    peak = float(np.abs(step[early]).max(initial=0.0))
    shown = (t >= first_s) & (t <= last_s)
    return StepResponse(t[shown], step[shown] / peak if peak > 0.0 else step[shown])

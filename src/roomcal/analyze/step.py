"""What a speaker makes of a step: whether its drivers push together, and how low it reaches."""

from dataclasses import dataclass

import numpy as np

from roomcal.analyze.response import gate
from roomcal.dsp.arrival import arrival_sample
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray


@dataclass(frozen=True, eq=False)
class StepResponse:
    """Step response around the direct sound.

    Attributes
    ----------
    t_s : (n,) float array
        After the direct sound.
    value : (n,) float array
        Re its largest magnitude.
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
    shown = (t >= first_s) & (t <= last_s)
    peak = float(np.abs(step[shown]).max(initial=0.0))
    return StepResponse(t[shown], step[shown] / peak if peak > 0.0 else step[shown])

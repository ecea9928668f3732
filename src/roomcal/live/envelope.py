"""The envelope over all outputs: open while there is sound, closed for every reason not to play.

It moves along a raised cosine, except where nothing was heard anyway.
"""

from typing import Any

import numba

from roomcal.convolver.compiled import compiled, inlined
from roomcal.convolver.swap import raised_cosine
from roomcal.live import memory as m
from roomcal.live.memory import Numbers, State
from roomcal.live.panel import (
    BAD_SIGNAL,
    DC,
    FADING,
    FEEDBACK,
    LATE,
    MUTED,
    NO_REASON,
    OVERLOAD,
    RUNNING,
    STARTING,
    STOP,
    STOPPED,
    integer_place,
)
from roomcal.live.pointers import doubles_at

START_S = 0.4  # the first 50 ms stay 28 dB below the signal, and more
STOP_S = 0.05  # no step above 1e-3 of full scale at 48 kHz
GUARD_FADE_S = 0.02  # feedback, and the way back after a fault of the signal
BAD_FADE_S = 0.005

_STATE, _REASON, _STOP = integer_place("state"), integer_place("reason"), integer_place("stop")


@compiled
def reason_to_close(state: State, integers: Any) -> int:
    """Return why nothing should be heard now, or NO_REASON."""
    if integers[_STOP]:
        return STOP
    if state[m.FEEDBACK_LATCHED]:
        return FEEDBACK
    if state[m.REST] > 0:
        return OVERLOAD
    if state[m.DC_LATCHED]:
        return DC
    return BAD_SIGNAL if state[m.BAD_LEFT] > 0 else NO_REASON


@inlined
def fade_s(reason: int) -> float:
    """Return how long the envelope takes to close."""
    if reason == BAD_SIGNAL:
        return BAD_FADE_S
    return GUARD_FADE_S if reason == FEEDBACK else STOP_S


@inlined
def rise_s(reason: int) -> float:
    """Return how long the envelope takes to open again."""
    return GUARD_FADE_S if reason in (BAD_SIGNAL, LATE) else START_S


@compiled
def apply_envelope(state: State, numbers: Numbers, integers: Any, count: int) -> None:
    """Move the envelope, and multiply the output by it."""
    reason, u = reason_to_close(state, integers), numbers[m.ENVELOPE]
    if reason == NO_REASON:
        step = 1.0 / (rise_s(state[m.REASON_NOW]) * state[m.FS])
        end = 1.0
    else:
        state[m.REASON_NOW] = reason
        step = -1.0 / (fade_s(reason) * state[m.FS])
        end = 0.0
    if u != end or u == 0.0:
        weights = numba.carray(doubles_at(state[m.NEED]), (count,))
        for n in range(count):
            u = min(max(u + step, 0.0), 1.0)
            weights[n] = raised_cosine(u)
        for output in range(state[m.N_OUTPUTS]):
            y = m.samples(state[m.Y], output, 0, count)
            for n in range(y.size):
                y[n] *= weights[n]
        numbers[m.ENVELOPE] = u
    if reason == NO_REASON:
        integers[_STATE] = RUNNING if u == 1.0 else STARTING
        if u == 1.0:
            state[m.REASON_NOW] = NO_REASON
    elif u > 0.0:
        integers[_STATE] = FADING
    else:
        integers[_STATE] = STOPPED if reason == STOP else MUTED
    integers[_REASON] = state[m.REASON_NOW]

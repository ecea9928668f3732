"""The last thing before the sound card: nothing leaves louder than -0.3 dBFS.

The gain that each frame needs is known for the whole block, so the limiter turns the level down
before a peak within the block, along a line, and only a peak at the very beginning meets it
unprepared: then the gain falls at once. No latency is added. With a lookahead, sound waits that
long and the gain is always down in time. All channels get the same gain: nothing moves sideways.
"""

from typing import Any

import numba

from roomcal.convolver.compiled import compiled, inlined, without_nan
from roomcal.live.memory import (
    DIP,
    DIP_WANTED,
    FS,
    LIMITER_ATTACK,
    LIMITER_GAIN,
    LIMITER_RELEASE,
    LINE,
    LOOKAHEAD,
    MAX_LOOKAHEAD,
    N_OUTPUTS,
    NEED,
    STRIDE,
    Numbers,
    State,
    Y,
    samples,
)
from roomcal.live.pointers import doubles_at, floats_at

CEILING_DBFS = -0.3
# A rounding of 32-bit floats below it: so that a product never ends above.
CEILING = 10.0 ** (CEILING_DBFS / 20.0) * (1.0 - 2.0**-22)
ATTACK_S = 0.001  # from 1 to 0, without a lookahead and where the block allows it
RELEASE_S = 0.08  # time constant
DIP_S = 0.34  # of the ceiling from 1 to 0, when a loop is asked for: no faster than a loop follows
_OPEN = 0.9999  # a gain above this is 1 again


@inlined
def waiting(state: State, output: int, first: int, count: int) -> Any:
    """Return some of the samples that wait in the limiter."""
    place = state[LINE] + 4 * (output * (MAX_LOOKAHEAD + STRIDE) + first)
    return numba.carray(floats_at(place), (count,))


@compiled
def append(line: Any, y: Any) -> None:
    """Copy samples."""
    for n in range(y.size):
        line[n] = y[n]


@without_nan
def largest_of(need: Any, line: Any) -> None:
    """Keep the largest magnitude of all outputs for every frame."""
    for n in range(line.size):
        need[n] = max(need[n], abs(line[n]))


@compiled
def limit(state: State, numbers: Numbers, count: int, peak: float) -> float:
    """Limit a piece of output in place; return the least gain.

    `peak` is the largest magnitude of the piece.
    """
    lookahead, n_outputs = state[LOOKAHEAD], state[N_OUTPUTS]
    gain = numbers[LIMITER_GAIN]
    dip, wanted = numbers[DIP], numbers[DIP_WANTED]
    if lookahead == 0 and peak <= CEILING and gain == 1.0 and dip == 1.0 and wanted == 1.0:
        return 1.0
    need = numba.carray(doubles_at(state[NEED]), (lookahead + count,))
    for n in range(need.size):
        need[n] = 0.0
    for output in range(n_outputs):
        append(waiting(state, output, lookahead, count), samples(state[Y], output, 0, count))
        largest_of(need, waiting(state, output, 0, lookahead + count))
    step = 1.0 / (DIP_S * state[FS])
    total = lookahead + count
    for n in range(total):
        dip = min(max(wanted, dip - step), dip + step)
        ceiling = CEILING * dip
        need[n] = ceiling / max(ceiling, need[n])
        if n == count - 1:
            numbers[DIP] = dip
    attack, release = numbers[LIMITER_ATTACK], numbers[LIMITER_RELEASE]
    for n in range(total - 2, -1, -1):
        need[n] = min(need[n], need[n + 1] + attack)
    least = 1.0
    for n in range(count):
        gain = min(need[n], gain + (1.0 - gain) * release)
        if gain > _OPEN and need[n] >= 1.0:
            gain = 1.0
        need[n] = gain
        least = min(least, gain)
    numbers[LIMITER_GAIN] = gain
    for output in range(n_outputs):
        line, y = waiting(state, output, 0, lookahead + count), samples(state[Y], output, 0, count)
        for n in range(y.size):
            y[n] = line[n] * need[n]
        for n in range(lookahead):
            line[n] = line[count + n]
    return least

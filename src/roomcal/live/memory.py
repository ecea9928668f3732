"""What the callback remembers: a table of integers and an array of numbers, allocated beforehand.

`state` (int64) holds addresses, sizes and what must be remembered from one callback to the next;
its address is all that the host hands to the callback. The names in capitals are places in it;
those of the second group are places in `numbers` (float64).
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from roomcal.convolver.compiled import inlined
from roomcal.live.panel import MAX_CHANNELS, N_INTEGERS, N_NUMBERS
from roomcal.live.pointers import doubles_at, floats_at, longs_at, words_at

State = NDArray[np.int64]
Numbers = NDArray[np.float64]

MAX_FRAMES = 8192  # of a piece of audio; longer blocks of the host are done in several
MARGIN = 16  # past samples before a piece, for what lies between samples; keeps the alignment
STRIDE = MARGIN + MAX_FRAMES
MAX_LOOKAHEAD = 1024  # frames

WINDOW_S = 0.005  # in which signals are judged
DC_WINDOWS = 20  # 100 ms: over which a mean is taken
PEAK_WINDOWS = 16  # 80 ms of peaks are remembered

# Places in `state`.
(
    ENGINE,  # address of `kernel.process_planar` for the engine's type of float
    TABLE,  # address of the engine's table
    POOL,  # address of its pool
    PANEL,  # address of the panel
    NUMBERS,  # address of `numbers`
    X,  # address of (MAX_CHANNELS, STRIDE) 32-bit floats: the input of a piece behind MARGIN
    Y,  # address of as many: the output
    LINE,  # address of (MAX_CHANNELS, MAX_LOOKAHEAD + STRIDE): output that waits in the limiter
    NEED,  # address of MAX_LOOKAHEAD + STRIDE doubles: the gain that each frame needs
    PORT_BUFFER,  # address of jack_port_get_buffer
    PORTS,  # addresses of the JACK ports: inputs, then outputs
    CLOCK_KIND,  # NO_CLOCK, ...
    CLOCK,  # address of its function, or of the time itself
    CLOCK_ID,
    CLOCK_PLACE,  # address of two int64 for its answer
    N_INPUTS,
    N_OUTPUTS,
    FS,
    LOOKAHEAD,  # frames
    LAST_ENTRY_NS,  # when the last callback began; 0: none has
    LAST_FRAMES,  # how many it had
    OVER_TIME,  # frames in a row that took longer than they last
    REST,  # frames that the engine rests after an overload
    ANEW,  # 1: the engine forgets its past before the next piece
    BAD_LEFT,  # frames until the input counts as sound again
    BAD_DONE,  # frames since it stopped being sound
    BAD_OUTPUTS_SEEN,
    REASON_NOW,  # why the envelope is closed, or was
    DC_LATCHED,
    DC_AGAIN_UNTIL,  # number of the window until which DC would be a loop
    DC_QUIET,  # windows without DC
    FEEDBACK_LATCHED,
    REARM_SEEN,
    RESET_SEEN,
    WINDOW,  # frames of a window
    WINDOW_LEFT,  # frames that it lacks
    WINDOW_NUMBER,  # counts windows
    WINDOW_OVER,  # 1: the output went beyond the ceiling in it, before the limiter
    OVER_RUN,  # windows in a row in which it did, but for short pauses
    SINCE_OVER,  # windows since the last in which it did
    ASKED,  # windows since a loop is asked for; 0: none is
    ASK_PAUSE,  # windows until one may be asked for again
) = range(42)
DC_RUN = 42  # per input: windows in a row with DC of one sign, negative for negative DC
N_STATE = DC_RUN + MAX_CHANNELS
# The last one is for tests: two int64, the time in ns and what each look at it takes.
NO_CLOCK, UNIX_CLOCK, WINDOWS_CLOCK, CLOCK_IN_MEMORY = range(4)

# Places in `numbers`.
CLOCK_SCALE = 0  # nanoseconds of a tick
ENVELOPE = 1  # 0: silent, 1: open; in between along a raised cosine
STEP_UP = 2  # a frame
STEP_DOWN = 3
LIMITER_GAIN = 4
LIMITER_ATTACK = 5  # a frame
LIMITER_RELEASE = 6  # share of what is missing, a frame
LATE_NS = 7  # a callback that comes later by this much is late
WINDOW_PEAK = 8  # of the input
ASK_PEAK = 9  # the same when a loop is asked for
DIP_WANTED = 10  # of the limiter's ceiling, to ask for a loop
DIP = 11  # the same, on its way
GAINS = 12  # per output: the gain that is wanted
LAST_GOOD = GAINS + MAX_CHANNELS  # per input: the last sample before it stopped being sound
DC_SUM = LAST_GOOD + MAX_CHANNELS  # per input: of the window
DC_RING = DC_SUM + MAX_CHANNELS  # per input DC_WINDOWS sums
PEAK_RING = DC_RING + MAX_CHANNELS * DC_WINDOWS  # peak of the input in each window
TRUE_PEAK_TAPS = PEAK_RING + PEAK_WINDOWS  # 4 filters of 12 taps
N_NUMBERS_KEPT = TRUE_PEAK_TAPS + 48


@inlined
def state_at(address: int) -> Any:
    """Return the table that an address of `state` stands for."""
    return numba.carray(longs_at(address), (N_STATE,))


@inlined
def numbers_of(state: State) -> Any:
    """Return the numbers that belong to a table."""
    return numba.carray(doubles_at(state[NUMBERS]), (N_NUMBERS_KEPT,))


@inlined
def panel_integers(state: State) -> Any:
    """Return the integers of the panel."""
    return numba.carray(longs_at(state[PANEL]), (N_INTEGERS,))


@inlined
def panel_numbers(state: State) -> Any:
    """Return the numbers of the panel."""
    return numba.carray(doubles_at(state[PANEL] + 8 * N_INTEGERS), (N_NUMBERS,))


@inlined
def samples(address: int, channel: int, first: int, count: int) -> Any:
    """Return some samples of a piece of audio; `first` may lie in the margin, below 0.

    Loops over such an array from 0 to its size become vectors; those over a part of a longer one
    would have to look for negative positions first.
    """
    place = address + 4 * (channel * STRIDE + MARGIN + first)
    return numba.carray(floats_at(place), (count,))


@inlined
def bits(address: int, channel: int, first: int, count: int) -> Any:
    """Return the same as the bits of its floats."""
    place = address + 4 * (channel * STRIDE + MARGIN + first)
    return numba.carray(words_at(place), (count,))

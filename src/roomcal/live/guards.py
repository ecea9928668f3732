"""What must never reach a speaker: faults of the signal, DC, and feedback.

None of them stands in the path of the sound: they look at it, and close the envelope (`process`).

- A sample that is NaN, infinite or beyond any sound takes the input away for 15 ms: it decays from
  where it was, so nothing of the fault enters the convolver.
- DC: the mean over 100 ms stays beyond a limit on one side for 50 ms. A tone from 10 Hz on changes
  sides within that time, whatever its level.
- Feedback: a loop grows by the same factor on every turn, until the limiter holds it. So: the
  output beyond the ceiling in every window of 100 ms, after a rise that was straight in dB. Attacks
  rise too fast for that, fades bend, and music does not stay at the limiter without a break. A loop
  that closes while loud music plays has no such rise: there, input beyond full scale and output
  beyond the ceiling in every window of 700 ms decide.
"""

import math
from typing import Any

from roomcal.convolver.compiled import compiled
from roomcal.live.memory import (
    BAD_DONE,
    BAD_LEFT,
    DC_LATCHED,
    DC_QUIET,
    DC_RING,
    DC_RUN,
    DC_SUM,
    DC_WINDOWS,
    FEEDBACK_LATCHED,
    FS,
    HOLD_RING,
    LAST_GOOD,
    LEVEL_RING,
    LEVEL_WINDOWS,
    LOUD_RUN,
    MARGIN,
    N_INPUTS,
    OVER_RUN,
    SINCE_OVER,
    WINDOW,
    WINDOW_NUMBER,
    WINDOW_OVER,
    WINDOW_PEAK,
    Numbers,
    State,
)
from roomcal.live.panel import integer_place

INPUT_LIMIT = 256.0  # 48 dB beyond full scale: no sound
INPUT_LIMIT_BITS = 0x43800000  # the same as a 32-bit float
BAD_S = 0.015  # the input rests for this long after a fault
DECAY_S = 0.003  # in which it falls silent

DC_LIMIT = 0.05  # mean, re full scale
DC_GONE = 0.02
DC_WINDOWS_BEYOND = 10  # 50 ms
DC_WINDOWS_GONE = 100  # 500 ms

HOLD_WINDOWS = 20  # 100 ms: a turn of a loop may take that long
OVER_WINDOWS = 20  # 100 ms
LOUD_WINDOWS = 140  # 700 ms
FULL_SCALE = 1.0
RISE_DB = 12.0
HALF_RISE_DB = 6.0
ATTACK_DB = 20.0  # more than that in one window is no loop's growth
FALL_DB = 0.5
# How much longer the first half of the rise takes than the second: 1 for a loop, 0.5 for a linear
# fade, 0.3 for a raised cosine; and windows that do not matter.
STRAIGHT = (0.7, 1.5)
SLACK_WINDOWS = 2
QUIET_WINDOWS = 10  # 50 ms: the limiter works anew after that

_LIMITED = integer_place("limited")
_DC_MUTES = integer_place("dc_mutes")
_FEEDBACK_TRIPS = integer_place("feedback_trips")
_BAD_BLOCKS = integer_place("bad_blocks")


@compiled
def first_bad(x: Any, n_inputs: int, count: int) -> int:
    """Return the first frame of a piece that is no sound; `count` if there is none."""
    first = count
    for source in range(n_inputs):
        for n in range(first):
            if not abs(x[source, MARGIN + n]) <= INPUT_LIMIT:
                first = n
                break
    return first


@compiled
def remember_last(state: State, numbers: Numbers, x: Any, count: int) -> None:
    """Keep the last samples of the input, from which it would decay."""
    for source in range(state[N_INPUTS]):
        numbers[LAST_GOOD + source] = x[source, MARGIN + count - 1]


@compiled
def take_bad_away(state: State, numbers: Numbers, x: Any, count: int, new: bool) -> None:
    """Let the input decay and rest while it is no sound, and a little longer.

    `new` says that this piece holds a fault. BAD_LEFT counts from the beginning of the piece.
    """
    first, length = 0, DECAY_S * state[FS]
    if new:
        if state[BAD_LEFT] == 0:
            first = first_bad(x, state[N_INPUTS], count)
            state[BAD_DONE] = 0
            if first > 0:
                remember_last(state, numbers, x, first)
        state[BAD_LEFT] = int(BAD_S * state[FS]) + count
    end = min(count, state[BAD_LEFT])
    for source in range(state[N_INPUTS]):
        last, done = numbers[LAST_GOOD + source], state[BAD_DONE]
        for n in range(first, end):
            sample = 0.0
            if done < length:
                sample = last * (0.5 + 0.5 * math.cos(math.pi * (done + 1.0) / length))
            x[source, MARGIN + n] = sample
            done += 1
    state[BAD_DONE] += end - first
    state[BAD_LEFT] = max(0, state[BAD_LEFT] - count)


@compiled
def judge_dc(state: State, numbers: Numbers, integers: Any) -> None:
    """Take a window into the mean of every input; latch DC, or let go of it."""
    slot = state[WINDOW_NUMBER] % DC_WINDOWS
    length = float(DC_WINDOWS * state[WINDOW])
    found, largest = False, 0.0
    for source in range(state[N_INPUTS]):
        ring = DC_RING + source * DC_WINDOWS
        numbers[ring + slot] = numbers[DC_SUM + source]
        numbers[DC_SUM + source] = 0.0
        mean = 0.0
        for k in range(DC_WINDOWS):
            mean += numbers[ring + k]
        mean /= length
        largest = max(largest, abs(mean))
        run = state[DC_RUN + source]
        if mean > DC_LIMIT:
            run = max(run, 0) + 1
        elif mean < -DC_LIMIT:
            run = min(run, 0) - 1
        else:
            run = 0
        state[DC_RUN + source] = run
        found = found or abs(run) >= DC_WINDOWS_BEYOND
    if found and not state[DC_LATCHED]:
        state[DC_LATCHED] = 1
        integers[_DC_MUTES] += 1
    state[DC_QUIET] = 0 if largest > DC_GONE else state[DC_QUIET] + 1
    if state[DC_QUIET] >= DC_WINDOWS_GONE:
        state[DC_LATCHED] = 0


@compiled
def is_straight_rise(numbers: Numbers, top: int, oldest: int) -> bool:
    """Tell whether the level rose to window `top` as a loop's does: straight in dB.

    The rise is followed back until a fall, a sudden attack or `oldest`.
    """
    summit = numbers[HOLD_RING + top % LEVEL_WINDOWS]
    half, whole = -1, -1
    at = top
    while at > oldest and whole < 0:
        step = numbers[HOLD_RING + at % LEVEL_WINDOWS]
        at -= 1
        level = numbers[HOLD_RING + at % LEVEL_WINDOWS]
        if step - level > ATTACK_DB or step - level < -FALL_DB:
            return False
        if half < 0 and level <= summit - HALF_RISE_DB:
            half = top - at
        if level <= summit - RISE_DB:
            whole = top - at
    if whole < 0:
        return False
    first = whole - half
    low, high = STRAIGHT
    return low * half - SLACK_WINDOWS <= first <= high * half + SLACK_WINDOWS


@compiled
def judge_feedback(state: State, numbers: Numbers, integers: Any) -> None:
    """Take a window's level into the history; latch feedback."""
    number = state[WINDOW_NUMBER]
    peak, over = numbers[WINDOW_PEAK], state[WINDOW_OVER]
    numbers[LEVEL_RING + number % LEVEL_WINDOWS] = 20.0 * math.log10(max(peak, 1e-9))
    hold = numbers[LEVEL_RING + number % LEVEL_WINDOWS]
    for k in range(1, min(HOLD_WINDOWS, number + 1)):
        hold = max(hold, numbers[LEVEL_RING + (number - k) % LEVEL_WINDOWS])
    numbers[HOLD_RING + number % LEVEL_WINDOWS] = hold
    if over and state[SINCE_OVER] >= QUIET_WINDOWS:
        integers[_LIMITED] += 1
    state[SINCE_OVER] = 0 if over else state[SINCE_OVER] + 1
    state[OVER_RUN] = state[OVER_RUN] + 1 if over else 0
    state[LOUD_RUN] = state[LOUD_RUN] + 1 if over and peak > FULL_SCALE else 0
    tripped = state[LOUD_RUN] >= LOUD_WINDOWS
    if state[OVER_RUN] == OVER_WINDOWS:
        oldest = max(0, number - LEVEL_WINDOWS + 1)
        tripped = tripped or is_straight_rise(numbers, number - OVER_WINDOWS + 1, oldest)
    if tripped and not state[FEEDBACK_LATCHED]:
        state[FEEDBACK_LATCHED] = 1
        integers[_FEEDBACK_TRIPS] += 1
    numbers[WINDOW_PEAK] = 0.0
    state[WINDOW_OVER] = 0


@compiled
def rearm(state: State, numbers: Numbers) -> None:
    """Forget a feedback loop, and all levels that led to it."""
    state[FEEDBACK_LATCHED] = 0
    state[OVER_RUN] = state[LOUD_RUN] = state[WINDOW_NUMBER] = 0

"""What must never reach a speaker: faults of the signal, DC, and feedback.

None of them stands in the path of the sound: they look at it, and close the envelope (`process`).

- A sample that is NaN, infinite or beyond any sound takes the input away for 15 ms: it decays from
  where it was, so nothing of the fault enters the convolver.
- DC: the mean over 100 ms stays beyond a limit on one side for 50 ms. A tone from 15 Hz on changes
  sides within that time, whatever its level. DC that comes back with the sound is a loop.
- Feedback: a loop that grows ends at the limiter and stays there. Loud music may do so too, so the
  loop is asked: the ceiling is lowered by 3 dB, then by 6 dB, a fifth of a second each. Only the
  input of a loop follows. Music that hits the limiter without a break hears a dip of 3 dB at most
  every ten seconds; below the limiter nothing is ever touched.
"""

import math
from typing import Any

from roomcal.convolver.compiled import compiled
from roomcal.live.memory import (
    ASK_PAUSE,
    ASK_PEAK,
    ASKED,
    BAD_DONE,
    BAD_LEFT,
    DC_AGAIN_UNTIL,
    DC_LATCHED,
    DC_QUIET,
    DC_RING,
    DC_RUN,
    DC_SUM,
    DC_WINDOWS,
    DIP_WANTED,
    FEEDBACK_LATCHED,
    FS,
    LAST_GOOD,
    N_INPUTS,
    OVER_RUN,
    PEAK_RING,
    PEAK_WINDOWS,
    SINCE_OVER,
    WINDOW,
    WINDOW_NUMBER,
    WINDOW_OVER,
    WINDOW_PEAK,
    Numbers,
    State,
    X,
    samples,
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
DC_WINDOWS_AGAIN = 600  # 3 s

QUIET_WINDOWS = 10  # 50 ms: the limiter works anew after that

# A loop is asked after 200 ms at the limiter, with no pause longer than the turn of a loop.
TURN_WINDOWS = 12  # 60 ms
ASK_AFTER = 40
DIP_WINDOWS = 44  # 220 ms: the ceiling falls in 100, and the input is looked at in the last 65
LOOK_WINDOWS = 13  # a turn, at least
DIPS_DB = (3.0, 6.0)
# The input must fall by at least this share of the dip (the rest may be music), and not by more.
LEAST_SHARE, MOST_SHARE = 0.5, 1.6
AGAIN_AFTER = 2000  # windows, 10 s: until the next question, if there was no loop

_LIMITED = integer_place("limited")
_DC_MUTES = integer_place("dc_mutes")
_FEEDBACK_TRIPS = integer_place("feedback_trips")


@compiled
def first_bad(x_at: int, n_inputs: int, count: int) -> int:
    """Return the first frame of a piece that is no sound; `count` if there is none."""
    first = count
    for source in range(n_inputs):
        x = samples(x_at, source, 0, count)
        for n in range(first):
            if not abs(x[n]) <= INPUT_LIMIT:
                first = n
                break
    return first


@compiled
def remember_last(state: State, numbers: Numbers, count: int) -> None:
    """Keep the last samples of the input, from which it would decay."""
    for source in range(state[N_INPUTS]):
        numbers[LAST_GOOD + source] = samples(state[X], source, count - 1, 1)[0]


@compiled
def take_bad_away(state: State, numbers: Numbers, count: int, new: bool) -> None:
    """Let the input decay and rest while it is no sound, and a little longer.

    `new` says that this piece holds a fault. BAD_LEFT counts from the beginning of the piece.
    """
    first, length = 0, DECAY_S * state[FS]
    if new:
        if state[BAD_LEFT] == 0:
            first = first_bad(state[X], state[N_INPUTS], count)
            state[BAD_DONE] = 0
            if first > 0:
                remember_last(state, numbers, first)
        state[BAD_LEFT] = int(BAD_S * state[FS]) + count
    end = min(count, state[BAD_LEFT])
    for source in range(state[N_INPUTS]):
        x = samples(state[X], source, 0, count)
        last, done = numbers[LAST_GOOD + source], state[BAD_DONE]
        for n in range(first, end):
            sample = 0.0
            if done < length:
                sample = last * (0.5 + 0.5 * math.cos(math.pi * (done + 1.0) / length))
            x[n] = sample
            done += 1
    state[BAD_DONE] += end - first
    state[BAD_LEFT] = max(0, state[BAD_LEFT] - count)


@compiled
def latch_feedback(state: State, integers: Any) -> None:
    """Let nothing be heard until somebody rearms."""
    if not state[FEEDBACK_LATCHED]:
        state[FEEDBACK_LATCHED] = 1
        integers[_FEEDBACK_TRIPS] += 1


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
        if state[WINDOW_NUMBER] < state[DC_AGAIN_UNTIL]:
            latch_feedback(state, integers)
    state[DC_QUIET] = 0 if largest > DC_GONE else state[DC_QUIET] + 1
    if state[DC_LATCHED] and state[DC_QUIET] >= DC_WINDOWS_GONE:
        state[DC_LATCHED] = 0
        state[DC_AGAIN_UNTIL] = state[WINDOW_NUMBER] + DC_WINDOWS_AGAIN


@compiled
def recent_peak(numbers: Numbers, number: int) -> float:
    """Return the peak of the input over the last windows."""
    peak = 0.0
    for k in range(LOOK_WINDOWS):
        peak = max(peak, numbers[PEAK_RING + (number - k) % PEAK_WINDOWS])
    return peak


@compiled
def ask_for_loop(state: State, numbers: Numbers) -> bool:
    """Go on with the question whether there is a loop, once a window; tell when there is one."""
    asked = state[ASKED]
    if state[DC_LATCHED]:  # the silence of that mute is no answer
        state[ASKED] = 0
        numbers[DIP_WANTED] = 1.0
        return False
    if asked == 0:
        if state[OVER_RUN] >= ASK_AFTER and state[ASK_PAUSE] == 0:
            state[ASKED] = 1
            numbers[ASK_PEAK] = recent_peak(numbers, state[WINDOW_NUMBER])
            numbers[DIP_WANTED] = math.pow(10.0, -DIPS_DB[0] / 20.0)
        state[ASK_PAUSE] = max(0, state[ASK_PAUSE] - 1)
        return False
    state[ASKED] = asked + 1
    if asked % DIP_WINDOWS != 0:
        return False
    dip_db = DIPS_DB[0] if asked == DIP_WINDOWS else DIPS_DB[1]
    peak = max(recent_peak(numbers, state[WINDOW_NUMBER]), 1e-9)
    fall_db = 20.0 * math.log10(numbers[ASK_PEAK] / peak)
    follows = LEAST_SHARE * dip_db <= fall_db <= MOST_SHARE * dip_db
    if follows and asked == DIP_WINDOWS:
        numbers[DIP_WANTED] = math.pow(10.0, -DIPS_DB[1] / 20.0)
        return False
    state[ASKED], state[ASK_PAUSE] = 0, AGAIN_AFTER
    numbers[DIP_WANTED] = 1.0
    return follows


@compiled
def judge_feedback(state: State, numbers: Numbers, integers: Any) -> None:
    """Take a window into the history; latch feedback."""
    over = state[WINDOW_OVER]
    numbers[PEAK_RING + state[WINDOW_NUMBER] % PEAK_WINDOWS] = numbers[WINDOW_PEAK]
    if over and state[SINCE_OVER] >= QUIET_WINDOWS:
        integers[_LIMITED] += 1
    state[SINCE_OVER] = 0 if over else state[SINCE_OVER] + 1
    state[OVER_RUN] = state[OVER_RUN] + 1 if state[SINCE_OVER] <= TURN_WINDOWS else 0
    if ask_for_loop(state, numbers):
        latch_feedback(state, integers)
    numbers[WINDOW_PEAK] = 0.0
    state[WINDOW_OVER] = 0


@compiled
def rearm(state: State, numbers: Numbers) -> None:
    """Let go of a feedback loop, and ask at once if there is another."""
    state[FEEDBACK_LATCHED] = state[OVER_RUN] = state[ASKED] = state[ASK_PAUSE] = state[
        DC_AGAIN_UNTIL
    ] = 0
    numbers[DIP_WANTED] = 1.0

"""One piece of audio from input to output: what every callback does, whoever called it.

```
input -> faults away -> convolver (banks, gains) -> limiter -> envelope -> output
             |               |                         |          |
             +---------------+------- guards ----------+----------+-> panel
```

The envelope opens when sound starts, and closes for every reason not to play: along a raised
cosine, except where nothing was heard anyway. Dim, mute, solo, polarity and gain move on the ramps
of the convolver.
"""

import math
from typing import Any

import numba

from roomcal.convolver import layout
from roomcal.convolver.compiled import compiled, inlined
from roomcal.convolver.swap import raised_cosine
from roomcal.live import memory as m
from roomcal.live.guards import (
    INPUT_LIMIT_BITS,
    judge_dc,
    judge_feedback,
    rearm,
    remember_last,
    take_bad_away,
)
from roomcal.live.limiter import CEILING, limit
from roomcal.live.memory import MARGIN, Numbers, State
from roomcal.live.meters import count_above, peak_bits, peak_of, true_peak
from roomcal.live.panel import (
    BAD_SIGNAL,
    DC,
    FADING,
    FEEDBACK,
    LATE,
    MAX_CHANNELS,
    MUTED,
    NO_REASON,
    OVERLOAD,
    RUNNING,
    STARTING,
    STOP,
    STOPPED,
    integer_place,
    number_place,
)
from roomcal.live.pointers import (
    call_clock,
    call_counter,
    call_engine,
    doubles_at,
    float_of_bits,
    longs_at,
)

START_S = 0.4  # the first 50 ms stay 28 dB below the signal, and more
STOP_S = 0.05  # no step above 1e-3 of full scale at 48 kHz
GUARD_FADE_S = 0.02  # feedback, and the way back after a fault of the signal
BAD_FADE_S = 0.005
REST_S = 1.0  # of the engine after an overload
OVERLOAD_S = 0.2  # computing takes longer than there is time, for this long
MAX_GAIN_DB = 12.0  # of a command; the limiter stands behind it

_FULL_SCALE_BITS = 0x3F800000  # 1.0 as a 32-bit float
_UNBOUNDED = 1 << 40  # of an array that is only known by its address
_NS = 1_000_000_000

_I = integer_place
_SERIAL, _SERIAL_SEEN, _WANTED, _BYPASS = (
    _I("serial"),
    _I("serial_seen"),
    _I("wanted"),
    _I("bypass"),
)
_MUTE, _DIM, _SOLO, _INVERTED, _STOP = _I("mute"), _I("dim"), _I("solo"), _I("inverted"), _I("stop")
_REARM, _RESET = _I("rearm"), _I("meter_reset")
_CALLBACKS, _FRAMES, _STATE, _REASON = _I("callbacks"), _I("frames"), _I("state"), _I("reason")
_SLOT, _BYPASSED, _SWAPPING, _SWAPS = _I("slot"), _I("bypassed"), _I("swapping"), _I("swaps")
_CLIPPED, _INPUT_OVERS = _I("clipped"), _I("input_overs")
_BAD_BLOCKS, _BAD_OUTPUTS, _MISSING = _I("bad_blocks"), _I("bad_outputs"), _I("missing_frames")
_LATE, _OVERLOADS = _I("late"), _I("overloads")
_HOST_FLAGS, _HOST_EVENTS = _I("host_flags"), _I("host_events")
_LOAD_LAST, _LOAD_MAX, _LOAD_TOTAL = _I("load_last_ns"), _I("load_max_ns"), _I("load_total_ns")
_DIM_DB, _GAIN_DB = number_place("dim_db"), number_place("gain_db")
_LIMITER_GAIN, _TRUE_PEAK = number_place("limiter_gain"), number_place("true_peak")
_INPUT_PEAK, _OUTPUT_PEAK = number_place("input_peak"), number_place("output_peak")


# --- once a callback ---


@compiled
def now_ns(state: State, numbers: Numbers) -> int:
    """Read the clock; 0 where there is none."""
    kind, place = state[m.CLOCK_KIND], state[m.CLOCK_PLACE]
    if kind == m.UNIX_CLOCK:
        call_clock(state[m.CLOCK], state[m.CLOCK_ID], place)
        answer = numba.carray(longs_at(place), (2,))
        return answer[0] * _NS + answer[1]
    if kind == m.WINDOWS_CLOCK:
        call_counter(state[m.CLOCK], place)
        return int(numba.carray(longs_at(place), (1,))[0] * numbers[m.CLOCK_SCALE])
    if kind == m.CLOCK_IN_MEMORY:
        return numba.carray(longs_at(state[m.CLOCK]), (1,))[0]
    return 0


@inlined
def ratio_of(level_db: float, otherwise: float) -> float:
    """Return the gain of a command, held to its range; what is no number changes nothing."""
    if not abs(level_db) >= 0.0:
        return otherwise
    return math.pow(10.0, min(level_db, MAX_GAIN_DB) / 20.0)


@compiled
def obey(state: State, numbers: Numbers, integers: Any, fields: Any) -> None:
    """Take the commands over that were announced."""
    serial = integers[_SERIAL]
    if serial == integers[_SERIAL_SEEN] and state[m.LAST_FRAMES] > 0:
        return
    integers[_SERIAL_SEEN] = serial
    table = numba.carray(longs_at(state[m.TABLE]), (_UNBOUNDED,))
    if integers[_WANTED] >= 0:
        table[layout.BANK_WANTED] = 2 * integers[_WANTED] + (1 if integers[_BYPASS] else 0)
    everywhere = 0.0 if integers[_MUTE] else 1.0
    if integers[_DIM]:
        everywhere *= ratio_of(fields[_DIM_DB], 1.0)
    solo, inverted = integers[_SOLO], integers[_INVERTED]
    for output in range(state[m.N_OUTPUTS]):
        gain = everywhere * ratio_of(fields[_GAIN_DB + output], 1.0)
        if solo != 0 and not (solo >> output) & 1:
            gain = 0.0
        numbers[m.GAINS + output] = -gain if (inverted >> output) & 1 else gain
    if integers[_REARM] != state[m.REARM_SEEN]:
        state[m.REARM_SEEN] = integers[_REARM]
        rearm(state, numbers)
    if integers[_RESET] != state[m.RESET_SEEN]:
        state[m.RESET_SEEN] = integers[_RESET]
        integers[_LOAD_MAX] = 0
        fields[_LIMITER_GAIN] = 1.0
        for channel in range(MAX_CHANNELS):
            fields[_INPUT_PEAK + channel] = 0.0
            fields[_OUTPUT_PEAK + channel] = 0.0
            fields[_TRUE_PEAK + channel] = 0.0


@compiled
def begin(state: State, numbers: Numbers, n_frames: int, flags: int) -> int:
    """Begin a callback: commands, flags of the host, and whether it came too late.

    Returns the time, for `end`.
    """
    integers, fields = m.panel_integers(state), m.panel_numbers(state)
    obey(state, numbers, integers, fields)
    if flags != 0:
        integers[_HOST_FLAGS] |= flags
        integers[_HOST_EVENTS] += 1
    now, last = now_ns(state, numbers), state[m.LAST_ENTRY_NS]
    due = last + state[m.LAST_FRAMES] * _NS // state[m.FS]
    if last > 0 and now - due > numbers[m.LATE_NS]:
        integers[_LATE] += 1
        numbers[m.ENVELOPE] = 0.0  # the device was silent meanwhile
        state[m.REASON_NOW] = LATE
    state[m.LAST_ENTRY_NS], state[m.LAST_FRAMES] = now, n_frames
    return now


@compiled
def end(state: State, numbers: Numbers, n_frames: int, start: int) -> None:
    """End a callback: the load, and the heartbeat last."""
    integers = m.panel_integers(state)
    if state[m.CLOCK_KIND] != m.NO_CLOCK:
        load = now_ns(state, numbers) - start
        integers[_LOAD_LAST] = load
        integers[_LOAD_MAX] = max(integers[_LOAD_MAX], load)
        integers[_LOAD_TOTAL] += load
        state[m.OVER_TIME] += n_frames
        if load * state[m.FS] <= n_frames * _NS:
            state[m.OVER_TIME] = 0
        elif state[m.OVER_TIME] >= OVERLOAD_S * state[m.FS]:
            state[m.OVER_TIME] = 0
            integers[_OVERLOADS] += 1
            state[m.REST] = int(REST_S * state[m.FS])
            numbers[m.ENVELOPE] = 0.0  # the sound was in pieces anyway
    table = numba.carray(longs_at(state[m.TABLE]), (_UNBOUNDED,))
    heard = table[layout.SIDE_BANKS + table[layout.SIDE]]
    integers[_SLOT] = heard // 2  # -1 stays -1
    integers[_BYPASSED] = heard & 1 if heard >= 0 else 0
    integers[_SWAPPING] = 1 if table[layout.PHASE] != 0 else 0
    integers[_SWAPS] = table[layout.SWAPS]
    integers[_MISSING] = table[layout.MISSING_FRAMES]
    integers[_FRAMES] += n_frames
    integers[_CALLBACKS] += 1


# --- once a piece ---


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
def apply_envelope(state: State, numbers: Numbers, integers: Any, y: Any, count: int) -> None:
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
        weights = numba.carray(doubles_at(state[m.NEED]), (MARGIN + m.MAX_FRAMES,))
        for n in range(count):
            u = min(max(u + step, 0.0), 1.0)
            weights[n] = raised_cosine(u)
        for output in range(state[m.N_OUTPUTS]):
            for n in range(count):
                y[output, MARGIN + n] *= weights[n]
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


@compiled
def take_input(state: State, numbers: Numbers, integers: Any, fields: Any, count: int) -> None:
    """Take faults away from the input, and measure it."""
    x, bits = m.samples_at(state[m.X]), m.bits_at(state[m.X])
    largest = 0
    for source in range(state[m.N_INPUTS]):
        peak = peak_bits(bits[source], MARGIN, count)
        largest = max(largest, peak)
        if peak <= INPUT_LIMIT_BITS:
            level = float_of_bits(peak)
            fields[_INPUT_PEAK + source] = max(fields[_INPUT_PEAK + source], level)
            if peak > _FULL_SCALE_BITS:
                integers[_INPUT_OVERS] += count_above(x[source], MARGIN, count, 1.0)
    bad = largest > INPUT_LIMIT_BITS
    if bad:
        integers[_BAD_BLOCKS] += 1
    if bad or state[m.BAD_LEFT] > 0:
        take_bad_away(state, numbers, x, count, bad)
    else:
        remember_last(state, numbers, x, count)


@compiled
def run_engine(state: State, numbers: Numbers, integers: Any, y: Any, count: int) -> None:
    """Let the convolver compute a piece, or rest after an overload."""
    if state[m.REST] > 0:
        state[m.REST] = max(0, state[m.REST] - count)
        state[m.ANEW] = 1
        for output in range(state[m.N_OUTPUTS]):
            y[output, MARGIN : MARGIN + count] = 0.0
        return
    anew = 0
    if state[m.ANEW] and numbers[m.ENVELOPE] == 0.0:
        state[m.ANEW], anew = 0, 1
    call_engine(
        state[m.ENGINE],
        state[m.TABLE],
        state[m.POOL],
        state[m.X] + 4 * MARGIN,
        state[m.Y] + 4 * MARGIN,
        count,
        m.STRIDE,
        state[m.NUMBERS] + 8 * m.GAINS,
        anew,
    )
    table = numba.carray(longs_at(state[m.TABLE]), (_UNBOUNDED,))
    if table[layout.BAD_OUTPUTS] != state[m.BAD_OUTPUTS_SEEN]:
        # Something that no input can do: a damaged state. It is silent, then begins anew.
        integers[_BAD_OUTPUTS] += table[layout.BAD_OUTPUTS] - state[m.BAD_OUTPUTS_SEEN]
        state[m.BAD_OUTPUTS_SEEN] = table[layout.BAD_OUTPUTS]
        state[m.ANEW] = 1
        numbers[m.ENVELOPE] = 0.0
        state[m.REASON_NOW] = BAD_SIGNAL


@compiled
def judge(state: State, numbers: Numbers, integers: Any, count: int) -> float:
    """Look at a piece window by window; return the peak of the output before the limiter."""
    x, x_bits, y_bits = m.samples_at(state[m.X]), m.bits_at(state[m.X]), m.bits_at(state[m.Y])
    loudest, done = 0.0, 0
    while done < count:
        here = min(count - done, state[m.WINDOW_LEFT])
        peak = 0.0
        for source in range(state[m.N_INPUTS]):
            level = peak_of(x_bits[source], MARGIN + done, here)
            numbers[m.WINDOW_PEAK] = max(numbers[m.WINDOW_PEAK], level)
            total = 0.0
            for n in range(MARGIN + done, MARGIN + done + here):
                total += x[source, n]
            numbers[m.DC_SUM + source] += total
        for output in range(state[m.N_OUTPUTS]):
            peak = max(peak, peak_of(y_bits[output], MARGIN + done, here))
        if peak > CEILING:
            state[m.WINDOW_OVER] = 1
        loudest = max(loudest, peak)
        state[m.WINDOW_LEFT] -= here
        done += here
        if state[m.WINDOW_LEFT] == 0:
            state[m.WINDOW_LEFT] = state[m.WINDOW]
            judge_dc(state, numbers, integers)
            judge_feedback(state, numbers, integers)
            state[m.WINDOW_NUMBER] += 1
    return loudest


@compiled
def measure_output(state: State, numbers: Numbers, integers: Any, fields: Any, count: int) -> None:
    """Measure what goes to the sound card, and keep its last samples for the next piece."""
    y, bits = m.samples_at(state[m.Y]), m.bits_at(state[m.Y])
    for output in range(state[m.N_OUTPUTS]):
        row = y[output]
        peak = peak_of(bits[output], MARGIN, count)
        fields[_OUTPUT_PEAK + output] = max(fields[_OUTPUT_PEAK + output], peak)
        if peak > 1.0:
            integers[_CLIPPED] += count_above(row, MARGIN, count, 1.0)
        with_margin = max(peak, peak_of(bits[output], 0, MARGIN))
        known = fields[_TRUE_PEAK + output]
        fields[_TRUE_PEAK + output] = true_peak(numbers, row, count, with_margin, known)
        for n in range(MARGIN):
            row[n] = row[count + n]


@compiled
def process_piece(state: State, numbers: Numbers, count: int) -> None:
    """Turn a piece of input (in X) into a piece of output (in Y)."""
    integers, fields = m.panel_integers(state), m.panel_numbers(state)
    y = m.samples_at(state[m.Y])
    take_input(state, numbers, integers, fields, count)
    run_engine(state, numbers, integers, y, count)
    peak = judge(state, numbers, integers, count)
    gain = limit(state, numbers, count, peak)
    fields[_LIMITER_GAIN] = min(fields[_LIMITER_GAIN], gain)
    apply_envelope(state, numbers, integers, y, count)
    measure_output(state, numbers, integers, fields, count)

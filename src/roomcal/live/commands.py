"""Before and after the audio of a callback: commands, the clock, the load, the heartbeat."""

import math
from typing import Any

import numba

from roomcal.convolver import layout
from roomcal.convolver.compiled import compiled, inlined
from roomcal.live import memory as m
from roomcal.live.guards import rearm
from roomcal.live.memory import Numbers, State
from roomcal.live.panel import LATE, MAX_CHANNELS, NO_REASON, integer_place, number_place
from roomcal.live.pointers import call_clock, call_counter, longs_at

REST_S = 1.0  # of the engine after an overload
OVERLOAD_S = 0.2  # computing takes longer than there is time, for this long
GONE_S = 1.0  # without a callback
MAX_GAIN_DB = 12.0  # of a command; the limiter stands behind it

_UNBOUNDED = 1 << 40  # of an array that is only known by its address
_NS = 1_000_000_000

_I = integer_place
_SERIAL, _SERIAL_SEEN, _WANTED, _BYPASS = (
    _I("serial"),
    _I("serial_seen"),
    _I("wanted"),
    _I("bypass"),
)
_MUTE, _DIM, _SOLO, _INVERTED = _I("mute"), _I("dim"), _I("solo"), _I("inverted")
_REARM, _RESET = _I("rearm"), _I("meter_reset")
_CALLBACKS, _FRAMES = _I("callbacks"), _I("frames")
_SLOT, _BYPASSED, _SWAPPING, _SWAPS = _I("slot"), _I("bypassed"), _I("swapping"), _I("swaps")
_MISSING, _LATE, _OVERLOADS = _I("missing_frames"), _I("late"), _I("overloads")
_HOST_FLAGS, _HOST_EVENTS = _I("host_flags"), _I("host_events")
_LOAD_LAST, _LOAD_MAX, _LOAD_TOTAL = _I("load_last_ns"), _I("load_max_ns"), _I("load_total_ns")
_DIM_DB, _GAIN_DB = number_place("dim_db"), number_place("gain_db")
_LIMITER_GAIN, _TRUE_PEAK = number_place("limiter_gain"), number_place("true_peak")
_INPUT_PEAK, _OUTPUT_PEAK = number_place("input_peak"), number_place("output_peak")


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
        answer = numba.carray(longs_at(state[m.CLOCK]), (2,))
        answer[0] += answer[1]
        return answer[0]
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
        if now - due > GONE_S * _NS:  # the device was away: this is a new start
            state[m.REASON_NOW], state[m.ANEW] = NO_REASON, 1
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

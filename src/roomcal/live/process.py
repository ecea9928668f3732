"""One piece of audio from input to output: what every callback does, whoever called it.

```
input -> faults away -> convolver (banks, gains) -> limiter -> envelope -> output
             |               |                         |          |
             +---------------+------- guards ----------+----------+-> panel
```

Dim, mute, solo, polarity and gain move on the ramps of the convolver; what starts, stops and
protects, on the envelope.
"""

from typing import Any

import numba

from roomcal.convolver import layout
from roomcal.convolver.compiled import compiled
from roomcal.live import memory as m
from roomcal.live.envelope import apply_envelope
from roomcal.live.guards import (
    INPUT_LIMIT_BITS,
    judge_dc,
    judge_feedback,
    remember_last,
    take_bad_away,
)
from roomcal.live.limiter import CEILING, limit
from roomcal.live.memory import MARGIN, Numbers, State
from roomcal.live.meters import count_above, peak_bits, peak_of, sum_of, true_peak
from roomcal.live.panel import BAD_SIGNAL, integer_place, number_place
from roomcal.live.pointers import call_engine, float_of_bits, longs_at

_FULL_SCALE_BITS = 0x3F800000  # 1.0 as a 32-bit float
_UNBOUNDED = 1 << 40  # of an array that is only known by its address

_CLIPPED, _INPUT_OVERS = integer_place("clipped"), integer_place("input_overs")
_BAD_BLOCKS, _BAD_OUTPUTS = integer_place("bad_blocks"), integer_place("bad_outputs")
_LIMITER_GAIN, _TRUE_PEAK = number_place("limiter_gain"), number_place("true_peak")
_INPUT_PEAK, _OUTPUT_PEAK = number_place("input_peak"), number_place("output_peak")


@compiled
def take_input(state: State, numbers: Numbers, integers: Any, fields: Any, count: int) -> None:
    """Take faults away from the input, and measure it."""
    largest = 0
    for source in range(state[m.N_INPUTS]):
        peak = peak_bits(m.bits(state[m.X], source, 0, count))
        largest = max(largest, peak)
        if peak <= INPUT_LIMIT_BITS:
            level = float_of_bits(peak)
            fields[_INPUT_PEAK + source] = max(fields[_INPUT_PEAK + source], level)
            if peak > _FULL_SCALE_BITS:
                integers[_INPUT_OVERS] += count_above(m.samples(state[m.X], source, 0, count), 1.0)
    bad = largest > INPUT_LIMIT_BITS
    if bad:
        integers[_BAD_BLOCKS] += 1
    if bad or state[m.BAD_LEFT] > 0:
        take_bad_away(state, numbers, count, bad)
    else:
        remember_last(state, numbers, count)


@compiled
def run_engine(state: State, numbers: Numbers, integers: Any, count: int) -> None:
    """Let the convolver compute a piece, or rest after an overload."""
    if state[m.REST] > 0:
        state[m.REST] = max(0, state[m.REST] - count)
        state[m.ANEW] = 1
        for output in range(state[m.N_OUTPUTS]):
            y = m.samples(state[m.Y], output, 0, count)
            for n in range(y.size):
                y[n] = 0.0
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
    loudest, done = 0.0, 0
    while done < count:
        here = min(count - done, state[m.WINDOW_LEFT])
        peak = 0.0
        for source in range(state[m.N_INPUTS]):
            level = peak_of(m.bits(state[m.X], source, done, here))
            numbers[m.WINDOW_PEAK] = max(numbers[m.WINDOW_PEAK], level)
            numbers[m.DC_SUM + source] += sum_of(m.samples(state[m.X], source, done, here))
        for output in range(state[m.N_OUTPUTS]):
            peak = max(peak, peak_of(m.bits(state[m.Y], output, done, here)))
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
    for output in range(state[m.N_OUTPUTS]):
        y = m.samples(state[m.Y], output, 0, count)
        peak = peak_of(m.bits(state[m.Y], output, 0, count))
        fields[_OUTPUT_PEAK + output] = max(fields[_OUTPUT_PEAK + output], peak)
        if peak > 1.0:
            integers[_CLIPPED] += count_above(y, 1.0)
        with_margin = max(peak, peak_of(m.bits(state[m.Y], output, -MARGIN, MARGIN)))
        fields[_TRUE_PEAK + output] = true_peak(
            numbers, state[m.Y], output, count, with_margin, fields[_TRUE_PEAK + output]
        )
        margin = m.samples(state[m.Y], output, -MARGIN, MARGIN + count)
        for n in range(MARGIN):
            margin[n] = margin[count + n]


@compiled
def process_piece(state: State, numbers: Numbers, count: int) -> None:
    """Turn a piece of input (in X) into a piece of output (in Y)."""
    integers, fields = m.panel_integers(state), m.panel_numbers(state)
    take_input(state, numbers, integers, fields, count)
    run_engine(state, numbers, integers, count)
    peak = judge(state, numbers, integers, count)
    gain = limit(state, numbers, count, peak)
    fields[_LIMITER_GAIN] = min(fields[_LIMITER_GAIN], gain)
    apply_envelope(state, numbers, integers, count)
    measure_output(state, numbers, integers, fields, count)

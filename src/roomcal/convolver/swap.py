"""Changing what is heard without a click: crossfade between banks, ramps of gain.

Several banks of filters are loaded; two sides compute outputs, each with a bank of its own, from
the same spectra of the input. Mostly one side works. When another bank is wanted, the idle side
takes it and computes along, unheard, until every level has done a whole frame with it: 2 M blocks.
Because the input's spectra are there already, its output is then what it would be had it played for
ever. Then the sides are crossfaded, and the old one rests.

The two signals are alike, so their amplitudes are crossfaded (not their powers), along a raised
cosine. Gains move along a raised cosine too: mute is gain 0, dim a small gain, polarity gain -1.
"""

import math

from roomcal.convolver import layout
from roomcal.convolver.compiled import compiled, inlined
from roomcal.convolver.layout import Pool, Table
from roomcal.convolver.simd import load, splat, store, zeros

STEADY, WARMING, FADING = 0, 1, 2  # phases of a swap
LARGEST = 3.4028234663852886e38  # of 32-bit floats, which the audio system takes


@inlined
def raised_cosine(done: float) -> float:
    """Go from 0 to 1 while `done` goes from 0 to 1; the slope is at most pi / 2."""
    return 0.5 - 0.5 * math.cos(math.pi * min(max(done, 0.0), 1.0))


@compiled
def steer(table: Table) -> None:
    """Begin, continue or end a swap of banks, before a block is computed."""
    side = table[layout.SIDE]
    heard, other = layout.SIDE_BANKS + side, layout.SIDE_BANKS + 1 - side
    if table[layout.PHASE] == FADING:
        if table[layout.PHASE_LEFT] > 0:
            return
        table[heard] = -1
        table[layout.SIDE] = 1 - side
        table[layout.PHASE] = STEADY
        table[layout.SWAPS] += 1
        heard, other = other, heard
    wanted = table[layout.BANK_WANTED]
    if wanted < 0 or wanted >= table[layout.N_BANKS]:
        return
    if table[layout.PHASE] == WARMING and table[other] == wanted:
        table[layout.PHASE_LEFT] -= 1
        if table[layout.PHASE_LEFT] <= 0:
            table[layout.PHASE] = FADING
            table[layout.PHASE_LEFT] = table[layout.FADE_FRAMES]
        return
    if wanted == table[heard]:  # also when it is wanted again before the other was heard
        table[other] = -1
        table[layout.PHASE] = STEADY
    elif table[table[layout.LOADED_LIST] + wanted]:
        table[other] = wanted
        table[layout.PHASE] = WARMING
        table[layout.PHASE_LEFT] = table[layout.WARM_BLOCKS]


@compiled
def weigh(table: Table, pool: Pool) -> None:
    """Write the weight of the new side for every frame of a block in a crossfade."""
    block, weights = table[layout.BLOCK], table[layout.WEIGHTS_AT]
    length = max(table[layout.FADE_FRAMES], 1)
    done = length - table[layout.PHASE_LEFT]
    for n in range(block):
        pool[weights + n] = raised_cosine((done + n + 1) / length)
    table[layout.PHASE_LEFT] = max(0, table[layout.PHASE_LEFT] - block)


@compiled
def begin_ramp(table: Table, pool: Pool, output: int) -> bool:
    """Begin a ramp if another gain is wanted; tell whether the gain of an output is moving."""
    ramp = table[layout.RAMPS_LIST] + layout.RAMP_PLACES * output
    start, end = table[layout.GAIN_FROM_AT] + output, table[layout.GAIN_TO_AT] + output
    wanted = pool[table[layout.GAIN_WANTED_AT] + output]
    if wanted != pool[end] and abs(wanted) <= LARGEST:
        left, length = table[ramp + layout.RAMP_LEFT], table[ramp + layout.RAMP_LENGTH]
        if left > 0:  # from where the last one has come to
            pool[start] += (pool[end] - pool[start]) * raised_cosine(1.0 - left / length)
        else:
            pool[start] = pool[end]
        pool[end] = wanted
        table[ramp + layout.RAMP_LENGTH] = max(table[layout.RAMP_FRAMES], 1)
        table[ramp + layout.RAMP_LEFT] = table[ramp + layout.RAMP_LENGTH]
    return table[ramp + layout.RAMP_LEFT] > 0


@compiled
def apply_ramp(table: Table, pool: Pool, output: int, y: int) -> None:
    """Multiply a block by a gain that is on its way."""
    ramp = table[layout.RAMPS_LIST] + layout.RAMP_PLACES * output
    start, end = table[layout.GAIN_FROM_AT] + output, table[layout.GAIN_TO_AT] + output
    left, length = table[ramp + layout.RAMP_LEFT], table[ramp + layout.RAMP_LENGTH]
    for n in range(table[layout.BLOCK]):
        done = (length - left + n + 1) / length
        pool[y + n] *= pool[start] + (pool[end] - pool[start]) * raised_cosine(done)
    table[ramp + layout.RAMP_LEFT] = max(0, left - table[layout.BLOCK])


@compiled
def silence_faults(pool: Pool, y: int, block: int) -> int:
    """Replace what no 32-bit float holds by silence; return how many samples that were."""
    bad = 0
    for n in range(block):
        if not abs(pool[y + n]) <= LARGEST:
            pool[y + n] = 0.0
            bad += 1
    return bad


@compiled
def mix(table: Table, pool: Pool) -> None:
    """Join the sides, apply the gains, and append a block to the ring of every output."""
    block, n_outputs = table[layout.BLOCK], table[layout.N_OUTPUTS]
    side, fading = table[layout.SIDE], table[layout.PHASE] == FADING
    weights, frames = table[layout.WEIGHTS_AT], table[layout.RING_FRAMES]
    overflow = splat(pool, table[layout.OVERFLOW_AT])
    if fading:
        weigh(table, pool)
    faults = zeros(pool)
    for output in range(n_outputs):
        heard = table[layout.RAW_AT] + (side * n_outputs + output) * block
        other = table[layout.RAW_AT] + ((1 - side) * n_outputs + output) * block
        y = table[layout.RING_AT] + output * frames + (table[layout.WRITTEN] & (frames - 1))
        gain = table[layout.GAIN_TO_AT] + output
        ramping = begin_ramp(table, pool, output)
        if ramping:
            gain = table[layout.OVERFLOW_AT] + 1  # 1: the ramp comes on top
        for n in range(0, block, 8):
            x = load(pool, heard + n)
            if fading:
                x = x + (load(pool, other + n) - x) * load(pool, weights + n)
            x = x * splat(pool, gain)
            store(pool, y + n, x)
            # Finite numbers leave 0; NaN, infinity and what a 32-bit float cannot hold leave NaN.
            x = x * overflow
            faults = faults + (x - x)
        if ramping:
            apply_ramp(table, pool, output, y)
    store(pool, weights + block, faults)
    total = 0.0
    for lane in range(8):
        total += pool[weights + block + lane]
    if total != 0.0:  # also when it is NaN
        for output in range(n_outputs):
            y = table[layout.RING_AT] + output * frames + (table[layout.WRITTEN] & (frames - 1))
            table[layout.BAD_OUTPUTS] += silence_faults(pool, y, block)
    table[layout.WRITTEN] += block

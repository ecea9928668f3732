"""Level 0: the first partitions, one block long, done at once so that no latency is added.

Uniformly partitioned overlap-save (Stockham 1966; Kulp 1988): the spectrum of the newest block goes
into a ring, and every output is the sum over inputs and partitions of spectrum times filter. Ring
and filters stand side by side for each group of 8 bins, and the filters from the last partition
to the first, so that both are read in a straight line and the sums stay in registers.
"""

from typing import Any

from roomcal.convolver import layout
from roomcal.convolver.compiled import compiled
from roomcal.convolver.fft import across_lanes, back_across_lanes, backward, forward
from roomcal.convolver.layout import Pool, Table
from roomcal.convolver.simd import (
    CELL,
    empty_cell,
    load,
    load_cell,
    store,
    times_j,
    twice,
)


@compiled
def transform_input(table: Table, pool: Pool, source: int) -> None:
    """Put the spectrum of an input's newest two blocks into its ring."""
    groups, time = table[layout.GROUPS], table[layout.TIME]
    frames = table[layout.HISTORY_FRAMES]
    line = table[layout.HISTORY_AT] + source * frames
    previous = line + (((time - 1) * table[layout.BLOCK]) & (frames - 1))
    current = line + ((time * table[layout.BLOCK]) & (frames - 1))
    work, window = table[layout.WORK_AT], table[layout.WINDOW_AT]
    for group in range(groups):
        before, now = load(pool, previous + 8 * group), load(pool, current + 8 * group)
        cell = CELL * group
        wr, wi = load(pool, window + cell), load(pool, window + cell + 8)
        store(pool, work + cell, before * wr + now * wi)
        store(pool, work + cell + 8, before * wi - now * wr)
    forward(pool, work, groups, table[layout.HEAD_TWIDDLES_AT])
    turns, constants = table[layout.HEAD_TURNS_AT], table[layout.LANE_CONSTANTS_AT]
    across_lanes(pool, work, groups, turns, constants)
    stride = CELL * table[layout.HEAD_STRIDE]
    slot = CELL * (time % table[layout.HEAD_PARTITIONS])
    spectrum = table[layout.HEAD_SPECTRA_AT] + source * groups * stride + slot
    for group in range(groups):
        store(pool, spectrum + group * stride, load_cell(pool, work + CELL * group))


@compiled
def add_products(pool: Pool, spectra: int, filters: int, count: int, total: int) -> None:
    """Add the products of `count` cells in a row to the cell `total`.

    With x = (Re x, Im x) as one vector, x h is the sum of x Re h and j x Im h. Sums of even and odd
    cells do not wait for each other.
    """
    a, b = load_cell(pool, total), empty_cell(pool)
    c, d = empty_cell(pool), empty_cell(pool)
    even = CELL * (count & ~1)
    for i in range(0, even, 2 * CELL):
        x, y = load_cell(pool, spectra + i), load_cell(pool, spectra + i + CELL)
        h = filters + i
        a = a + x * twice(pool, h)
        b = b + x * twice(pool, h + 8)
        c = c + y * twice(pool, h + CELL)
        d = d + y * twice(pool, h + CELL + 8)
    if count & 1:
        x, h = load_cell(pool, spectra + even), filters + even
        a = a + x * twice(pool, h)
        b = b + x * twice(pool, h + 8)
    store(pool, total, a + c + times_j(b + d))


@compiled
def filter_output(table: Table, pool: Pool, paths: int, bank_filters: int) -> None:
    """Leave the spectrum of one output, transformed back and turned, in the work cells.

    `paths` is a list in the table: how many paths, then input and path of each.
    """
    groups, count = table[layout.GROUPS], table[layout.HEAD_PARTITIONS]
    stride = CELL * table[layout.HEAD_STRIDE]
    floats = table[layout.HEAD_FILTER_FLOATS]
    first = (table[layout.TIME] + 1) % count  # the oldest block in the ring
    work = table[layout.WORK_AT]
    nothing = empty_cell(pool)
    for group in range(groups):
        total = work + CELL * group
        store(pool, total, nothing)
        for entry in range(paths + 1, paths + 1 + 2 * table[paths], 2):
            spectra = table[layout.HEAD_SPECTRA_AT] + (table[entry] * groups + group) * stride
            filters = bank_filters + table[entry + 1] * floats + group * count * CELL
            add_products(pool, spectra + CELL * first, filters, count - first, total)
            add_products(pool, spectra, filters + CELL * (count - first), first, total)
    turns, constants = table[layout.HEAD_TURNS_AT], table[layout.LANE_CONSTANTS_AT]
    back_across_lanes(pool, work, groups, turns, constants)
    backward(pool, work, groups, table[layout.HEAD_TWIDDLES_AT])


@compiled
def second_half(pool: Pool, work: int, window: int, group: int) -> Any:
    """Return 8 output samples: minus the imaginary part, turned back by the window."""
    cell = CELL * group
    re, im = load(pool, work + cell), load(pool, work + cell + 8)
    return re * load(pool, window + cell + 8) - im * load(pool, window + cell)

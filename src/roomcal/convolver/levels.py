"""The later levels: partitions of M blocks, transformed and multiplied piece by piece.

While frame f (M blocks) comes in, a level works on frame f - 1, with f - 2 before it for overlap-
save; its output is played during frame f + 1, two frames after its input: that is where the level
begins in the taps. Output is double buffered by the parity of the frame.

The DFT of P = M B points takes four steps (Bailey 1990): with n = columns r + c, a DFT over r for
each column, a turn, and a DFT over c for each row. Eight columns, and then eight rows, share a
vector, with a transposition of 8 x 8 numbers between. A unit of work is eight columns or eight rows
of one channel; `schedule` says which units belong to which block.
"""

from roomcal.convolver import layout
from roomcal.convolver.compiled import compiled, inlined
from roomcal.convolver.fft import backward, forward
from roomcal.convolver.layout import Pool, Table
from roomcal.convolver.planner import PRODUCTS
from roomcal.convolver.simd import (
    CELL,
    load,
    load_cell,
    splat,
    store,
    times_j,
    transpose,
    twice,
    zeros,
)


@inlined
def paths_of(table: Table, bank: int, level: int, output: int) -> int:
    """Return where the list of an output's paths stands; level 0 is the head."""
    number = bank * (1 + table[layout.N_LEVELS]) + level
    lists = number * table[layout.N_OUTPUTS] + output
    return table[layout.PATHS_LIST] + lists * table[layout.PATHS_STRIDE]


@compiled
def columns_forward(table: Table, pool: Pool, at: int, frame: int, unit: int) -> None:
    """First step of the forward DFT for 8 columns of an input."""
    columns, rows = table[at + layout.COLUMNS], table[at + layout.ROWS]
    groups, size = columns // 8, table[at + layout.SIZE]
    source, group = unit // groups, unit % groups
    frames = table[layout.HISTORY_FRAMES]
    line = table[layout.HISTORY_AT] + source * frames + 8 * group
    previous = line + (((frame - 2) * size) & (frames - 1))
    current = line + (((frame - 1) * size) & (frames - 1))
    work, stride = table[layout.WORK_AT], 2 * columns
    window = table[at + layout.LEVEL_WINDOW_AT]
    turns = table[at + layout.LEVEL_TURNS_AT] + CELL * group
    target = table[at + layout.FORWARD_AT] + 2 * size * source + CELL * group
    for row in range(rows):
        before, now = load(pool, previous + row * columns), load(pool, current + row * columns)
        wr, wi = splat(pool, window + 2 * row), splat(pool, window + 2 * row + 1)
        store(pool, work + CELL * row, before * wr + now * wi)
        store(pool, work + CELL * row + 8, before * wi - now * wr)
    forward(pool, work, rows, table[at + layout.COLUMN_TWIDDLES_AT])
    for row in range(rows):
        x, w = load_cell(pool, work + CELL * row), turns + row * stride
        turned = x * twice(pool, w) + times_j(x * twice(pool, w + 8))
        store(pool, target + row * stride, turned)


@compiled
def rows_forward(table: Table, pool: Pool, at: int, group: int, source: int) -> None:
    """Second step of the forward DFT for 8 rows of an input: its newest spectrum."""
    columns, partition = table[at + layout.COLUMNS], table[at + layout.PARTITION_FLOATS]
    stride = 2 * columns  # floats of a row of cells
    here = table[at + layout.FORWARD_AT] + 2 * table[at + layout.SIZE] * source + 8 * group * stride
    ring = (source * (table[at + layout.ROWS] // 8) + group) * table[at + layout.PARTITIONS]
    target = table[at + layout.SPECTRA_AT] + (ring + table[at + layout.NEWEST]) * partition
    for eight in range(columns // 8):
        cell = here + CELL * eight
        transpose(pool, cell, stride, target + 8 * CELL * eight, CELL)
        transpose(pool, cell + 8, stride, target + 8 * CELL * eight + 8, CELL)
    forward(pool, target, columns, table[at + layout.ROW_TWIDDLES_AT])


@compiled
def add_one(pool: Pool, total: int, a: int, filters: int, count: int) -> None:
    """Add the products of one partition, `count` cells: x Re h + j x Im h."""
    for i in range(0, CELL * count, CELL):
        x, h = load_cell(pool, a + i), filters + i
        plain = load_cell(pool, total + i) + x * twice(pool, h)
        store(pool, total + i, plain + times_j(x * twice(pool, h + 8)))


@compiled
def add_four(
    pool: Pool, total: int, a: int, b: int, c: int, d: int, filters: int, floats: int, count: int
) -> None:
    """Add the products of four partitions: the total is read and written once for all of them."""
    for i in range(0, CELL * count, CELL):
        h = filters + i
        x = load_cell(pool, a + i)
        plain, turned = load_cell(pool, total + i) + x * twice(pool, h), x * twice(pool, h + 8)
        h += floats
        x = load_cell(pool, b + i)
        plain, turned = plain + x * twice(pool, h), turned + x * twice(pool, h + 8)
        h += floats
        x = load_cell(pool, c + i)
        plain, turned = plain + x * twice(pool, h), turned + x * twice(pool, h + 8)
        h += floats
        x = load_cell(pool, d + i)
        plain, turned = plain + x * twice(pool, h), turned + x * twice(pool, h + 8)
        store(pool, total + i, plain + times_j(turned))


@compiled
def multiply_rows(
    table: Table,
    pool: Pool,
    at: int,
    paths: int,
    bank_filters: int,
    group: int,
    share: int,
    total: int,
) -> None:
    """Add the products of up to four partitions of all paths of an output, for 8 rows."""
    columns, count = table[at + layout.COLUMNS], table[at + layout.PARTITIONS]
    floats, n_groups = table[at + layout.PARTITION_FLOATS], table[at + layout.ROWS] // 8
    first = PRODUCTS * share
    if share == 0:
        nothing = zeros(pool)
        for i in range(0, CELL * columns, 8):
            store(pool, total + i, nothing)
    for entry in range(paths + 1, paths + 1 + 2 * table[paths], 2):
        spectra = table[at + layout.SPECTRA_AT] + (table[entry] * n_groups + group) * count * floats
        filters = bank_filters + table[entry + 1] * table[at + layout.FILTER_FLOATS]
        filters += (group * count + first) * floats
        # Partition k meets the frame that came in k frames ago.
        slot = table[at + layout.NEWEST] - first
        slot = slot + count if slot < 0 else slot
        if count - first < PRODUCTS:
            for k in range(count - first):
                add_one(pool, total, spectra + slot * floats, filters + k * floats, columns)
                slot = slot - 1 if slot > 0 else count - 1
            continue
        a = spectra + slot * floats
        slot = slot - 1 if slot > 0 else count - 1
        b = spectra + slot * floats
        slot = slot - 1 if slot > 0 else count - 1
        c = spectra + slot * floats
        slot = slot - 1 if slot > 0 else count - 1
        d = spectra + slot * floats
        add_four(pool, total, a, b, c, d, filters, floats, columns)


@compiled
def rows_back(table: Table, pool: Pool, at: int, rows_at: int) -> None:
    """First step back for 8 rows of an output, in place."""
    columns, work = table[at + layout.COLUMNS], table[layout.WORK_AT]
    for i in range(0, CELL * columns, 8):
        store(pool, work + i, load(pool, rows_at + i))
    backward(pool, work, columns, table[at + layout.ROW_TWIDDLES_AT])
    for eight in range(columns // 8):
        cell, target = work + 8 * CELL * eight, rows_at + CELL * eight
        transpose(pool, cell, CELL, target, 2 * columns)
        transpose(pool, cell + 8, CELL, target + 8, 2 * columns)


@compiled
def columns_back(table: Table, pool: Pool, at: int, group: int, source: int, target: int) -> None:
    """Second step back for 8 columns of an output: its samples for the next frame."""
    columns, rows = table[at + layout.COLUMNS], table[at + layout.ROWS]
    work, stride = table[layout.WORK_AT], 2 * columns
    window = table[at + layout.LEVEL_WINDOW_AT]
    turns = table[at + layout.LEVEL_TURNS_AT] + CELL * group
    for row in range(rows):
        x, w = load_cell(pool, source + row * stride + CELL * group), turns + row * stride
        turned = x * twice(pool, w) - times_j(x * twice(pool, w + 8))
        store(pool, work + CELL * row, turned)
    backward(pool, work, rows, table[at + layout.COLUMN_TWIDDLES_AT])
    for row in range(rows):
        wr, wi = splat(pool, window + 2 * row), splat(pool, window + 2 * row + 1)
        re, im = load(pool, work + CELL * row), load(pool, work + CELL * row + 8)
        store(pool, target + row * columns + 8 * group, re * wi - im * wr)


@compiled
def silence(pool: Pool, target: int, rows: int, columns: int) -> None:
    """Write zeros into 8 columns of samples."""
    nothing = zeros(pool)
    for row in range(rows):
        store(pool, target + row * columns, nothing)


@compiled
def do_rows_of_output(
    table: Table, pool: Pool, level: int, at: int, group: int, output: int, step: int
) -> None:
    """One step of an output's work on 8 rows, on both sides: a share of the products, or back."""
    columns, size = table[at + layout.COLUMNS], table[at + layout.SIZE]
    n_shares = -(-table[at + layout.PARTITIONS] // PRODUCTS)
    for side in range(2):
        bank = table[layout.SIDE_BANKS + side]
        if bank < 0:
            continue
        paths = paths_of(table, bank, 1 + level, output)
        if table[paths] == 0:
            continue
        channel = side * table[layout.N_OUTPUTS] + output
        rows_at = table[at + layout.BACKWARD_AT] + 2 * size * channel + CELL * columns * group
        if step < n_shares:
            filters = bank * table[layout.N_PATHS] * table[at + layout.FILTER_FLOATS]
            filters += table[at + layout.FILTERS_AT]
            multiply_rows(table, pool, at, paths, filters, group, step, rows_at)
        else:
            rows_back(table, pool, at, rows_at)


@compiled
def do_columns_of_output(
    table: Table, pool: Pool, level: int, at: int, output: int, group: int, frame: int
) -> None:
    """Second step back for 8 columns of an output on both sides."""
    for side in range(2):
        bank = table[layout.SIDE_BANKS + side]
        if bank < 0:
            continue
        target = output_of(table, at, side, output, frame)
        if table[paths_of(table, bank, 1 + level, output)] > 0:
            channel = side * table[layout.N_OUTPUTS] + output
            source = table[at + layout.BACKWARD_AT] + 2 * table[at + layout.SIZE] * channel
            columns_back(table, pool, at, group, source, target)
        else:
            silence(pool, target + 8 * group, table[at + layout.ROWS], table[at + layout.COLUMNS])


@compiled
def do_unit(table: Table, pool: Pool, level: int, at: int, unit: int, frame: int) -> None:
    """Do one unit of a level's work, in the order of `schedule.unit_works`."""
    n_inputs, n_outputs = table[layout.N_INPUTS], table[layout.N_OUTPUTS]
    column_groups, row_groups = table[at + layout.COLUMNS] // 8, table[at + layout.ROWS] // 8
    if unit < n_inputs * column_groups:
        columns_forward(table, pool, at, frame, unit)
        return
    unit -= n_inputs * column_groups
    steps = 1 + -(-table[at + layout.PARTITIONS] // PRODUCTS)
    per_group = n_inputs + n_outputs * steps
    if unit < per_group * row_groups:
        group, unit = unit // per_group, unit % per_group
        if unit < n_inputs:
            rows_forward(table, pool, at, group, unit)
        else:
            unit -= n_inputs
            do_rows_of_output(table, pool, level, at, group, unit // steps, unit % steps)
        return
    unit -= per_group * row_groups
    do_columns_of_output(table, pool, level, at, unit // column_groups, unit % column_groups, frame)


@inlined
def output_of(table: Table, at: int, side: int, output: int, frame: int) -> int:
    """Return where the samples computed during a frame stand."""
    buffer = 2 * (side * table[layout.N_OUTPUTS] + output) + (frame & 1)
    return table[at + layout.OUTPUT_AT] + buffer * table[at + layout.SIZE]


@compiled
def work(table: Table, pool: Pool) -> None:
    """Do this block's share of every level's work."""
    time = table[layout.TIME]
    for level in range(table[layout.N_LEVELS]):
        at = layout.LEVELS_LIST + layout.LEVEL_PLACES * level
        blocks = table[at + layout.BLOCKS]
        phase, units = time & (blocks - 1), table[at + layout.UNITS_LIST]
        for unit in range(table[units + phase], table[units + phase + 1]):
            do_unit(table, pool, level, at, unit, time // blocks)
        if phase == blocks - 1:
            newest = table[at + layout.NEWEST] + 1
            table[at + layout.NEWEST] = newest if newest < table[at + layout.PARTITIONS] else 0

"""Where everything stands: one table of integers and one pool of floats, allocated beforehand.

The compiled code gets two arrays. `table` (int64) holds sizes, counters, commands and positions;
`pool` (float32 or float64, starting at a multiple of 64 bytes) holds samples, spectra and filters.
Positions are relative to the pool, so both may live in shared memory. The names below are places in
the table; those that end in _AT are positions in the pool, those that end in _LIST in the table.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from roomcal.convolver.planner import Plan
from roomcal.convolver.schedule import first_units
from roomcal.convolver.transform import (
    cells,
    head_order,
    lane_constants,
    level_order,
    turns,
    twiddles,
    window,
)

Table = NDArray[np.int64]
Pool = NDArray[np.float64] | NDArray[np.float32]

_LANES = 8  # floats in a vector
_CELL = 16  # floats in a cell: 8 real and 8 imaginary parts
ALIGNMENT = 64  # bytes: a cache line, and the largest vector

# Places in the table.
(
    BLOCK,  # frames of a block
    GROUPS,  # cells of a block: block / 8
    N_INPUTS,
    N_OUTPUTS,
    N_PATHS,  # filters of a bank
    N_BANKS,
    N_LEVELS,  # behind the head
    ADVANCE,  # address of the compiled `kernel.advance` for the type of the pool
    TIME,  # blocks done
    FILL,  # frames of the next block that are in
    HISTORY_AT,  # per input a ring of past samples
    HISTORY_FRAMES,  # its length, a power of two: the longest partitions look three frames back
    INPUT_LIMIT_AT,  # a larger sample is no sound
    HEAD_PARTITIONS,
    HEAD_STRIDE,  # cells between groups of bins; odd, as powers of two share few lines of the cache
    HEAD_SPECTRA_AT,  # per input and group of 8 bins a ring of cells
    HEAD_FILTERS_AT,  # per bank, path and group of 8 bins, the last partition first
    HEAD_FILTER_FLOATS,  # of a path
    WINDOW_AT,
    HEAD_TWIDDLES_AT,
    HEAD_TURNS_AT,
    LANE_CONSTANTS_AT,
    WORK_AT,  # cells in which one transform is done
    RAW_AT,  # per side and output a block, before it is mixed (`swap`)
    WEIGHTS_AT,  # a block of weights, then a vector that shows faults
    OVERFLOW_AT,  # a factor with which what no 32-bit float holds overflows; then 1
    RING_AT,  # per output a ring of finished frames
    RING_FRAMES,  # its length
    WRITTEN,  # frames that were put there
    READ,  # frames that were handed out
    BANK_WANTED,  # command: the bank to be heard
    SIDE,  # which side is heard
    SIDE_BANKS,  # bank of side 0, or -1
    SIDE_BANKS_1,  # bank of side 1, or -1
    PHASE,  # of a swap
    PHASE_LEFT,  # blocks of warming or frames of fading that are left
    WARM_BLOCKS,  # until a bank that was not heard has complete output
    FADE_FRAMES,  # command: length of a crossfade
    RAMP_FRAMES,  # command: length of a ramp of gain
    GAIN_WANTED_AT,  # command: per output the gain
    GAIN_FROM_AT,  # per output where the ramp began
    GAIN_TO_AT,  # per output where it ends
    RAMPS_LIST,  # per output the places of a ramp
    BAD_INPUTS,  # counter: samples that were NaN, infinite or beyond the limit
    BAD_OUTPUTS,  # counter: results that no 32-bit float holds
    MISSING_FRAMES,  # counter: frames that the host asked for too early
    SWAPS,  # counter
    LOADED_LIST,  # per bank whether its filters are complete
    PATHS_LIST,  # per bank, level and output: how many paths, then input and number of each
    PATHS_STRIDE,
    LEVELS_LIST,  # the first level's places; the next level's follow LEVEL_PLACES later
) = range(51)

# Places within a level.
(
    BLOCKS,  # M: blocks of a partition
    PARTITIONS,
    ROWS,  # of the four-step DFT
    COLUMNS,
    SIZE,  # samples of a partition
    NEWEST,  # place of the newest spectrum in the ring
    UNITS_LIST,  # first unit of each block of a frame
    PARTITION_FLOATS,  # of 8 rows of a spectrum
    SPECTRA_AT,  # per input, 8 rows and frame
    FILTERS_AT,  # per bank, path, 8 rows and partition
    FILTER_FLOATS,  # of a path
    FORWARD_AT,  # per input the DFT between its two steps
    BACKWARD_AT,  # per side and output the same
    OUTPUT_AT,  # per side, output and parity of the frame its samples
    LEVEL_WINDOW_AT,  # per row real and imaginary part
    LEVEL_TURNS_AT,  # with the columns' part of the window
    COLUMN_TWIDDLES_AT,
    ROW_TWIDDLES_AT,
) = range(18)
LEVEL_PLACES = 18

# Places within a ramp: frames left and frames in all.
RAMP_LEFT, RAMP_LENGTH, RAMP_PLACES = 0, 1, 2


class _Pool:
    """Hands out positions, each at a multiple of a cell, and remembers what stands there."""

    def __init__(self) -> None:
        self.size = 0
        self.constants: list[tuple[int, NDArray[np.float64]]] = []

    def room(self, n_floats: int) -> int:
        at = self.size
        self.size += -(-n_floats // _CELL) * _CELL
        return at

    def constant(self, values: NDArray[np.float64]) -> int:
        at = self.room(values.size)
        self.constants.append((at, values))
        return at

    def allocate(self, dtype: type[np.floating]) -> Pool:
        n_bytes = self.size * np.dtype(dtype).itemsize
        raw = np.zeros(n_bytes + ALIGNMENT, dtype=np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        pool: Pool = raw[start : start + n_bytes].view(dtype)
        for at, values in self.constants:
            pool[at : at + values.size] = values
        return pool


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


def allocate(
    plan: Plan, *, n_banks: int, paths_per_output: int, dtype: type[np.floating]
) -> tuple[Table, Pool]:
    """Lay out and allocate the state of an engine, silent and without filters."""
    pool, block = _Pool(), plan.block
    n_inputs, n_outputs, n_levels = plan.n_inputs, plan.n_outputs, len(plan.levels)
    head: dict[int, int] = {
        BLOCK: block,
        GROUPS: block // 8,
        N_INPUTS: n_inputs,
        N_OUTPUTS: n_outputs,
        N_PATHS: plan.n_paths,
        N_BANKS: n_banks,
        N_LEVELS: n_levels,
        HISTORY_FRAMES: 4 * plan.longest * block,
        HEAD_PARTITIONS: plan.head_partitions,
        HEAD_STRIDE: (plan.head_partitions + 4) | 1,
        HEAD_FILTER_FLOATS: 2 * block * plan.head_partitions,
        RING_FRAMES: 2 * block,
        WARM_BLOCKS: 2 * plan.longest if plan.levels else 0,
    }
    head[HISTORY_AT] = pool.room(n_inputs * head[HISTORY_FRAMES])
    head[INPUT_LIMIT_AT] = pool.room(1)
    head[HEAD_SPECTRA_AT] = pool.room(_CELL * n_inputs * (block // 8) * head[HEAD_STRIDE])
    head[HEAD_FILTERS_AT] = pool.room(n_banks * plan.n_paths * head[HEAD_FILTER_FLOATS])
    order = head_order(block)[:, 0]  # the bins of the first step stand in the first lane
    head[WINDOW_AT] = pool.constant(cells(window(block)))
    head[HEAD_TWIDDLES_AT] = pool.constant(twiddles(block // 8))
    head[HEAD_TURNS_AT] = pool.constant(cells(turns(order, 8).ravel()))
    head[LANE_CONSTANTS_AT] = pool.constant(lane_constants())
    longest_step = max([block // 8, *(max(v.rows, v.columns) for v in plan.levels)])
    head[WORK_AT] = pool.room(_CELL * longest_step)
    head[RAW_AT] = pool.room(2 * n_outputs * block)
    head[WEIGHTS_AT] = pool.room(block + _LANES)
    overflow = float(np.finfo(dtype).max) / float(np.finfo(np.float32).max)
    head[OVERFLOW_AT] = pool.constant(np.array([overflow, 1.0]))
    head[RING_AT] = pool.room(n_outputs * head[RING_FRAMES])
    for place in (GAIN_WANTED_AT, GAIN_FROM_AT, GAIN_TO_AT):
        head[place] = pool.constant(np.ones(n_outputs))

    tail: list[int] = []  # lists, behind the places of the levels
    tail_at = LEVELS_LIST + LEVEL_PLACES * n_levels

    def list_at(values: Sequence[int]) -> int:
        at = tail_at + len(tail)
        tail.extend(values)
        return at

    head[RAMPS_LIST] = list_at([0] * (RAMP_PLACES * n_outputs))
    head[LOADED_LIST] = list_at([0] * n_banks)
    head[PATHS_STRIDE] = 1 + 2 * paths_per_output
    n_lists = n_banks * (1 + n_levels) * n_outputs
    head[PATHS_LIST] = list_at([0] * (n_lists * head[PATHS_STRIDE]))
    for number, level in enumerate(plan.levels):
        first = LEVELS_LIST + LEVEL_PLACES * number
        size, rows, columns = level.size, level.rows, level.columns
        partition = _CELL * (columns + 1)  # of 8 rows; a cell more, so as to change cache lines
        filter_floats = partition * level.n_partitions * (rows // 8)
        order = level_order(rows, columns)[:, 0, :].ravel()
        # Of n = columns r + c, the window's part in r is a factor a row, that in c joins the turns.
        row_window, column_window = window(rows), window(size)[:columns]
        places = {
            BLOCKS: level.blocks,
            PARTITIONS: level.n_partitions,
            SIZE: size,
            ROWS: rows,
            COLUMNS: columns,
            NEWEST: 0,
            PARTITION_FLOATS: partition,
            UNITS_LIST: list_at([int(unit) for unit in first_units(plan, level)]),
            SPECTRA_AT: pool.room(n_inputs * filter_floats),
            FILTERS_AT: pool.room(n_banks * plan.n_paths * filter_floats),
            FILTER_FLOATS: filter_floats,
            FORWARD_AT: pool.room(2 * size * n_inputs),
            BACKWARD_AT: pool.room(2 * size * 2 * n_outputs),
            OUTPUT_AT: pool.room(size * 2 * 2 * n_outputs),  # two frames on each of two sides
            LEVEL_WINDOW_AT: pool.constant(row_window.view(np.float64)),
            LEVEL_TURNS_AT: pool.constant(cells((turns(order, columns) * column_window).ravel())),
            COLUMN_TWIDDLES_AT: pool.constant(twiddles(rows)),
            ROW_TWIDDLES_AT: pool.constant(twiddles(columns)),
        }
        head |= {first + place: value for place, value in places.items()}
    table = np.zeros(tail_at + len(tail), dtype=np.int64)
    table[list(head)] = list(head.values())
    table[tail_at:] = tail
    table[BANK_WANTED] = -1
    table[SIDE_BANKS : SIDE_BANKS + 2] = -1
    return table, pool.allocate(dtype)

"""Which partition sizes a filter is cut into: the plan with the least estimated work.

The first partitions of the taps have the size of a block and are done at once (the head, level 0).
A later level of partitions M blocks long begins at tap 2 M B: its input is complete after M blocks,
and its output is due M blocks later, so that its work can be spread over the M blocks between [1],
[2]. Larger partitions do the same filter with fewer multiplications, but each level costs
transforms of its own. With few levels to choose among few sizes, all plans are simply compared.

References
----------
.. [1] W. G. Gardner, "Efficient convolution without input-output delay", JAES 43(3), 1995.
.. [2] G. García, "Optimal filter partition for efficient convolution with short input/output
   delay", 113th AES Convention, 2002, paper 5660.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from roomcal.units import FloatArray

MAX_LEVELS = 4
MIN_PARTITION = 64  # samples: the two steps of a level's DFT need 8 rows and 8 columns
MAX_PARTITION = 1 << 15  # samples: larger ones save nothing more, but make a swap of filters slow
PRODUCTS = 4  # partitions multiplied in one go
MAX_WORST = 2.5  # work of the worst block re the mean, if any plan keeps to it

# Estimated work in units of one multiply-accumulate over a cell of 8 bins in the head, which
# streams from the second-level cache. Ratios measured on x86-64 with AVX2 and AVX-512.
HEAD_PRODUCT = 1.0
LEVEL_PRODUCT = 1.4  # the sums are kept in the cache, not in registers
FAR_PRODUCT = 1.6  # times that, when filters and spectra do not fit into the second-level cache
FAR_BYTES = 2 << 20
DFT_CELL_BIT = 0.6  # a cell in half a radix-4 pass
HEAD_TRANSFORM_CELL = 4.0  # windows, the step across lanes, the way in and out
LEVEL_STEP_CELL = 3.0  # windows, turns and transpositions of one of the two steps
UNIT = 12.0  # what calling any piece of work costs


@dataclass(frozen=True)
class Level:
    """One level behind the head: partitions of M blocks, from tap 2 M B on."""

    blocks: int  # M, a power of two
    n_partitions: int
    block: int  # B

    @property
    def size(self) -> int:
        """Samples of a partition."""
        return self.blocks * self.block

    @property
    def first_tap(self) -> int:
        """Where the level begins in the taps."""
        return 2 * self.size

    @property
    def rows(self) -> int:
        """Points of the first step of the DFT; the power of two at or below the square root."""
        return max(8, 1 << ((self.size.bit_length() - 1) // 2))

    @property
    def columns(self) -> int:
        """Points of the second step of the DFT."""
        return self.size // self.rows


@dataclass(frozen=True)
class Plan:
    """How a matrix of filters is partitioned."""

    block: int  # B: frames between two calls of the kernel, a power of two from 16 to 8192
    n_inputs: int
    n_outputs: int
    n_paths: int
    head_partitions: int
    levels: tuple[Level, ...]

    @property
    def longest(self) -> int:
        """Blocks of the largest partition."""
        return max((level.blocks for level in self.levels), default=1)

    @property
    def n_taps(self) -> int:
        """Taps that the plan has room for."""
        if not self.levels:
            return self.head_partitions * self.block
        last = self.levels[-1]
        return last.first_tap + last.n_partitions * last.size


def head_work(plan: Plan) -> float:
    """Work of level 0 in one block."""
    cells = plan.block / 8
    n_bytes = 8 * plan.block * plan.head_partitions * (plan.n_inputs + plan.n_paths)
    transform = DFT_CELL_BIT * math.log2(plan.block) + HEAD_TRANSFORM_CELL
    products = HEAD_PRODUCT * plan.n_paths * plan.head_partitions
    products *= FAR_PRODUCT if n_bytes > FAR_BYTES else 1.0
    transforms = (plan.n_inputs + plan.n_outputs) * transform
    return cells * (products + transforms) + UNIT * (plan.n_inputs + plan.n_outputs)


def column_work(level: Level) -> float:
    """Work of the first step of a level's DFT for 8 columns."""
    return UNIT + level.rows * (DFT_CELL_BIT * math.log2(level.rows) + LEVEL_STEP_CELL)


def row_work(level: Level) -> float:
    """Work of the second step of a level's DFT for 8 rows."""
    return UNIT + level.columns * (DFT_CELL_BIT * math.log2(level.columns) + LEVEL_STEP_CELL)


def product_work(plan: Plan, level: Level, n_partitions: int) -> float:
    """Work of multiplying some partitions of one path, for 8 rows."""
    n_bytes = 8 * level.size * level.n_partitions * (plan.n_inputs + plan.n_paths)  # in float32
    far = FAR_PRODUCT if n_bytes > FAR_BYTES else 1.0
    return far * LEVEL_PRODUCT * level.columns * n_partitions


def unit_works(plan: Plan, level: Level) -> FloatArray:
    """Work of each unit of a level in the order in which they are done (see `schedule`).

    Returns
    -------
    works : (n_units,) float array
    """
    n_groups = level.columns // 8
    paths = plan.n_paths / plan.n_outputs
    shares = [PRODUCTS] * (level.n_partitions // PRODUCTS)
    if level.n_partitions % PRODUCTS:
        shares.append(level.n_partitions % PRODUCTS)
    output = [UNIT + paths * product_work(plan, level, share) for share in shares] + [
        row_work(level)
    ]
    middle = [row_work(level)] * plan.n_inputs + output * plan.n_outputs
    return np.array(
        [column_work(level)] * (plan.n_inputs * n_groups)
        + middle * (level.rows // 8)
        + [column_work(level)] * (plan.n_outputs * n_groups)
    )


def mean_and_worst_work(plan: Plan) -> tuple[float, float]:
    """Work in the average block, and a bound of it in the worst one.

    In one block, a level does its share and at most half a unit at either end of it.
    """
    mean = worst = head_work(plan)
    for level in plan.levels:
        works = unit_works(plan, level)
        share = float(works.sum()) / level.blocks
        mean += share
        worst += share + float(works.max())
    return mean, worst


def plan_partitions(
    n_taps: int, block: int, *, n_inputs: int, n_outputs: int, n_paths: int
) -> Plan:
    """Choose the levels with the least work in the average block, if the worst is not far off.

    Parameters
    ----------
    n_taps : int
        Length of the longest filter, at least 1.
    block : int
        B, a power of two from 16 to 8192.
    n_inputs, n_outputs, n_paths : int
        Size of the matrix and how many of its filters are not empty.

    Returns
    -------
    plan : Plan
    """
    parts = -(-n_taps // block)  # in blocks
    exponents = range(1, (MAX_PARTITION // block).bit_length())
    sizes = [1 << e for e in exponents if block << e >= MIN_PARTITION]

    def plan_for(chosen: tuple[int, ...]) -> Plan:
        ends = [*(2 * blocks for blocks in chosen[1:]), parts][: len(chosen)]
        levels = tuple(
            Level(blocks, -(-(end - 2 * blocks) // blocks), block)
            for blocks, end in zip(chosen, ends, strict=True)
        )
        head = 2 * chosen[0] if chosen else parts
        return Plan(block, n_inputs, n_outputs, n_paths, head, levels)

    candidates = [
        plan_for(chosen)
        for n_levels in range(MAX_LEVELS + 1)
        for chosen in itertools.combinations(sizes, n_levels)
        if not chosen or 2 * chosen[-1] < parts
    ]
    works = [mean_and_worst_work(plan) for plan in candidates]
    even = [i for i, (mean, worst) in enumerate(works) if worst <= MAX_WORST * mean]
    return candidates[min(even, key=lambda i: works[i][0])]

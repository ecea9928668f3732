"""Spreading a level's work over its blocks, so that no block costs much more than the mean.

The work of a level on one frame (M blocks of input) is a row of units in a fixed order, in which
each needs only what stands before it:

1. for each input and each 8 columns: the first step of its forward DFT;
2. for each 8 rows: the second step for each input; then for each output the products, four
   partitions in a unit, and the first step back;
3. for each output and each 8 columns: the second step back.

The row is cut into M pieces of equal estimated work, one for each block. There is no second thread:
the output is the same, bit for bit, however busy the machine is.
"""

import numpy as np
from numpy.typing import NDArray

from roomcal.convolver.planner import Level, Plan, head_work, unit_works
from roomcal.units import FloatArray


def first_units(plan: Plan, level: Level) -> NDArray[np.int64]:
    """First unit of each block, of shape (M + 1,); the last entry is the number of units."""
    done = np.concatenate([[0.0], np.cumsum(unit_works(plan, level))])
    middles = (done[1:] + done[:-1]) / 2
    # A unit belongs to the block in whose share of the work its middle falls.
    ends = np.arange(level.blocks + 1) / level.blocks * done[-1]
    return np.searchsorted(middles, ends).astype(np.int64)


def block_works(plan: Plan) -> FloatArray:
    """Work of every block of one period of the plan, of shape (longest,)."""
    works = np.full(plan.longest, head_work(plan))
    for level in plan.levels:
        done = np.concatenate([[0.0], np.cumsum(unit_works(plan, level))])
        shares = np.diff(done[first_units(plan, level)])
        works += np.tile(shares, plan.longest // level.blocks)
    return works

"""Complex DFTs over cells: eight transforms side by side, in place, without reordering.

The data are `length` cells in a row (see `simd`): eight independent sequences, one in each lane.
Forward is decimation in frequency and leaves the bins bit-reversed; backward is its mirror image,
decimation in time, takes them so, and is not scaled (the filters carry the factor). Radix 4 reads
and writes the data half as often as radix 2 would; a length that is an odd power of two begins
(backward: ends) with one radix-2 pass. `transform.twiddles` gives the factors in this order.
"""

from typing import Any

from roomcal.convolver.compiled import compiled, inlined
from roomcal.convolver.simd import (
    CELL,
    LANES,
    exchange,
    load_cell,
    splat_cell,
    store,
    times_j,
    twice,
)


@inlined
def is_odd_power(length: int) -> bool:
    """Tell whether a power of two has an odd exponent."""
    odd = False
    while length > 1:
        length >>= 1
        odd = not odd
    return odd


@inlined
def turned(pool: Any, z: Any, w: int) -> Any:
    """Return a cell times the factor at `w`."""
    return z * splat_cell(pool, w) + times_j(z * splat_cell(pool, w + 1))


@inlined
def turned_back(pool: Any, z: Any, w: int) -> Any:
    """Return a cell times the conjugate of the factor at `w`."""
    return z * splat_cell(pool, w) - times_j(z * splat_cell(pool, w + 1))


@compiled
def forward(pool: Any, data: int, length: int, factors: int) -> None:
    """DFT of `length` cells; the bins come out bit-reversed."""
    n = length
    if is_odd_power(length):
        half = length >> 1
        for j in range(half):
            p = data + CELL * j
            q = p + CELL * half
            a, b = load_cell(pool, p), load_cell(pool, q)
            store(pool, p, a + b)
            store(pool, q, turned(pool, a - b, factors + 2 * j))
        factors += 2 * half
        n = half
    while n > 4:
        quarter = n >> 2
        step = CELL * quarter
        for first in range(0, length, n):
            for j in range(quarter):
                p, w = data + CELL * (first + j), factors + 6 * j
                a, b = load_cell(pool, p), load_cell(pool, p + step)
                c, d = load_cell(pool, p + 2 * step), load_cell(pool, p + 3 * step)
                s, t, u, v = a + c, b + d, a - c, times_j(b - d)
                store(pool, p, s + t)
                store(pool, p + step, turned(pool, s - t, w + 2))
                store(pool, p + 2 * step, turned(pool, u - v, w))
                store(pool, p + 3 * step, turned(pool, u + v, w + 4))
        factors += 6 * quarter
        n = quarter
    if n == 4:  # the last pass turns nothing
        for p in range(data, data + CELL * length, 4 * CELL):
            a, b = load_cell(pool, p), load_cell(pool, p + CELL)
            c, d = load_cell(pool, p + 2 * CELL), load_cell(pool, p + 3 * CELL)
            s, t, u, v = a + c, b + d, a - c, times_j(b - d)
            store(pool, p, s + t)
            store(pool, p + CELL, s - t)
            store(pool, p + 2 * CELL, u - v)
            store(pool, p + 3 * CELL, u + v)


@compiled
def backward(pool: Any, data: int, length: int, factors: int) -> None:
    """Inverse DFT times `length`, of cells whose bins are bit-reversed."""
    odd = is_odd_power(length)
    top = length >> 1 if odd else length
    w_end = factors + (length if odd else 0)  # behind the radix-2 pass: 2 floats a factor
    n = top
    while n > 4:
        w_end += 6 * (n >> 2)
        n >>= 2
    if n == 4:  # the first pass turns nothing
        for p in range(data, data + CELL * length, 4 * CELL):
            a, b = load_cell(pool, p), load_cell(pool, p + CELL)
            c, d = load_cell(pool, p + 2 * CELL), load_cell(pool, p + 3 * CELL)
            s, t, u, v = a + b, c + d, a - b, times_j(c - d)
            store(pool, p, s + t)
            store(pool, p + CELL, u + v)
            store(pool, p + 2 * CELL, s - t)
            store(pool, p + 3 * CELL, u - v)
    n = 16
    while n <= top:
        quarter = n >> 2
        step = CELL * quarter
        w_end -= 6 * quarter
        for first in range(0, length, n):
            for j in range(quarter):
                p, w = data + CELL * (first + j), w_end + 6 * j
                a = load_cell(pool, p)
                b = turned_back(pool, load_cell(pool, p + step), w + 2)
                c = turned_back(pool, load_cell(pool, p + 2 * step), w)
                d = turned_back(pool, load_cell(pool, p + 3 * step), w + 4)
                s, t, u, v = a + b, c + d, a - b, times_j(c - d)
                store(pool, p, s + t)
                store(pool, p + step, u + v)
                store(pool, p + 2 * step, s - t)
                store(pool, p + 3 * step, u - v)
        n <<= 2
    if odd:
        half = length >> 1
        for j in range(half):
            p = data + CELL * j
            q = p + CELL * half
            a, b = load_cell(pool, p), turned_back(pool, load_cell(pool, q), factors + 2 * j)
            store(pool, p, a + b)
            store(pool, q, a - b)


@compiled
def across_lanes(pool: Any, data: int, length: int, turn: int, constants: int) -> None:
    """Second step of a DFT of 8 length points: turn each cell, then an 8-point DFT in each.

    Three radix-2 passes of decimation in frequency, between lanes 4, 2 and 1 apart: the upper
    lane takes the sum, the lower one the difference, turned. `transform.lane_constants` holds the
    signs and the turns.
    """
    sign_4, sign_2 = twice(pool, constants), twice(pool, constants + LANES)
    sign_1 = twice(pool, constants + 2 * LANES)
    turn_4r, turn_4i = twice(pool, constants + 3 * LANES), twice(pool, constants + 4 * LANES)
    turn_2r, turn_2i = twice(pool, constants + 5 * LANES), twice(pool, constants + 6 * LANES)
    for i in range(0, CELL * length, CELL):
        x = load_cell(pool, data + i)
        a = x * twice(pool, turn + i) + times_j(x * twice(pool, turn + i + 8))
        b = exchange(a, 4) + sign_4 * a
        a = b * turn_4r + times_j(b * turn_4i)
        b = exchange(a, 2) + sign_2 * a
        a = b * turn_2r + times_j(b * turn_2i)
        store(pool, data + i, exchange(a, 1) + sign_1 * a)


@compiled
def back_across_lanes(pool: Any, data: int, length: int, turn: int, constants: int) -> None:
    """Undo `across_lanes`, times 8: its passes in reverse order with conjugate turns."""
    sign_4, sign_2 = twice(pool, constants), twice(pool, constants + LANES)
    sign_1 = twice(pool, constants + 2 * LANES)
    turn_4r, turn_4i = twice(pool, constants + 3 * LANES), twice(pool, constants + 4 * LANES)
    turn_2r, turn_2i = twice(pool, constants + 5 * LANES), twice(pool, constants + 6 * LANES)
    for i in range(0, CELL * length, CELL):
        a = load_cell(pool, data + i)
        b = exchange(a, 1) + sign_1 * a
        a = b * turn_2r - times_j(b * turn_2i)
        b = exchange(a, 2) + sign_2 * a
        a = b * turn_4r - times_j(b * turn_4i)
        b = exchange(a, 4) + sign_4 * a
        back = b * twice(pool, turn + i) - times_j(b * twice(pool, turn + i + 8))
        store(pool, data + i, back)

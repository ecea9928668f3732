"""The compiled heart: frames in, frames out, whatever the host's block is.

`process` is what a compiled audio callback calls. It allocates nothing, takes no lock, raises
nothing and never touches the interpreter. The host's frames go into the ring of past input; when a
block is complete, `advance` computes the next block of output. If the host's block is a multiple
of the kernel's, no latency is added; otherwise output begins `latency` frames late.

`advance` is compiled once for each type of float, and called through its address, which stands in
the table: so that a callback of another shape does not compile the whole convolver again.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _untyped_intrinsic

from roomcal.convolver import layout
from roomcal.convolver.compiled import compiled, compiled_callback
from roomcal.convolver.denormals import flush_denormals, restore_denormals
from roomcal.convolver.head import filter_output, second_half, transform_input
from roomcal.convolver.layout import Pool, Table
from roomcal.convolver.levels import output_of, paths_of, work
from roomcal.convolver.simd import CELL, load, store, zeros
from roomcal.convolver.swap import mix, steer

_intrinsic: Any = _untyped_intrinsic
_UNBOUNDED = 1 << 40  # length of an array that is only known by its address; nothing checks it


@compiled
def compute_side(table: Table, pool: Pool, side: int) -> None:
    """Compute a block of every output with one side's bank; silence if it has none."""
    block, n_outputs, time = table[layout.BLOCK], table[layout.N_OUTPUTS], table[layout.TIME]
    bank, window = table[layout.SIDE_BANKS + side], table[layout.WINDOW_AT]
    bank_floats = table[layout.N_PATHS] * table[layout.HEAD_FILTER_FLOATS]
    filters = table[layout.HEAD_FILTERS_AT] + bank * bank_floats
    for output in range(n_outputs):
        raw = table[layout.RAW_AT] + (side * n_outputs + output) * block
        if bank < 0:
            for n in range(0, block, 8):
                store(pool, raw + n, zeros(pool))
            continue
        filter_output(table, pool, paths_of(table, bank, 0, output), filters)
        for group in range(table[layout.GROUPS]):
            y = second_half(pool, table[layout.WORK_AT], window, group)
            for level in range(table[layout.N_LEVELS]):
                at = layout.LEVELS_LIST + layout.LEVEL_PLACES * level
                blocks = table[at + layout.BLOCKS]
                ready = output_of(table, at, side, output, time // blocks - 1)
                y = y + load(pool, ready + (time & (blocks - 1)) * block + 8 * group)
            store(pool, raw + 8 * group, y)


@compiled
def advance(table: Table, pool: Pool) -> None:
    """Compute one block of output from one block of input, and do the levels' share of work."""
    steer(table)
    for source in range(table[layout.N_INPUTS]):
        transform_input(table, pool, source)
    for side in range(2):
        if side == table[layout.SIDE] or table[layout.SIDE_BANKS + side] >= 0:
            compute_side(table, pool, side)
    mix(table, pool)
    work(table, pool)
    table[layout.TIME] += 1
    table[layout.FILL] = 0


def _advance(table_address: Any, pool_address: Any) -> None:
    """Bridge from plain pointers, which every caller has, to arrays."""
    table = numba.carray(table_address, (_UNBOUNDED,))
    pool = numba.carray(pool_address, (_UNBOUNDED,))
    advance(table, pool)


_ENTRIES: dict[tuple[str, str], Any] = {}  # compiled entries by what they do and type of float


def _entry(function: Any, dtype: type[np.floating], *more: Any) -> int:
    """Return the address of a function of table, pool and more, for a type of float."""
    name = np.dtype(dtype).name
    key = (function.__name__, name)
    if key not in _ENTRIES:
        number = types.float32 if name == "float32" else types.float64
        pointers = [types.CPointer(types.int64), types.CPointer(number)]
        _ENTRIES[key] = compiled_callback(function, types.void(*pointers, *more))
    return int(_ENTRIES[key].address)


def entry_address(dtype: type[np.floating]) -> int:
    """Return the address of `advance` for a type of float; compiles it, or reads the cache."""
    return _entry(_advance, dtype)


@_intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def call_advance(typing_context: Any, table: Any, pool: Any) -> Any:
    """Call the compiled `advance` whose address stands in the table."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        place = cgutils.gep_inbounds(builder, arrays[0], layout.ADVANCE)
        pointers = [array.type for array in arrays]
        function = ir.FunctionType(ir.VoidType(), pointers).as_pointer()
        builder.call(builder.inttoptr(builder.load(place), function), arrays)
        return context.get_dummy_value()

    return types.void(table, pool), generate


@compiled
def take(table: Table, pool: Pool, x: Any, first: int, count: int) -> None:
    """Append frames to the ring of past input; what is no sound becomes silence, and is counted."""
    frames, fill = table[layout.HISTORY_FRAMES], table[layout.FILL]
    at = ((table[layout.TIME] * table[layout.BLOCK]) & (frames - 1)) + fill
    limit, bad = pool[table[layout.INPUT_LIMIT_AT]], 0
    for source in range(table[layout.N_INPUTS]):
        line = table[layout.HISTORY_AT] + source * frames + at
        for n in range(count):
            sample = x[source, first + n]
            if not abs(sample) <= limit:
                sample = 0.0
                bad += 1
            pool[line + n] = sample
    table[layout.BAD_INPUTS] += bad
    table[layout.FILL] = fill + count


@compiled
def give(table: Table, pool: Pool, y: Any, first: int, count: int) -> None:
    """Hand out finished frames; silence where the host's blocks are not those that were agreed."""
    frames = table[layout.RING_FRAMES]
    here = min(count, table[layout.WRITTEN] - table[layout.READ])
    start = table[layout.READ] & (frames - 1)
    straight = min(here, frames - start)  # the rest stands at the beginning of the ring
    for output in range(table[layout.N_OUTPUTS]):
        ring = table[layout.RING_AT] + output * frames
        for n in range(straight):
            y[output, first + n] = pool[ring + start + n]
        for n in range(straight, here):
            y[output, first + n] = pool[ring + start + n - frames]
        for n in range(here, count):
            y[output, first + n] = 0.0
    table[layout.READ] += here
    table[layout.MISSING_FRAMES] += count - here


@compiled
def process(table: Table, pool: Pool, x: Any, y: Any) -> None:
    """Filter any number of frames.

    Parameters
    ----------
    table, pool : arrays
        State of a `Convolver`.
    x : (n_inputs, n_frames) float array
        May be a transposed view of interleaved frames.
    y : (n_outputs, n_frames) float array
        Receives the result.
    """
    process_some(table, pool, x, y, x.shape[1])


@compiled
def process_some(table: Table, pool: Pool, x: Any, y: Any, n_frames: int) -> None:
    """Filter the first `n_frames` of longer arrays: slices would not be known to be contiguous."""
    word = flush_denormals()
    done = 0
    while done < n_frames:
        count = min(table[layout.BLOCK] - table[layout.FILL], n_frames - done)
        take(table, pool, x, done, count)
        if table[layout.FILL] == table[layout.BLOCK]:
            call_advance(table, pool)
        give(table, pool, y, done, count)
        done += count
    restore_denormals(word)


@compiled
def clear(pool: Pool, at: int, n_floats: int) -> None:
    """Write zeros into the pool."""
    for n in range(n_floats):
        pool[at + n] = 0.0


@compiled
def forget(table: Table, pool: Pool) -> None:
    """Forget all past input, keeping banks, gains and commands: silence, until new input comes."""
    n_inputs, n_outputs = table[layout.N_INPUTS], table[layout.N_OUTPUTS]
    clear(pool, table[layout.HISTORY_AT], n_inputs * table[layout.HISTORY_FRAMES])
    ring = table[layout.GROUPS] * table[layout.HEAD_STRIDE]
    clear(pool, table[layout.HEAD_SPECTRA_AT], CELL * n_inputs * ring)
    clear(pool, table[layout.RING_AT], n_outputs * table[layout.RING_FRAMES])
    for level in range(table[layout.N_LEVELS]):
        at = layout.LEVELS_LIST + layout.LEVEL_PLACES * level
        size = table[at + layout.SIZE]
        clear(pool, table[at + layout.SPECTRA_AT], n_inputs * table[at + layout.FILTER_FLOATS])
        clear(pool, table[at + layout.FORWARD_AT], 2 * size * n_inputs)
        clear(pool, table[at + layout.BACKWARD_AT], 4 * size * n_outputs)
        clear(pool, table[at + layout.OUTPUT_AT], 4 * size * n_outputs)


def _process_planar(
    table_address: Any,
    pool_address: Any,
    x_address: Any,
    y_address: Any,
    n_frames: int,
    stride: int,
    gains_address: Any,
    anew: int,
) -> None:
    """Bridge from plain pointers to `process`, with the gains that are wanted."""
    table = numba.carray(table_address, (_UNBOUNDED,))
    pool = numba.carray(pool_address, (_UNBOUNDED,))
    gains = numba.carray(gains_address, (_UNBOUNDED,))
    x = numba.carray(x_address, (table[layout.N_INPUTS], stride))
    y = numba.carray(y_address, (table[layout.N_OUTPUTS], stride))
    if anew:
        forget(table, pool)
    for output in range(table[layout.N_OUTPUTS]):
        pool[table[layout.GAIN_WANTED_AT] + output] = gains[output]
    process_some(table, pool, x, y, n_frames)


def planar_address(dtype: type[np.floating]) -> int:
    """Return the address of `process` for channels of 32-bit floats, one behind the other.

    In C: `void (int64_t *table, T *pool, float *x, float *y, int64_t n_frames, int64_t stride,
    double *gains, int64_t anew)`. Channels stand `stride` floats apart, `gains` holds the wanted
    gain of every output, and with `anew` all past input is forgotten first.
    """
    samples, number = types.CPointer(types.float32), types.CPointer(types.float64)
    more = (samples, samples, types.int64, types.int64, number, types.int64)
    return _entry(_process_planar, dtype, *more)

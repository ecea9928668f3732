"""The compiled convolver against exact convolution, in whatever blocks the host asks for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import oaconvolve

pytest.importorskip("numba", reason="the convolver is compiled: pip install numba")

from roomcal.convolver import kernel, layout
from roomcal.convolver.engine import Convolver, kernel_block

# Rounding to 53 bits lies near -310 dB, of which a DFT and a sum of thousands of products lose some
# 10 dB; the goal leaves room for any machine. Rounding to 24 bits lies near -150 dB.
ERROR_DB = {np.float64: -240.0, np.float32: -130.0}
ROUNDED_ERROR_DB = -150.0  # 24 bits, evenly distributed within an octave: near -152 dB
DTYPES = [np.float64, np.float32]
BLOCKS = [16, 32, 64, 100, 128, 255, 256, 441, 480, 512, 1024, 2048, 4096, 8192]


def filtered(convolver, x, block):
    """Feed whole blocks of the host, one after the other."""
    starts = range(0, x.shape[1], block)
    return np.concatenate([convolver.process(x[:, i : i + block]) for i in starts], axis=1)


def exact(x, taps):
    """Convolve in double precision by another implementation, as long as the input."""
    n = x.shape[1]
    rows = [sum(oaconvolve(x[i], h)[:n] for i, h in enumerate(row)) for row in taps]
    return np.stack(rows)


def error_db(y, reference):
    """Level of the difference re the reference, both as rms over everything."""
    return 20 * np.log10(np.sqrt(np.mean((y - reference) ** 2) / np.mean(reference**2)) + 1e-300)


def check(rng, taps, block, dtype, n_frames):
    n_frames = block * max(1, n_frames // block)
    x = rng.standard_normal((taps.shape[1], n_frames))
    convolver = Convolver.of(taps, block=block, dtype=dtype)

    y = filtered(convolver, x, block)

    late = convolver.latency_samples
    assert convolver.table[layout.MISSING_FRAMES] == 0
    assert not np.any(y[:, :late])
    assert error_db(y[:, late:], exact(x, taps)[:, : n_frames - late]) < ERROR_DB[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    n_taps=st.integers(1, 4096),
    block=st.sampled_from(BLOCKS),
    n_inputs=st.integers(1, 3),
    n_outputs=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_matrix_length_and_block_equals_exact_convolution(
    dtype, n_taps, block, n_inputs, n_outputs, seed
):
    rng = np.random.default_rng(seed)
    taps = rng.standard_normal((n_outputs, n_inputs, n_taps))
    taps[rng.random((n_outputs, n_inputs)) < 0.3] = 0.0  # sparse, now and then
    taps[0, 0, 0] = 1.0  # but never silent

    check(rng, taps, block, dtype, 2 * n_taps + 3 * block)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_works_with_filters_of_usual_length(rng, block, dtype):
    check(rng, rng.standard_normal((2, 1, 16_384)), block, dtype, 40_000)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("block", [16, 256, 8192])
def test_one_tap_is_a_gain(rng, block, dtype):
    check(rng, np.full((1, 1, 1), -0.3), block, dtype, 3 * block)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_million_taps(rng, dtype):
    check(rng, rng.standard_normal((1, 1, 1_048_576)), 64, dtype, 1_300_000)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_thirty_two_channels(rng, dtype):
    taps = np.eye(32)[..., None] * rng.standard_normal((32, 32, 8192))
    taps[0] = rng.standard_normal((32, 8192))  # and one output that sums all of them
    check(rng, taps, 128, dtype, 20_000)


def test_a_matrix_without_filters_is_silent(rng):
    convolver = Convolver.of(np.zeros((2, 1, 5)), block=16)

    assert not np.any(convolver.process(rng.standard_normal((1, 64))))


@pytest.mark.parametrize("dtype", DTYPES)
def test_streaming_equals_filtering_in_one_go(rng, dtype):
    taps, x = rng.standard_normal((2, 2, 5000)), rng.standard_normal((2, 64 * 300))

    streamed = filtered(Convolver.of(taps, block=64, dtype=dtype), x, 64)
    at_once = Convolver.of(taps, block=64, dtype=dtype).process(x)

    np.testing.assert_array_equal(streamed, at_once)  # the same bits


def test_written_to_32_bit_samples_only_their_rounding_is_left(rng):
    taps, x = rng.standard_normal((1, 1, 4000)), rng.standard_normal((1, 64 * 200))
    x = x.astype(np.float32)

    y = filtered(Convolver.of(taps, block=64), x, 64)

    assert y.dtype == np.float32
    assert error_db(y, exact(np.float64(x), taps)) < ROUNDED_ERROR_DB


def test_an_empty_block_changes_nothing(rng):
    convolver = Convolver.of(rng.standard_normal((1, 1, 100)), block=64)

    assert convolver.process(np.zeros((1, 0))).shape == (1, 0)
    assert convolver.table[layout.FILL] == 0


@pytest.mark.parametrize(
    ("host", "kernel_frames", "latency"),
    [
        *[(64, 64, 0), (480, 32, 0), (48, 16, 0), (8192, 8192, 0), (65536, 8192, 0)],
        *[(441, 64, 63), (100, 64, 60), (1, 16, 15), (24, 16, 8), (20, 16, 12)],
    ],
)
def test_only_blocks_that_no_power_of_two_divides_wait_in_a_fifo(host, kernel_frames, latency):
    assert kernel_block(host) == kernel_frames
    assert Convolver.of(np.ones((1, 1, 1)), block=host).latency_samples == latency


def test_a_host_that_breaks_its_word_gets_silence_and_a_count(rng):
    x = rng.standard_normal((1, 6400))
    convolver = Convolver.of(np.ones((1, 1, 1)), block=64)
    lengths = [64, 50, 64, 7, 200, 64]

    at, parts = 0, []
    for length in lengths:
        parts.append(convolver.process(x[:, at : at + length]))
        at += length
    y = np.concatenate(parts, axis=1)

    missing = int(convolver.table[layout.MISSING_FRAMES])
    assert 0 < missing < 64
    # Everything arrives in its order: after the last gap, later by what was missing.
    np.testing.assert_allclose(y[0, -64:], x[0, at - 64 - missing : at - missing], atol=1e-12)


def test_the_same_input_gives_the_same_bits(rng):
    taps, x = rng.standard_normal((3, 2, 9000)), rng.standard_normal((2, 64 * 400))

    first, second = (filtered(Convolver.of(taps, block=64), x, 64) for _ in range(2))

    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("dtype", DTYPES)
def test_fault_37_what_is_no_sound_becomes_silence_and_is_counted(rng, bad, dtype):
    taps, x = rng.standard_normal((1, 1, 3000)), rng.standard_normal((1, 64 * 100))
    clean = x.copy()
    x[0, 100:110], clean[0, 100:110] = bad, 0.0
    convolver = Convolver((1, 1, 3000), block=64, dtype=dtype, input_limit=1e6)
    convolver.load(0, taps)
    convolver.begin_with(0)

    y = filtered(convolver, x, 64)

    assert np.isfinite(y).all()
    assert convolver.table[layout.BAD_INPUTS] == 10
    assert error_db(y, exact(clean, taps)) < ERROR_DB[dtype]  # the state never saw it


def test_a_result_that_no_float_holds_becomes_silence_and_is_counted():
    convolver = Convolver.of(np.full((1, 1, 1), 1e30), block=16)

    y = convolver.process(np.full((1, 16), 1e10))

    assert not np.any(y)
    assert convolver.table[layout.BAD_OUTPUTS] == 16


def test_forgetting_leaves_no_trace_of_the_past(rng):
    taps, x = rng.standard_normal((2, 2, 6000)), rng.standard_normal((2, 64 * 128))
    used, fresh = Convolver.of(taps, block=64), Convolver.of(taps, block=64)
    filtered(used, rng.standard_normal((2, 64 * 128)), 64)

    used.forget()

    np.testing.assert_allclose(filtered(used, x, 64), filtered(fresh, x, 64), rtol=0, atol=1e-9)


def test_32_bit_input_gives_32_bit_output(rng):
    x = rng.standard_normal((1, 64)).astype(np.float32)

    y = Convolver.of(np.ones((1, 1, 1)), block=64).process(x)

    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"shape": (0, 1, 1), "block": 64}, "nothing to filter"),
        ({"shape": (1, 1, 1), "block": 0}, "at least one frame"),
        ({"shape": (1, 1, 1), "block": 64, "paths": [(1, 0)]}, "outside of the matrix"),
        ({"shape": (1, 1, 1), "block": 64, "dtype": np.float16}, "float32 or float64"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        Convolver(**arguments)


def test_wrong_channels_are_refused():
    with pytest.raises(ValueError, match=r"expected \(2, n\) samples"):
        Convolver.of(np.ones((1, 2, 4)), block=16).process(np.zeros((1, 16)))


# --- what a compiled callback relies on ---


def test_nothing_is_allocated_while_audio_runs(rng):
    import numba
    from numba.core.runtime import _nrt_python, rtsys

    @numba.njit
    def run(table, pool, x, y, n_blocks):
        for _ in range(n_blocks):
            kernel.process(table, pool, x, y)

    convolver = Convolver.of(rng.standard_normal((2, 2, 9000)), block=64)
    state = convolver.table, convolver.pool, rng.standard_normal((2, 64)), np.empty((2, 64))
    run(*state, 1)
    _nrt_python.memsys_enable_stats()
    before = rtsys.get_allocation_stats()
    run(*state, 300)
    after = rtsys.get_allocation_stats()

    # What is left is the way from Python into compiled code: one wrapper for each array.
    assert after.alloc - before.alloc == len(state)
    assert after.mi_alloc - before.mi_alloc == len(state)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_compiled_callback_with_interleaved_frames_calls_it(rng, dtype):
    import numba
    from numba import types

    number = types.float32 if dtype is np.float32 else types.float64
    pointer = types.CPointer

    @numba.cfunc(
        types.void(pointer(types.int64), pointer(number), *[pointer(types.float32)] * 2, types.intp)
    )
    def callback(table_at, pool_at, x_at, y_at, n_frames):
        table, pool = numba.carray(table_at, (1 << 40,)), numba.carray(pool_at, (1 << 40,))
        x, y = numba.carray(x_at, (n_frames, 2)), numba.carray(y_at, (n_frames, 2))
        kernel.process(table, pool, x.T, y.T)

    taps = rng.standard_normal((2, 2, 1000))
    x = rng.standard_normal((64 * 40, 2)).astype(np.float32)
    y = np.zeros_like(x)
    convolver = Convolver.of(taps, block=64, dtype=dtype)
    for i in range(0, len(x), 64):
        parts = [convolver.table, convolver.pool, x[i : i + 64], y[i : i + 64]]
        places = [
            part.ctypes.data_as(kind)
            for part, kind in zip(parts, callback.ctypes.argtypes[:4], strict=True)
        ]
        callback.ctypes(*places, 64)

    assert error_db(y.T.astype(np.float64), exact(x.T.astype(np.float64), taps)) < -130.0


def test_every_position_lies_on_a_cache_line(rng):
    convolver = Convolver.of(rng.standard_normal((3, 2, 5000)), block=16, dtype=np.float32)

    assert convolver.pool.ctypes.data % layout.ALIGNMENT == 0
    assert convolver.table[layout.HEAD_FILTERS_AT] % 16 == 0

"""How code is compiled: vectors, denormal numbers, the cache, and what happens without numba."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("numba", reason="the convolver is compiled: pip install numba")

import numba
from llvmlite import binding, ir

from roomcal.convolver import compiled, denormals, fft, kernel, simd
from roomcal.convolver.layout import _Pool

SMALLEST = 2.0**-1074  # a denormal number: the smallest above zero in 64 bits


def pool_of(values):
    room = _Pool()
    room.constant(np.asarray(values, dtype=np.float64))
    return room.allocate(np.float64)


def test_vectors_compute_like_numbers(rng):
    a, b = rng.standard_normal((2, 8))
    pool = pool_of(np.concatenate([a, b, np.zeros(40)]))

    @numba.njit
    def run(pool):
        a, b = simd.load(pool, 0), simd.load(pool, 8)
        simd.store(pool, 16, a * b + a - b)
        simd.store(pool, 24, simd.exchange(a, 2))
        simd.store(pool, 32, simd.splat(pool, 3))
        simd.store(pool, 40, simd.zeros(pool))

    run(pool)

    np.testing.assert_allclose(pool[16:24], a * b + a - b, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(pool[24:32], a[np.arange(8) ^ 2])
    np.testing.assert_array_equal(pool[32:40], a[3])
    np.testing.assert_array_equal(pool[40:48], 0.0)


def test_a_transposition_is_one(rng):
    matrix = rng.standard_normal((8, 8))
    pool = pool_of(np.concatenate([matrix.ravel(), np.zeros(64)]))

    @numba.njit
    def run(pool):
        simd.transpose(pool, 0, 8, 64, 8)

    run(pool)

    np.testing.assert_array_equal(pool[64:].reshape(8, 8), matrix.T)


@pytest.mark.skipif(denormals._MACHINE == "none", reason="no control word that roomcal knows")
def test_denormals_are_flushed_in_between_and_only_there():
    @numba.njit
    def run(x):
        before = x[0] * 0.5
        word = denormals.flush_denormals()
        x[1] = x[0] * 0.5
        denormals.restore_denormals(word)
        return before, x[1], x[0] * 0.5

    before, between, after = run(np.array([4 * SMALLEST, 0.0]))

    assert before == after == 2 * SMALLEST
    assert between == 0.0


def test_a_tail_that_fades_away_ends_in_zeros_and_not_in_denormals():
    from roomcal.convolver.engine import Convolver

    convolver = Convolver.of(np.full((1, 1, 1), 1.0), block=16, dtype=np.float32)

    y = convolver.process(np.full((1, 16), 1e-42, dtype=np.float32))

    assert not np.any(y)


@pytest.mark.parametrize(
    ("triple", "machine"),
    [
        ("x86_64-unknown-linux-gnu", "x86"),
        ("x86_64-pc-windows-msvc", "x86"),
        ("arm64-apple-darwin24.0.0", "arm64"),
        ("aarch64-unknown-linux-gnu", "arm64"),
        ("riscv64-unknown-linux-gnu", "none"),
    ],
)
def test_every_processor_has_its_control_word(triple, machine):
    assert denormals.machine_of(triple) == machine


def test_the_code_for_arm64_reads_and_writes_its_control_word():
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        target = binding.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError:
        pytest.skip("this LLVM has no arm64")
    module = ir.Module()
    module.triple = "aarch64-unknown-linux-gnu"
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), []), "flush")
    builder = ir.IRBuilder(function.append_basic_block())
    denormals.write_word(builder, "arm64", denormals.read_word(builder, "arm64"))
    builder.ret_void()

    assembly = target.create_target_machine().emit_assembly(binding.parse_assembly(str(module)))

    assert "mrs" in assembly
    assert "msr" in assembly
    assert "fpcr" in assembly.lower()


@pytest.mark.parametrize("function", [fft.forward, kernel.process, kernel.advance, simd.transpose])
def test_cached_code_depends_on_all_sources(function):
    # Without the stamp, a change in one file would leave old code in the cache of its callers.
    stamp = function._cache._cache_file._source_stamp

    assert compiled.digest_of_sources("roomcal.convolver") in stamp[1]


def test_a_nan_is_seen_by_compiled_code():
    @compiled.compiled
    def is_number(x):
        return abs(x) <= 1.0

    assert is_number(0.5)
    assert not is_number(np.nan)


def test_without_numba_the_message_says_what_to_install():
    program = """
import sys
sys.modules["numba"] = None
from roomcal.errors import RoomcalError
try:
    import roomcal.convolver.engine
except RoomcalError as error:
    print(error.fault, error.message, error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.startswith("RC-101 ")
    assert "pip install numba" in done.stdout


def test_the_reference_convolver_needs_no_numba():
    program = 'import sys; sys.modules["numba"] = None; import roomcal.convolver.partitioned'

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

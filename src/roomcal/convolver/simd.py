"""Eight numbers at a time: a vector type for compiled code.

numba leaves vectorising to LLVM, which gives up on butterflies and shuffles. The type `Vector` is
LLVM's own `<8 x float>` or `<8 x double>`; LLVM turns it into AVX-512, AVX, SSE or NEON registers,
whatever the machine has. The functions work on a pool, a one-dimensional array of floats that
starts at a multiple of 64 bytes, and on positions in it that are multiples of 8.

Complex numbers are kept in cells: 8 real parts, then the 8 imaginary parts that belong to them.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import RequireLiteralValue
from numba.core.typing import signature as typing_signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic as _untyped_intrinsic
from numba.extending import lower_builtin, models, register_model

from roomcal.convolver.compiled import inlined

LANES = 8  # numbers in a vector
CELL = 2 * LANES  # floats in a cell: real parts, then imaginary parts

Intrinsic = Callable[..., Any]
_intrinsic: Callable[[Intrinsic], Intrinsic] = _untyped_intrinsic
_INDEX = ir.IntType(32)


class VectorType(types.Type):  # type: ignore[misc]
    """numba's type of a vector of 8 floats, or of the 16 of a cell."""

    def __init__(self, dtype: Any, lanes: int = LANES) -> None:
        self.dtype, self.lanes = dtype, lanes
        super().__init__(name=f"Vector({dtype} x {lanes})")


@register_model(VectorType)  # type: ignore[untyped-decorator, unused-ignore]
class VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    """A vector is one LLVM value, wherever it goes."""

    def __init__(self, manager: Any, vector: VectorType) -> None:
        super().__init__(manager, vector, _llvm_type(vector))


def _llvm_type(vector: VectorType) -> Any:
    number = ir.FloatType() if vector.dtype == types.float32 else ir.DoubleType()
    return ir.VectorType(number, vector.lanes)


def _pattern(lanes: list[int]) -> Any:
    return ir.Constant(ir.VectorType(_INDEX, len(lanes)), lanes)


def _address(context: Any, builder: Any, pool_type: Any, pool: Any, at: Any) -> Any:
    array = context.make_array(pool_type)(context, builder, pool)
    return builder.gep(array.data, [at])


def _vector_address(context: Any, builder: Any, signature: Any, arguments: Any, vector: Any) -> Any:
    address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
    return builder.bitcast(address, _llvm_type(vector).as_pointer())


def _alignment(vector: VectorType) -> int:
    return vector.lanes * int(vector.dtype.bitwidth) // 8


@_intrinsic
def load(typing_context: Any, pool: Any, at: Any) -> Any:
    """Return the vector at a position of the pool."""
    vector = VectorType(pool.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _vector_address(context, builder, signature, arguments, vector)
        return builder.load(address, align=_alignment(vector))

    return vector(pool, types.intp), generate


@_intrinsic
def load_cell(typing_context: Any, pool: Any, at: Any) -> Any:
    """Return a whole cell, real parts and imaginary parts, as one vector of 16."""
    vector = VectorType(pool.dtype, CELL)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _vector_address(context, builder, signature, arguments, vector)
        return builder.load(address, align=_alignment(VectorType(pool.dtype)))

    return vector(pool, types.intp), generate


@_intrinsic
def twice(typing_context: Any, pool: Any, at: Any) -> Any:
    """Return 8 floats of the pool in both halves of a vector of 16."""
    half, whole = VectorType(pool.dtype), VectorType(pool.dtype, CELL)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _vector_address(context, builder, signature, arguments, half)
        value = builder.load(address, align=_alignment(half))
        undefined = ir.Constant(_llvm_type(half), ir.Undefined)
        return builder.shuffle_vector(value, undefined, _pattern(2 * list(range(LANES))))

    return whole(pool, types.intp), generate


@_intrinsic
def splat_cell(typing_context: Any, pool: Any, at: Any) -> Any:
    """Return one float of the pool in all lanes of a cell; the position may be any."""
    vector = VectorType(pool.dtype, CELL)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = builder.load(_address(context, builder, signature.args[0], *arguments))
        undefined = ir.Constant(_llvm_type(vector), ir.Undefined)
        first = builder.insert_element(undefined, number, ir.Constant(_INDEX, 0))
        return builder.shuffle_vector(first, undefined, _pattern([0] * CELL))

    return vector(pool, types.intp), generate


@_intrinsic
def times_j(typing_context: Any, value: Any) -> Any:
    """Return the cell j z for a cell z: its real parts are -Im z, its imaginary parts Re z."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        negative = builder.fneg(arguments[0])
        lanes = [*range(CELL + LANES, 2 * CELL), *range(LANES)]
        return builder.shuffle_vector(arguments[0], negative, _pattern(lanes))

    return value(value), generate


@_intrinsic
def store(typing_context: Any, pool: Any, at: Any, value: Any) -> Any:
    """Write a vector at a position of the pool."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _vector_address(context, builder, signature, arguments, value)
        builder.store(arguments[2], address, align=_alignment(VectorType(value.dtype)))
        return context.get_dummy_value()

    return types.void(pool, types.intp, value), generate


@_intrinsic
def splat(typing_context: Any, pool: Any, at: Any) -> Any:
    """Return one float of the pool in all lanes; the position may be any."""
    vector = VectorType(pool.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = builder.load(_address(context, builder, signature.args[0], *arguments))
        undefined = ir.Constant(_llvm_type(vector), ir.Undefined)
        first = builder.insert_element(undefined, number, ir.Constant(_INDEX, 0))
        return builder.shuffle_vector(first, undefined, _pattern([0] * LANES))

    return vector(pool, types.intp), generate


@_intrinsic
def empty_cell(typing_context: Any, pool: Any) -> Any:
    """Return a cell of zeros of the pool's type."""
    vector = VectorType(pool.dtype, CELL)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_llvm_type(vector), [0.0] * CELL)

    return vector(pool), generate


@_intrinsic
def zeros(typing_context: Any, pool: Any) -> Any:
    """Return a vector of zeros of the pool's type."""
    vector = VectorType(pool.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_llvm_type(vector), [0.0] * LANES)

    return vector(pool), generate


@_intrinsic
def exchange(typing_context: Any, value: Any, distance: Any) -> Any:
    """Swap lane l with lane l ^ distance, a constant 1, 2 or 4."""
    if not isinstance(distance, types.IntegerLiteral):
        raise RequireLiteralValue("distance")
    lanes = [lane ^ distance.literal_value for lane in range(value.lanes)]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        undefined = ir.Constant(_llvm_type(value), ir.Undefined)
        return builder.shuffle_vector(arguments[0], undefined, _pattern(lanes))

    return value(value, distance), generate


class _VectorArithmetic(AbstractTemplate):  # type: ignore[misc]
    """Typing of an operator between two vectors: the result is of their type."""

    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 2 and all(isinstance(value, VectorType) for value in args):
            return typing_signature(args[0], args[0], args[1])
        return None


def _define(symbol: Any, instruction: str) -> None:
    """Make an operator between vectors one instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments, flags=("contract",))

    infer_global(symbol)(type(f"Vector_{instruction}", (_VectorArithmetic,), {}))
    lower_builtin(symbol, VectorType, VectorType)(generate)


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")


def _merge(lanes: list[int]) -> Intrinsic:
    """Make a function that picks 8 lanes of two vectors: 0-7 are the first's, 8-15 the second's."""

    @_intrinsic
    def merge(typing_context: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.shuffle_vector(arguments[0], arguments[1], _pattern(lanes))

        return a(a, b), generate

    return merge


# A transposition in three steps, each of which swaps the off-diagonal parts of all 2 x 2 blocks of
# size 1, 2 and 4: the first row of a block, then the second.
_upper_1, _lower_1 = _merge([0, 8, 2, 10, 4, 12, 6, 14]), _merge([1, 9, 3, 11, 5, 13, 7, 15])
_upper_2, _lower_2 = _merge([0, 1, 8, 9, 4, 5, 12, 13]), _merge([2, 3, 10, 11, 6, 7, 14, 15])
_upper_4, _lower_4 = _merge([0, 1, 2, 3, 8, 9, 10, 11]), _merge([4, 5, 6, 7, 12, 13, 14, 15])


@inlined
def transpose(pool: Any, source: int, source_stride: int, target: int, target_stride: int) -> None:
    """Write the transposed 8 x 8 matrix whose rows stand `source_stride` floats apart."""
    a, b = load(pool, source), load(pool, source + source_stride)
    c, d = load(pool, source + 2 * source_stride), load(pool, source + 3 * source_stride)
    e, f = load(pool, source + 4 * source_stride), load(pool, source + 5 * source_stride)
    g, h = load(pool, source + 6 * source_stride), load(pool, source + 7 * source_stride)
    a, b, c, d = _upper_1(a, b), _lower_1(a, b), _upper_1(c, d), _lower_1(c, d)
    e, f, g, h = _upper_1(e, f), _lower_1(e, f), _upper_1(g, h), _lower_1(g, h)
    a, b, c, d = _upper_2(a, c), _upper_2(b, d), _lower_2(a, c), _lower_2(b, d)
    e, f, g, h = _upper_2(e, g), _upper_2(f, h), _lower_2(e, g), _lower_2(f, h)
    store(pool, target, _upper_4(a, e))
    store(pool, target + target_stride, _upper_4(b, f))
    store(pool, target + 2 * target_stride, _upper_4(c, g))
    store(pool, target + 3 * target_stride, _upper_4(d, h))
    store(pool, target + 4 * target_stride, _lower_4(a, e))
    store(pool, target + 5 * target_stride, _lower_4(b, f))
    store(pool, target + 6 * target_stride, _lower_4(c, g))
    store(pool, target + 7 * target_stride, _lower_4(d, h))

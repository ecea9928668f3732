"""Memory and functions of C, seen from compiled code: addresses become arrays, and calls.

Everything that a callback gets from its host is an address. Addresses are 64-bit integers here, as
they are in a table of int64; a pointer and such an integer travel alike in the calling conventions
of all 64-bit systems.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as _untyped_intrinsic

_intrinsic: Callable[[Any], Any] = _untyped_intrinsic
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


def _pointer_to(number: Any) -> Any:
    """Make a function that takes an address for that of numbers of one type."""

    @_intrinsic
    def at(typing_context: Any, address: Any) -> Any:
        pointer = types.CPointer(number)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(pointer))

        return pointer(types.int64), generate

    return at


longs_at = _pointer_to(types.int64)
words_at = _pointer_to(types.int32)
floats_at = _pointer_to(types.float32)
doubles_at = _pointer_to(types.float64)


def _foreign(result: Any, *parameters: Any) -> Any:
    """Make a function that calls C at an address with integers of these widths.

    The result is a 64-bit integer; 0 where C returns nothing.
    """
    names = ", ".join(f"a{n}" for n in range(len(parameters)))

    def typed(*arguments: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            function = ir.FunctionType(result, list(parameters)).as_pointer()
            place = builder.inttoptr(values[0], function)
            passed = [
                builder.trunc(value, kind) if kind == _INT32 else value
                for value, kind in zip(values[1:], parameters, strict=True)
            ]
            answer = builder.call(place, passed)
            if result == _INT64:
                return answer
            return builder.sext(answer, _INT64) if result == _INT32 else ir.Constant(_INT64, 0)

        return types.int64(*[types.int64] * (1 + len(parameters))), generate

    # numba reads the number of parameters from the signature.
    source = f"lambda typing_context, address, {names}: typed(address, {names})"
    return _intrinsic(eval(source, {"typed": typed}))


# void (*)(table, pool, x, y, n_frames, stride, gains, anew): `kernel.planar_address`.
call_engine = _foreign(ir.VoidType(), *[_INT64] * 8)
# int clock_gettime(clockid_t, struct timespec *)
call_clock = _foreign(_INT32, _INT32, _INT64)
# BOOL QueryPerformanceCounter(LARGE_INTEGER *)
call_counter = _foreign(_INT32, _INT64)
# void *jack_port_get_buffer(jack_port_t *, jack_nframes_t)
port_buffer = _foreign(_INT64, _INT64, _INT32)


@_intrinsic
def float_of_bits(typing_context: Any, bits: Any) -> Any:
    """Return the 32-bit float that has these bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(builder.trunc(arguments[0], _INT32), ir.FloatType())

    return types.float32(types.int64), generate


@_intrinsic
def bits_of_float(typing_context: Any, value: Any) -> Any:
    """Return the bits of a 32-bit float."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _INT32)

    return types.int32(types.float32), generate

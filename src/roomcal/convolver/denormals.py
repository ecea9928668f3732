"""Numbers too small to matter must not cost time: flush them to zero while audio is computed.

A decaying tail ends in denormal numbers, on which a processor may work a hundred times slower. Its
control word has bits that replace them by zero: FTZ (results) and DAZ (operands) in the MXCSR
register of x86 [1], FZ in the FPCR register of arm64 [2]. The word belongs to the thread, so it is
put back afterwards: the host's own computation is none of our business.

References
----------
.. [1] Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 10.2.3.
.. [2] Arm Architecture Reference Manual for A-profile, C5.2.8 FPCR.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _untyped_intrinsic

FTZ_AND_DAZ = 0x8040  # x86: bits 15 and 6 of MXCSR
FZ = 1 << 24  # arm64: bit 24 of FPCR

_intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = _untyped_intrinsic
_WORD = ir.IntType(64)


def machine_of(triple: str) -> str:
    """Return which control word a processor has: x86, arm64 or none that we know."""
    processor = triple.split("-")[0]
    if processor in ("x86_64", "i686", "i386", "amd64"):
        return "x86"
    return "arm64" if processor in ("aarch64", "arm64", "arm64e") else "none"


_MACHINE = machine_of(binding.get_process_triple())


def _call(builder: Any, name: str, *, result: Any, arguments: list[Any]) -> Any:
    """Generate the call of an intrinsic function of LLVM."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, arguments)


def read_word(builder: Any, machine: str) -> Any:
    """Generate what reads the control word, as 64 bits."""
    if machine == "x86":
        place = cgutils.alloca_once(builder, ir.IntType(32))
        bytes_at = builder.bitcast(place, cgutils.voidptr_t)
        _call(builder, "llvm.x86.sse.stmxcsr", result=ir.VoidType(), arguments=[bytes_at])
        return builder.zext(builder.load(place), _WORD)
    if machine == "arm64":
        return _call(builder, "llvm.aarch64.get.fpcr", result=_WORD, arguments=[])
    return ir.Constant(_WORD, 0)


def write_word(builder: Any, machine: str, word: Any) -> None:
    """Generate what writes the control word."""
    if machine == "x86":
        place = cgutils.alloca_once(builder, ir.IntType(32))
        builder.store(builder.trunc(word, ir.IntType(32)), place)
        bytes_at = builder.bitcast(place, cgutils.voidptr_t)
        _call(builder, "llvm.x86.sse.ldmxcsr", result=ir.VoidType(), arguments=[bytes_at])
    elif machine == "arm64":
        _call(builder, "llvm.aarch64.set.fpcr", result=ir.VoidType(), arguments=[word])


@_intrinsic
def flush_denormals(typing_context: Any) -> Any:
    """Treat denormal numbers as zero from here on; return the word for `restore_denormals`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        before = read_word(builder, _MACHINE)
        bits = {"x86": FTZ_AND_DAZ, "arm64": FZ}.get(_MACHINE, 0)
        write_word(builder, _MACHINE, builder.or_(before, ir.Constant(_WORD, bits)))
        return before

    return types.int64(), generate


@_intrinsic
def restore_denormals(typing_context: Any, word: Any) -> Any:
    """Put back the control word that `flush_denormals` found."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write_word(builder, _MACHINE, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate

"""How the convolver is compiled: the options of numba, and a cache that knows all its sources.

numba caches machine code beside the file of a function and throws it away when that file changes.
It does not look at the files of the functions called from there, whose code is part of the result.
So the cache of every function is stamped with the digest of this package and of its own.
"""

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any, TypeVar, cast

from roomcal.errors import RoomcalError

try:
    import numba
    from numba.core.ccallback import CFunc
except ImportError as error:
    raise RoomcalError(
        "RC-101",
        "filtering runs on numba, which is not installed",
        hint="install numba (pip install numba) under a Python that it supports",
    ) from error

_OWN = "roomcal.convolver"
Function = TypeVar("Function", bound=Callable[..., Any])

# A product may be fused with the sum it goes into; nothing else is reordered, so that a test for
# NaN means what it says and two runs give the same bits.
FAST_MATH = {"contract"}
OPTIONS: dict[str, Any] = {
    "error_model": "numpy",  # no exception where a division fails
    "fastmath": FAST_MATH,
    "nogil": True,
    "cache": True,
}


@functools.cache
def digest_of_sources(package: str) -> str:
    """Return a digest of the source of a package."""
    digest = hashlib.sha256()
    for file in sorted(resources.files(package).iterdir(), key=lambda item: item.name):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _stamp(cache: Any, function: Callable[..., Any]) -> None:
    """Make cached code depend on all sources that it is made from: the convolver, and its own.

    Uses a private name of numba; without it, numba's own rule holds (the file of the function).
    """
    packages = {_OWN, function.__module__.rpartition(".")[0]} - {""}
    sources = tuple(digest_of_sources(package) for package in sorted(packages))
    file = getattr(cache, "_cache_file", None)
    own = getattr(file, "_source_stamp", None)
    if file is not None and own is not None:
        file._source_stamp = (own, sources)


def compiled(function: Function) -> Function:
    """Compile a function at its first call, or read it from the cache."""
    return _compiled(function, OPTIONS)


def inlined(function: Function) -> Function:
    """Compile a few lines that stand in the innermost loops: they cost no call."""
    return _compiled(function, {**OPTIONS, "forceinline": True})


def without_nan(function: Function) -> Function:
    """Compile what only ever sees numbers: maxima and sums are then found eight at a time."""
    return _compiled(function, {**OPTIONS, "fastmath": FAST_MATH | {"nnan", "nsz", "reassoc"}})


def _compiled(function: Function, options: dict[str, Any]) -> Function:
    dispatcher = numba.njit(**options)(function)
    _stamp(dispatcher._cache, function)
    return cast(Function, dispatcher)


_LISTENERS: list[Callable[[], None]] = []


@contextlib.contextmanager
def announcing(listener: Callable[[], None]) -> Iterator[None]:
    """Let `listener` know, once, that something must be compiled: it takes a while."""
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        if listener in _LISTENERS:
            _LISTENERS.remove(listener)


class _Announced(CFunc):
    """A callback that says so before it is compiled; one from the cache is not."""

    def _compile_uncached(self) -> Any:
        while _LISTENERS:
            _LISTENERS.pop()()
        ordinary: Any = super()
        return ordinary._compile_uncached()


def compiled_callback(function: Callable[..., Any], signature: Any) -> Any:
    """Compile a function for callers in C, now, or read it from the cache.

    Parameters
    ----------
    function : callable
    signature : numba signature
        Types of the result and of the arguments: numbers and pointers.

    Returns
    -------
    callback : numba.core.ccallback.CFunc
        Its `address` is what C calls, as long as the callback lives; `cache_hits` is 0 if it was
        compiled.
    """
    options = {"error_model": "numpy", "fastmath": FAST_MATH}
    result = numba.core.sigutils.normalize_signature(signature)
    callback: Any = _Announced(function, result, locals={}, options=options)
    callback.enable_caching()
    _stamp(callback._cache, function)
    callback.compile()
    return callback

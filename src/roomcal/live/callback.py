"""The audio callbacks themselves: one for PortAudio, one for JACK, both compiled.

Nothing here allocates, locks, logs, raises or touches the interpreter. The output is zeroed first;
then the host's frames are carried piece by piece to where `process` works, and back. Denormal
numbers count as zero meanwhile, and what the host had set is put back.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types

from roomcal.convolver import kernel
from roomcal.convolver.compiled import announcing, compiled, compiled_callback
from roomcal.convolver.denormals import flush_denormals, restore_denormals
from roomcal.live import memory as m
from roomcal.live.commands import begin, end
from roomcal.live.memory import MAX_FRAMES, State
from roomcal.live.pointers import floats_at, longs_at, port_buffer
from roomcal.live.process import process_piece

_CONTINUE = 0  # paContinue, and success for JACK


@compiled
def clear(samples: Any) -> None:
    """Write silence."""
    for n in range(samples.size):
        samples[n] = 0.0


@compiled
def play_interleaved(state: State, x_address: int, y_address: int, n: int, flags: int) -> None:
    """Do a callback whose frames hold the samples of all channels side by side."""
    n_inputs, n_outputs = state[m.N_INPUTS], state[m.N_OUTPUTS]
    numbers = m.numbers_of(state)
    target = numba.carray(floats_at(y_address), (n * n_outputs,))
    clear(target)
    start = begin(state, numbers, n, flags)
    for first in range(0, n, MAX_FRAMES):
        count = min(MAX_FRAMES, n - first)
        if x_address != 0:
            source = numba.carray(floats_at(x_address), (n * n_inputs,))
            for channel in range(n_inputs):
                x = m.samples(state[m.X], channel, 0, count)
                for k in range(x.size):
                    x[k] = source[(first + k) * n_inputs + channel]
        else:  # a host that only fills its buffers has no input yet
            for channel in range(n_inputs):
                clear(m.samples(state[m.X], channel, 0, count))
        process_piece(state, numbers, count)
        for channel in range(n_outputs):
            y = m.samples(state[m.Y], channel, 0, count)
            for k in range(y.size):
                target[(first + k) * n_outputs + channel] = y[k]
    end(state, numbers, n, start)


@compiled
def play_ports(state: State, n: int) -> None:
    """Do a callback whose channels have buffers of their own, which JACK is asked for."""
    n_inputs, n_outputs = state[m.N_INPUTS], state[m.N_OUTPUTS]
    numbers = m.numbers_of(state)
    ports = numba.carray(longs_at(state[m.PORTS]), (n_inputs + n_outputs,))
    for channel in range(n_outputs):
        address = port_buffer(state[m.PORT_BUFFER], ports[n_inputs + channel], n)
        clear(numba.carray(floats_at(address), (n,)))
    start = begin(state, numbers, n, 0)
    for first in range(0, n, MAX_FRAMES):
        count = min(MAX_FRAMES, n - first)
        for channel in range(n_inputs):
            address = port_buffer(state[m.PORT_BUFFER], ports[channel], n)
            source = numba.carray(floats_at(address + 4 * first), (count,))
            x = m.samples(state[m.X], channel, 0, count)
            for k in range(x.size):
                x[k] = source[k]
        process_piece(state, numbers, count)
        for channel in range(n_outputs):
            address = port_buffer(state[m.PORT_BUFFER], ports[n_inputs + channel], n)
            target = numba.carray(floats_at(address + 4 * first), (count,))
            y = m.samples(state[m.Y], channel, 0, count)
            for k in range(y.size):
                target[k] = y[k]
    end(state, numbers, n, start)


def _port_audio(x: int, y: int, n_frames: int, times: int, flags: int, user: int) -> int:
    """PaStreamCallback: int (const void *input, void *output, unsigned long frameCount, const
    PaStreamCallbackTimeInfo *, PaStreamCallbackFlags, void *userData).
    """  # noqa: D205 - C's own signature
    word = flush_denormals()
    play_interleaved(m.state_at(user), x, y, int(n_frames), int(flags))
    restore_denormals(word)
    return _CONTINUE


def _jack(n_frames: int, user: int) -> int:
    """JackProcessCallback: int (jack_nframes_t nframes, void *arg)."""
    word = flush_denormals()
    play_ports(m.state_at(user), int(n_frames))
    restore_denormals(word)
    return _CONTINUE


# `unsigned long` has 32 bits on Windows and 64 elsewhere.
_ULONG = types.uint64 if ctypes.sizeof(ctypes.c_ulong) == 8 else types.uint32
_ADDRESS = types.int64
_SIGNATURES: dict[str, Any] = {
    "_port_audio": types.int32(_ADDRESS, _ADDRESS, _ULONG, _ADDRESS, _ULONG, _ADDRESS),
    "_jack": types.int32(types.uint32, _ADDRESS),
}
_COMPILED: dict[str, Any] = {}


def _address(function: Any) -> int:
    name = function.__name__
    if name not in _COMPILED:
        _COMPILED[name] = compiled_callback(function, _SIGNATURES[name])
    return int(_COMPILED[name].address)


def port_audio_address() -> int:
    """Return the address of the callback for PortAudio; compiles it, or reads the cache."""
    return _address(_port_audio)


def jack_address() -> int:
    """Return the address of the callback for JACK; compiles it, or reads the cache."""
    return _address(_jack)


def compile_ahead(
    dtype: type[np.floating] = np.float64, *, announce: Callable[[], None] = lambda: None
) -> None:
    """Compile all that runs live, or read it from the cache, before audio waits for it.

    Parameters
    ----------
    dtype : type
        numpy.float64 or numpy.float32: of the convolver's computation.
    announce : callable
        Is called first if something is not in the cache: some 20 s pass then.
    """
    with announcing(announce):
        kernel.entry_address(dtype)
        kernel.planar_address(dtype)
        port_audio_address()
        jack_address()


# The same for calls from Python, with the result and the arguments of the signature above.
PORT_AUDIO_TYPE = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong),
    *(ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p),
)
JACK_TYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_uint32, ctypes.c_void_p)

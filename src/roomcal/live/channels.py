"""The channels of a sound card that are used: a callback of PortAudio that picks them out.

A stream has all channels up to the highest that is used. The banks know only their own: what comes
in elsewhere, a microphone perhaps, is never looked at, and outputs that nobody uses stay silent.
"""

import ctypes
from collections.abc import Sequence

import numba
import numpy as np
from numba import types

from roomcal.convolver.compiled import compiled, compiled_callback
from roomcal.convolver.denormals import flush_denormals, restore_denormals
from roomcal.live import memory as m
from roomcal.live.callback import clear, play_interleaved
from roomcal.live.memory import MAX_FRAMES
from roomcal.live.panel import MAX_CHANNELS
from roomcal.live.pointers import floats_at, longs_at

# Places in the table of a pick.
INNER, X, Y, HOST_INPUTS, HOST_OUTPUTS, N_INPUTS, N_OUTPUTS = range(7)
INPUT_LIST = 7  # per input of the banks its channel, counted from 0
OUTPUT_LIST = INPUT_LIST + MAX_CHANNELS
N_PLACES = OUTPUT_LIST + MAX_CHANNELS

_ADDRESS = types.int64
# `unsigned long` has 32 bits on Windows and 64 elsewhere.
_ULONG = types.uint64 if ctypes.sizeof(ctypes.c_ulong) == 8 else types.uint32
_SIGNATURE = types.int32(_ADDRESS, _ADDRESS, _ULONG, _ADDRESS, _ULONG, _ADDRESS)


@compiled
def play_picked(user: int, x_address: int, y_address: int, n: int, flags: int) -> None:
    """Do a callback whose frames have more channels than the banks."""
    places = numba.carray(longs_at(user), (N_PLACES,))
    n_inputs, n_outputs = places[N_INPUTS], places[N_OUTPUTS]
    host_inputs, host_outputs = places[HOST_INPUTS], places[HOST_OUTPUTS]
    x = numba.carray(floats_at(places[X]), (MAX_FRAMES * n_inputs,))
    y = numba.carray(floats_at(places[Y]), (MAX_FRAMES * n_outputs,))
    target = numba.carray(floats_at(y_address), (n * host_outputs,))
    clear(target)
    for first in range(0, n, MAX_FRAMES):
        count = min(MAX_FRAMES, n - first)
        inner_x = 0
        if x_address != 0:
            inner_x = places[X]
            source = numba.carray(floats_at(x_address), (n * host_inputs,))
            for i in range(n_inputs):
                channel = places[INPUT_LIST + i]
                for k in range(count):
                    x[k * n_inputs + i] = source[(first + k) * host_inputs + channel]
        play_interleaved(m.state_at(places[INNER]), inner_x, places[Y], count, flags)
        for o in range(n_outputs):
            channel = places[OUTPUT_LIST + o]
            for k in range(count):
                target[(first + k) * host_outputs + channel] = y[k * n_outputs + o]


def _picked(x: int, y: int, n_frames: int, times: int, flags: int, user: int) -> int:  # noqa: ARG001
    """Do what PortAudio asks; a PaStreamCallback."""
    word = flush_denormals()
    play_picked(user, x, y, int(n_frames), int(flags))
    restore_denormals(word)
    return 0


class Pick:
    """What PortAudio is handed for a stream of which some channels are used.

    Parameters
    ----------
    inner : int
        What the callback of the banks' own channels is handed.
    inputs, outputs : sequence of int
        Channel of the stream, counted from 0, of each input and output of the banks.
    host_inputs, host_outputs : int
        Channels of the stream.

    Attributes
    ----------
    address, user : int
    """

    def __init__(
        self,
        inner: int,
        *,
        inputs: Sequence[int],
        outputs: Sequence[int],
        host_inputs: int,
        host_outputs: int,
    ) -> None:
        if max(inputs) >= host_inputs or max(outputs) >= host_outputs:
            raise ValueError(f"{inputs=} or {outputs=} lie outside of the stream")
        self._x = np.zeros(MAX_FRAMES * len(inputs), dtype=np.float32)
        self._y = np.zeros(MAX_FRAMES * len(outputs), dtype=np.float32)
        self._places = np.zeros(N_PLACES, dtype=np.int64)
        self._places[:INPUT_LIST] = [
            *(inner, self._x.ctypes.data, self._y.ctypes.data),
            *(host_inputs, host_outputs, len(inputs), len(outputs)),
        ]
        self._places[INPUT_LIST : INPUT_LIST + len(inputs)] = inputs
        self._places[OUTPUT_LIST : OUTPUT_LIST + len(outputs)] = outputs
        self._callback = compiled_callback(_picked, _SIGNATURE)
        self.address = int(self._callback.address)
        self.user = int(self._places.ctypes.data)

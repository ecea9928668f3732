"""A stream without a sound card: a thread that calls the audio callback as PortAudio would.

It feeds the callback with a programme of its own and keeps time by the clock, so that a run, its
switches and its protection can be tried, and tested, where nothing is plugged in.
"""

import ctypes
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from roomcal.dsp.pink_noise import pink_noise_period
from roomcal.errors import InputError
from roomcal.units import ratio_from_db

Frames = NDArray[np.float32]  # (n_frames, n_channels), interleaved as PortAudio has them
# First frame, number of frames, inputs, rate, and what the monitors played in the block before.
Programme = Callable[[int, int, int, int, Frames], Frames]

_PINK_DBFS = -20.0  # rms
_PINK_HZ = (20.0, 20000.0)
_PINK_HIGHEST = 0.45  # of the sample rate
_PINK_S = 4.0  # then it begins again
_SEED = 11
_SINE_HZ = 997.0  # a prime, so that its samples never repeat soon
_FEEDBACK_DB = 1.0  # FAULTS 40
_MURMUR_DBFS = -60.0  # with which a loop begins
# A thread that was kept waiting for longer than this lets the time go, as a sound card does.
_LATEST_S = 0.2
_OUTPUT_UNDERFLOW = 4  # paOutputUnderflow

# PaStreamCallback of portaudio.h.
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
)


class _TimeInfo(ctypes.Structure):
    """PaStreamCallbackTimeInfo of portaudio.h."""

    _fields_ = (
        ("inputBufferAdcTime", ctypes.c_double),
        ("currentTime", ctypes.c_double),
        ("outputBufferDacTime", ctypes.c_double),
    )


def _silence(_first: int, n: int, n_inputs: int, _fs: int, _played: Frames) -> Frames:
    return np.zeros((n, n_inputs), dtype=np.float32)


class _Pink:
    """The same pink noise in every channel, made once."""

    def __init__(self) -> None:
        self._made: Frames | None = None

    def __call__(self, first: int, n: int, n_inputs: int, fs: int, _played: Frames) -> Frames:
        if self._made is None:
            self._made = pink_noise_period(
                round(_PINK_S * fs),
                fs,
                low_hz=_PINK_HZ[0],
                high_hz=min(_PINK_HZ[1], _PINK_HIGHEST * fs),
                level_dbfs=_PINK_DBFS,
                seed=_SEED,
            ).astype(np.float32)
        places = (first + np.arange(n)) % self._made.size
        return np.repeat(self._made[places, np.newaxis], n_inputs, axis=1)


def _sine(first: int, n: int, n_inputs: int, fs: int, _played: Frames) -> Frames:
    phase = 2 * np.pi * _SINE_HZ * (first + np.arange(n)) / fs
    return np.repeat(np.sin(phase).astype(np.float32)[:, np.newaxis], n_inputs, axis=1)


def _square(first: int, n: int, n_inputs: int, fs: int, played: Frames) -> Frames:
    square: Frames = np.sign(_sine(first, n, n_inputs, fs, played))
    return square


def _dc(_first: int, n: int, n_inputs: int, _fs: int, _played: Frames) -> Frames:
    return np.full((n, n_inputs), 0.1, dtype=np.float32)  # FAULTS 38


def _feedback(first: int, n: int, n_inputs: int, fs: int, played: Frames) -> Frames:
    """Let what the monitors play come back 1 dB louder, on top of a murmur."""
    murmur = _sine(first, n, n_inputs, fs, played) * np.float32(ratio_from_db(_MURMUR_DBFS))
    back = np.zeros_like(murmur)
    n_back = min(n_inputs, played.shape[1])
    back[:, :n_back] = np.resize(played, (n, played.shape[1]))[:, :n_back]
    return (murmur + np.float32(ratio_from_db(_FEEDBACK_DB)) * back).astype(np.float32)


PROGRAMMES: dict[str, Callable[[], Programme]] = {
    "pink": _Pink,
    "silence": lambda: _silence,
    "sine": lambda: _sine,
    "square": lambda: _square,
    "dc": lambda: _dc,
    "feedback": lambda: _feedback,
}


def programme(name: str) -> Programme:
    """Return a programme by the name of its source: "virtual" or "virtual:sine".

    Raises
    ------
    InputError
        RC-331 for one that is not known.
    """
    kind = name.removeprefix("virtual").removeprefix(":") or "pink"
    if kind not in PROGRAMMES:
        raise InputError(
            "RC-331",
            f"there is no virtual source {name!r}",
            hint=f"there are {', '.join(f'virtual:{known}' for known in PROGRAMMES)}",
        )
    return PROGRAMMES[kind]()


class VirtualStream:
    """Calls a compiled callback of PortAudio's kind, block after block, at the pace of the clock.

    Parameters
    ----------
    callback, user : int
        Addresses.
    play : Programme
    fs, block : int
    n_inputs, n_outputs : int

    Attributes
    ----------
    latency_s : float
        Of the system, in and out; nothing waits here.
    played : (n_frames, n_outputs) array
        The last block.
    """

    latency_s = 0.0

    def __init__(
        self,
        callback: int,
        user: int,
        play: Programme,
        *,
        fs: int,
        block: int,
        n_inputs: int,
        n_outputs: int,
    ) -> None:
        self._callback = _CALLBACK(callback)
        self._user = user
        self._play = play
        self.fs, self.block = fs, block
        self._n_inputs = n_inputs
        self.played: Frames = np.zeros((block, n_outputs), dtype=np.float32)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="virtual stream", daemon=True)
        self._first = 0

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    def close(self) -> None:
        """Call no more."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def call(self, flags: int = 0) -> Frames:
        """Call once, whatever the clock says, and return what is played."""
        x = self._play(self._first, self.block, self._n_inputs, self.fs, self.played)
        x = np.ascontiguousarray(x, dtype=np.float32)
        at_s = self._first / self.fs
        when = _TimeInfo(at_s, at_s, at_s)
        self._callback(
            x.ctypes.data,
            self.played.ctypes.data,
            self.block,
            ctypes.addressof(when),
            flags,
            self._user,
        )
        self._first += self.block
        return self.played

    def _run(self) -> None:
        due_s = time.monotonic()
        flags = 0
        while not self._end.is_set():
            self.call(flags)
            due_s += self.block / self.fs
            ahead_s = due_s - time.monotonic()
            flags = 0
            if ahead_s > 0:
                time.sleep(ahead_s)
            elif ahead_s < -_LATEST_S:
                due_s -= ahead_s
                flags = _OUTPUT_UNDERFLOW

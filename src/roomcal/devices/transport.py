"""One take in memory, between the audio callbacks and the thread that waits for its end.

The callbacks only copy between arrays that were made before the stream started. They never wait,
and whoever wants something of them sets a flag that they honour with the next block.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from roomcal.units import FloatArray

FADE_S = 0.020  # FAULTS: fades of 20 to 50 ms


class Flags(Protocol):
    """What a stream reports with a block (sounddevice.CallbackFlags)."""

    input_underflow: bool
    input_overflow: bool
    output_underflow: bool
    output_overflow: bool


class Transport:
    """The samples of a take, how far it is, and what is asked of it.

    Parameters
    ----------
    output : (n_outputs, n_frames) float array
        One row per output channel.
    fs : int
    output_channels, input_channels : sequence of int
        Counted from 1.
    n_device_outputs, n_device_inputs : int
        Channels that the streams are opened with.
    settle_frames : int
        Silence that is played before the take and not recorded: converters wake up in it.

    Notes
    -----
    Frame 0 of the recording is the input that arrives in the same callback as frame 0 of the
    output, or, with a stream each, in the first callback after it.
    """

    def __init__(
        self,
        output: FloatArray,
        fs: int,
        *,
        output_channels: Sequence[int],
        input_channels: Sequence[int],
        n_device_outputs: int,
        n_device_inputs: int,
        settle_frames: int = 0,
    ) -> None:
        n = output.shape[1]
        self._out = np.zeros((n, n_device_outputs), dtype=np.float32)
        self._out[:, [c - 1 for c in output_channels]] = np.clip(output, -1.0, 1.0).T
        self._in = np.empty((n, n_device_inputs), dtype=np.float32)
        self._in.fill(0.0)  # np.zeros would leave it to the callback to touch the memory first
        self._columns = [c - 1 for c in input_channels]
        # The last gain is 0: what follows a fade is silence.
        steps = np.arange(1, round(FADE_S * fs) + 1) / round(FADE_S * fs)
        self._fade = (0.5 + 0.5 * np.cos(np.pi * steps)).astype(np.float32)[:, np.newaxis]
        self._settle = settle_frames
        self._running = False
        self._stopping = False
        self._muted = False
        self._faded = 0  # frames of the fade that were handed over
        self.n_frames = n
        self.played = 0
        self.recorded = 0
        self.xruns = 0
        self.output_blocks = 0  # callbacks so far: the watchdog wants to see them grow
        self.input_blocks = 0

    # --- for the thread that waits ---

    def fade_out(self) -> None:
        """Ask for silence: a fade from the next block on."""
        self._stopping = True

    def mute(self) -> None:
        """Ask for silence at once."""
        self._muted = True
        self._stopping = True

    @property
    def is_silent(self) -> bool:
        """Whether what was asked for has been handed to the device."""
        return self._stopping and self._faded >= self._fade.shape[0]

    @property
    def is_done(self) -> bool:
        """Whether all has been played and recorded."""
        return self.played >= self.n_frames and self.recorded >= self.n_frames

    def samples(self, start: int, stop: int) -> FloatArray:
        """Copy recorded frames, (n_inputs, stop - start)."""
        return self._in[start:stop, self._columns].T.astype(np.float64)

    # --- for the callbacks ---

    def duplex(
        self,
        indata: FloatArray,
        outdata: FloatArray,
        _frames: int,
        _time: object,
        status: Flags,
    ) -> None:
        """Play and record: callback of a duplex stream."""
        self._report(status)
        self.input_blocks += 1
        self.output_blocks += 1
        self._fill(outdata)
        self._keep(indata)

    def output(self, outdata: FloatArray, _frames: int, _time: object, status: Flags) -> None:
        """Play: callback of an output stream."""
        self._report(status)
        self.output_blocks += 1
        self._fill(outdata)

    def input(self, indata: FloatArray, _frames: int, _time: object, status: Flags) -> None:
        """Record: callback of an input stream."""
        self._report(status)
        self.input_blocks += 1
        self._keep(indata)

    def _fill(self, outdata: FloatArray) -> None:
        n = outdata.shape[0]
        if not self._running:
            outdata[:] = 0.0
            if self._stopping:
                self._faded = self._fade.shape[0]
                return
            self._settle -= n
            if self._settle >= 0 or not self.input_blocks:  # nobody would record it yet
                return
            self._running = True
        k = max(0, min(n, self.n_frames - self.played))
        outdata[:k] = self._out[self.played : self.played + k]
        outdata[k:] = 0.0
        if self._stopping:
            gain = self._fade[self._faded : self._faded + n]
            outdata[: gain.shape[0]] *= gain
            outdata[gain.shape[0] :] = 0.0
            self._faded += n
        if self._muted:
            outdata[:] = 0.0
            self._faded = self._fade.shape[0]
        self.played += k

    def _keep(self, indata: FloatArray) -> None:
        if not self._running:
            return
        k = max(0, min(indata.shape[0], self.n_frames - self.recorded))
        self._in[self.recorded : self.recorded + k] = indata[:k]
        self.recorded += k

    def _report(self, status: Flags) -> None:
        """Count a block with which the stream reports a gap; not while it settles."""
        if (
            status
            and self._running
            and not self.is_done
            and (
                status.input_underflow
                or status.input_overflow
                or status.output_underflow
                or status.output_overflow
            )
        ):
            self.xruns += 1

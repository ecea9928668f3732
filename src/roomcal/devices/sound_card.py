"""A sound card, or one that plays and another that records: plays and records through PortAudio."""

import contextlib
import dataclasses
import functools
import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from roomcal.devices.device import DeviceInfo, Recording, Watch, refuse_channels
from roomcal.devices.interruption import Interrupted, Requests, requests
from roomcal.devices.port_audio import Card, describe
from roomcal.devices.streams import Streams
from roomcal.devices.transport import FADE_S, Transport
from roomcal.devices.watchdog import Watchdog
from roomcal.errors import DeviceError
from roomcal.model.curve import Curve
from roomcal.model.studio import AudioSettings, Studio
from roomcal.units import FloatArray

# Silence before the first frame of a take: converters that slept wake up with a click or a ramp.
SETTLE_S = 0.2
# How often the waiting thread looks. With a block of 1024 at 48 kHz (21 ms) and the fade (20 ms)
# what the watch objects to is silent within 50 ms.
POLL_S = 0.004
WATCH_FRAMES = 1024  # the most that the watch sees at a time
# After a fade: what the device still plays comes in again, and is not cut off.
AFTER_FADE_S = 0.1
# How long a fade may take at most when the callbacks are slow: the biggest block and the fade.
_FADE_DEADLINE_S = 1.0
# The same when a device is gone: the one that plays may be another.
_GONE_FADE_DEADLINE_S = 0.1
# The interpreter hands the GIL to the callback within this time; its default is 5 ms.
_SWITCH_INTERVAL_S = 0.0005


class SoundCard:
    """Implements `roomcal.devices.device.Device` for what PortAudio sees.

    Parameters
    ----------
    output_card, input_card : Card
        One device, with one clock, or two.
    audio : AudioSettings
    """

    # Of the thread that waits; tests put simulated time here.
    now: Callable[[], float] = staticmethod(time.monotonic)
    wait: Callable[[float], None] = staticmethod(time.sleep)

    def __init__(self, output_card: Card, input_card: Card, audio: AudioSettings) -> None:
        self._output_card = output_card
        self._input_card = input_card
        self._audio = audio

    @functools.cached_property
    def info(self) -> DeviceInfo:
        """Name, channels and rates; of two devices the outputs of one, the inputs of the other."""
        info = describe(self._output_card)
        if not self.has_two_clocks:
            return info
        other = describe(self._input_card)
        both = tuple(fs for fs in info.sample_rates if fs in other.sample_rates)
        return dataclasses.replace(info, n_inputs=other.n_inputs, sample_rates=both)

    @property
    def has_two_clocks(self) -> bool:
        """Whether one device plays and another records."""
        return self._output_card != self._input_card

    def default_studio(self) -> Studio | None:
        """Return None: only studio.toml knows what is plugged in."""
        return None

    def microphone_calibration(self) -> Curve | None:
        """Return None: a file has to be named."""
        return None

    def place_microphone(self, position: str) -> bool:  # noqa: ARG002 - of the interface
        """Return False: a person moves it."""
        return False

    def play_record(
        self,
        output: FloatArray,
        *,
        fs: int,
        output_channels: Sequence[int],
        input_channels: Sequence[int],
        watch: Watch | None = None,
    ) -> Recording:
        """Play and record; see `roomcal.devices.device.Device.play_record`.

        Raises
        ------
        DeviceError
            RC-402 for a channel or rate that the device does not have, RC-403 when it vanishes,
            RC-405 when it cannot be opened, RC-406 when the audio system does not answer.
        Interrupted
            After Ctrl-C, SIGTERM or SIGHUP, when the sound has been faded out.
        """
        if output.ndim != 2 or output.shape[0] != len(output_channels):
            raise ValueError(f"{output.shape=} does not fit {output_channels=}")
        output_card, input_card = self._output_card, self._input_card
        refuse_channels(output_card.full_name, "output", output_channels, output_card.n_outputs)
        refuse_channels(input_card.full_name, "input", input_channels, input_card.n_inputs)
        wanted = (max(output_channels), max(input_channels))
        # Some drivers open with all their channels or not at all (WASAPI).
        everything = (self._output_card.n_outputs, self._input_card.n_inputs)
        for n_outputs, n_inputs in dict.fromkeys((wanted, everything)):
            transport = Transport(
                output,
                fs,
                output_channels=output_channels,
                input_channels=input_channels,
                n_device_outputs=n_outputs,
                n_device_inputs=n_inputs,
                settle_frames=round(SETTLE_S * fs),
            )
            streams = Streams(self._output_card, self._input_card, self._audio, fs)
            with _undisturbed(), requests(transport.fade_out, transport.mute) as asked:
                try:
                    streams.start(transport, n_outputs, n_inputs)
                except DeviceError as error:
                    if "channels" in error.evidence and (n_outputs, n_inputs) != everything:
                        continue
                    raise
                stopped = self._run(streams, transport, fs, watch, asked)
            recording = Recording(
                transport.samples(0, transport.recorded),
                fs,
                xruns=transport.xruns,
                stopped=stopped,
            )
            if asked:
                raise Interrupted(asked.reasons[0], recording)
            return recording
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _run(
        self,
        streams: Streams,
        transport: Transport,
        fs: int,
        watch: Watch | None,
        asked: Requests,
    ) -> bool:
        """Wait for the end of a take, fade whatever ends it early, and close the streams."""
        gone = False
        try:
            return self._wait(transport, fs, watch, asked)
        except DeviceError as error:
            gone = error.fault in ("RC-403", "RC-405")
            if gone and asked:  # the user wanted the end, and it is silent
                return False
            raise
        finally:
            if not transport.is_done:
                self._fade_out(transport, _GONE_FADE_DEADLINE_S if gone else _FADE_DEADLINE_S)
            if gone or len(asked.reasons) > 1:
                streams.abandon()
            else:
                streams.stop()

    def _wait(self, transport: Transport, fs: int, watch: Watch | None, asked: Requests) -> bool:
        """Return at the end of the take, or when it has been faded out early.

        Returns
        -------
        stopped : bool
            The watch asked for the end.
        """
        now_s = self.now()
        playing = Watchdog(now_s)
        recording = Watchdog(now_s)
        seen = 0
        stopped = False
        silent_at_s: float | None = None
        while not transport.is_done:
            self.wait(POLL_S)
            now_s = self.now()
            if playing.has_vanished(transport.output_blocks, now_s):
                raise self._vanished(self._output_card, transport.output_blocks, transport, fs)
            if recording.has_vanished(transport.input_blocks, now_s):
                raise self._vanished(self._input_card, transport.input_blocks, transport, fs)
            while watch is not None and seen < transport.recorded and not stopped:
                stop = min(seen + WATCH_FRAMES, transport.recorded)
                if not watch(transport.samples(seen, stop)):
                    stopped = True
                    transport.fade_out()
                seen = stop
            if transport.is_silent:
                silent_at_s = now_s if silent_at_s is None else silent_at_s
                if len(asked.reasons) > 1 or now_s - silent_at_s >= AFTER_FADE_S:
                    return stopped
        return stopped

    def _fade_out(self, transport: Transport, deadline_s: float) -> None:
        """End with silence whatever happened, if the device still calls."""
        transport.fade_out()
        until_s = self.now() + deadline_s
        while not transport.is_silent and self.now() < until_s:
            self.wait(POLL_S)
        if transport.is_silent:
            self.wait(FADE_S)

    @staticmethod
    def _vanished(card: Card, blocks: int, transport: Transport, fs: int) -> DeviceError:
        at_s = min(transport.played, transport.recorded) / fs
        if not blocks:
            return DeviceError(
                "RC-405",
                f"{card.full_name} opened but never started",
                hint="is another program holding it, or the sound server stuck? try again, or "
                "restart the sound server",
                device=card.full_name,
            )
        return DeviceError(
            "RC-403",
            f"{card.full_name} vanished at {at_s:.1f} s",
            hint="was it unplugged, or the sound server stopped? plug it in and give the same "
            "command again; the takes so far are safe",
            device=card.full_name,
            at_s=round(at_s, 3),
        )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the interpreter from delaying the callbacks: no garbage collection, quick switches."""
    collects = gc.isenabled()
    interval_s = sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        if collects:
            gc.enable()

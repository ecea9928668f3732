"""Opens, starts and closes the streams of a take: one when a device does both, else two."""

import contextlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from roomcal.devices.audio_thread import AUDIO
from roomcal.devices.port_audio import Card, port_audio
from roomcal.devices.refusals import refusal
from roomcal.devices.transport import Transport
from roomcal.errors import DeviceError
from roomcal.model.studio import AudioSettings

OPEN_DEADLINE_S = 15.0  # ASIO and Bluetooth wake up slowly
CLOSE_DEADLINE_S = 2.0
_DTYPE = "float32"


class Streams:
    """The streams of one take.

    Parameters
    ----------
    output_card, input_card : Card
        The same for one stream with one clock; else two streams, each with its own.
    audio : AudioSettings
    fs : int
    """

    def __init__(self, output_card: Card, input_card: Card, audio: AudioSettings, fs: int) -> None:
        self._output_card = output_card
        self._input_card = input_card
        self._audio = audio
        self._fs = fs
        self._open: list[Any] = []  # of sounddevice, the one that records first

    def start(self, transport: Transport, n_outputs: int, n_inputs: int) -> None:
        """Open the streams with that many channels and let them run.

        Raises
        ------
        DeviceError
            RC-401, RC-402, RC-405 with the cure when a device refuses, RC-406 when it hangs.
        """
        sounddevice = port_audio()
        try:
            if self._output_card == self._input_card:
                self._start(sounddevice, "Stream", transport.duplex, (n_inputs, n_outputs))
                return
            # The one that records comes first: the take starts when both run.
            self._start(sounddevice, "InputStream", transport.input, n_inputs)
            self._start(sounddevice, "OutputStream", transport.output, n_outputs)
        except BaseException:
            self.abandon()
            raise

    def stop(self) -> None:
        """Let the device play what it was handed, then close; a device that hangs is given up."""
        with contextlib.suppress(DeviceError):
            # The take is in memory; the next call says that the audio system is stuck.
            AUDIO.call(self._close("stop"), "closing the stream", deadline_s=CLOSE_DEADLINE_S)

    def abandon(self) -> None:
        """Close without waiting: the device is gone, and closing it may take for ever."""
        AUDIO.post(self._close("abort"))

    def _close(self, how: str) -> Callable[[], None]:
        streams, self._open = self._open, []

        def close() -> None:
            for stream in streams:
                with contextlib.suppress(Exception):  # it may be broken, and we leave it anyway
                    getattr(stream, how)()
                with contextlib.suppress(Exception):
                    stream.close()

        return close

    def _start(
        self,
        sounddevice: ModuleType,
        kind: str,
        callback: Any,  # noqa: ANN401 - three signatures of sounddevice
        channels: Any,  # noqa: ANN401 - a number, or a pair in and out
    ) -> None:
        cards = {
            "Stream": (self._input_card, self._output_card),
            "InputStream": (self._input_card,),
            "OutputStream": (self._output_card,),
        }[kind]
        settings = [extra_settings(sounddevice, card, self._audio) for card in cards]
        latency = "high" if self._audio.latency_s is None else self._audio.latency_s

        def start(channels: Any) -> Any:  # noqa: ANN401
            stream = getattr(sounddevice, kind)(
                device=_one_or_pair([card.number for card in cards]),
                channels=channels,
                samplerate=self._fs,
                blocksize=self._audio.block,
                latency=latency,
                dtype=_DTYPE,
                extra_settings=None if settings[0] is None else _one_or_pair(settings),
                callback=callback,
            )
            try:
                stream.start()
            except BaseException:
                stream.close()
                raise
            return stream

        what = f"opening {' and '.join(dict.fromkeys(c.full_name for c in cards))}"
        try:
            stream = AUDIO.call(lambda: start(channels), what, deadline_s=OPEN_DEADLINE_S)
        except DeviceError:
            raise
        except Exception as error:
            raise refusal(
                error,
                cards[-1],
                fs=self._fs,
                channels=max(channels) if isinstance(channels, tuple) else channels,
                direction={"InputStream": "records", "OutputStream": "plays"}.get(
                    kind, "plays and records"
                ),
            ) from error
        self._open.append(stream)


def extra_settings(sounddevice: ModuleType, card: Card, audio: AudioSettings) -> Any:  # noqa: ANN401
    """Return what a host API is told beyond PortAudio's common options, or None."""
    if not audio.exclusive:
        return None
    if "WASAPI" in card.host_api:
        return sounddevice.WasapiSettings(exclusive=True)
    if "Core Audio" in card.host_api:
        return sounddevice.CoreAudioSettings(
            change_device_parameters=True, fail_if_conversion_required=True
        )
    return None  # ALSA's hw devices and ASIO are exclusive by themselves


def _one_or_pair(values: list[Any]) -> Any:  # noqa: ANN401
    return values[0] if len(values) == 1 else tuple(values)

"""The compiled callback on a sound card: PortAudio calls it as C calls C, and Python sleeps."""

import contextlib
from types import ModuleType
from typing import Any

from roomcal.devices.audio_thread import AUDIO
from roomcal.devices.port_audio import Card, cards, find_card, port_audio
from roomcal.devices.refusals import refusal
from roomcal.devices.streams import CLOSE_DEADLINE_S, OPEN_DEADLINE_S, extra_settings
from roomcal.errors import DeviceError
from roomcal.live.request import RunRequest
from roomcal.model.studio import AudioSettings

# Host APIs whose devices say at which rate they run now; ALSA, MME and ASIO name a usual one.
_SAYS_ITS_RATE = ("Core Audio", "WASAPI", "JACK")
_TERMINATE_DEADLINE_S = 5.0


def look_again() -> None:
    """Let PortAudio forget what it saw: it looks for devices only when it starts.

    Raises
    ------
    DeviceError
        RC-406 when it does not answer.
    """
    sounddevice = port_audio()

    def restart() -> None:
        with contextlib.suppress(Exception):  # it may not have started the last time
            sounddevice._terminate()
        sounddevice._initialize()

    try:
        AUDIO.call(restart, "looking for devices", deadline_s=_TERMINATE_DEADLINE_S)
    except DeviceError:
        raise
    except Exception as error:
        raise DeviceError("RC-406", f"PortAudio does not start: {error}") from error


def find_cards(request: RunRequest) -> tuple[Card, Card]:
    """Find the device of the source and the one that plays; after a loss only the very same.

    Raises
    ------
    DeviceError
        RC-401 or RC-402 when one is not there, or they cannot run in one stream.
    """
    known = cards()
    if request.found_output:
        return _exactly(request.found_source, known), _exactly(request.found_output, known)
    output = find_card(request.route.output_device, "output", known)
    source = find_card(request.route.source_device, "input", known)
    if source.host_api != output.host_api:
        raise DeviceError(
            "RC-402",
            f"the source {source.full_name} and the monitors {output.full_name} belong to two "
            "audio systems, which cannot run in one stream",
            hint=f"name both in the same: roomcal devices lists what {output.host_api} has",
            source=source.full_name,
            output=output.full_name,
        )
    return source, output


def stream_rate(request: RunRequest, source: Card, output: Card) -> int:
    """Return the rate at which a stream of these devices will run, Hz.

    Raises
    ------
    DeviceError
        RC-402 when the two run at different rates now.
    """
    if request.fs is not None:
        return request.fs
    if not any(api in output.host_api for api in _SAYS_ITS_RATE):
        return request.fallback_fs
    if source.default_fs != output.default_fs:
        raise DeviceError(
            "RC-402",
            f"{source.full_name} runs at {source.default_fs} Hz, {output.full_name} at "
            f"{output.default_fs} Hz",
            hint="set both to one rate in the system's audio settings",
        )
    return output.default_fs


def check_channels(request: RunRequest, source: Card, output: Card) -> None:
    """Refuse channels that a device does not have.

    Raises
    ------
    DeviceError
        RC-402
    """
    for card, what, here, channels in (
        (source, "input", source.n_inputs, request.route.source_channels),
        (output, "output", output.n_outputs, request.route.output_channels),
    ):
        if max(channels) > here:
            raise DeviceError(
                "RC-402",
                f"{card.full_name} has no {what} {max(channels)}",
                hint=f"its {what}s are 1 to {here}",
                device=card.full_name,
                channel=max(channels),
            )


class PortAudioStream:
    """A duplex stream with a compiled callback.

    Parameters
    ----------
    request : RunRequest
    source, output : Card
    fs : int
    callback, user : int
        Addresses of a `PaStreamCallback` and of what it is handed.
    n_inputs, n_outputs : int
        Channels of the stream, those that nobody uses included.

    Attributes
    ----------
    latency_s : float
        Of the system, in and out, as the driver says.
    """

    def __init__(
        self,
        request: RunRequest,
        source: Card,
        output: Card,
        *,
        fs: int,
        callback: int,
        user: int,
        n_inputs: int,
        n_outputs: int,
    ) -> None:
        sounddevice = port_audio()
        audio = AudioSettings(request.block, request.latency_s, request.exclusive)
        settings = tuple(extra_settings(sounddevice, card, audio) for card in (source, output))

        def make() -> Any:  # noqa: ANN401 - a stream of sounddevice
            return _compiled_stream(
                sounddevice,
                device=(source.number, output.number),
                channels=(n_inputs, n_outputs),
                samplerate=fs,
                blocksize=request.block,
                latency="low" if request.latency_s is None else request.latency_s,
                extra_settings=None if settings == (None, None) else settings,
                callback=callback,
                user=user,
            )

        try:
            self._stream = AUDIO.call(
                make, f"opening {output.full_name}", deadline_s=OPEN_DEADLINE_S
            )
        except DeviceError:
            raise
        except Exception as error:
            raise refusal(
                error,
                output,
                fs=fs,
                channels=max(n_inputs, n_outputs),
                direction="plays and records",
            ) from error
        self.fs, self.block = round(self._stream.samplerate), request.block
        self.latency_s = float(sum(self._stream.latency))

    def start(self) -> None:
        """Let it call."""
        AUDIO.call(self._stream.start, "starting the stream", deadline_s=OPEN_DEADLINE_S)

    def close(self) -> None:
        """Call no more; a device that hangs is given up."""

        def close() -> None:
            with contextlib.suppress(Exception):
                self._stream.abort()
            with contextlib.suppress(Exception):
                self._stream.close()

        with contextlib.suppress(DeviceError):
            AUDIO.call(close, "closing the stream", deadline_s=CLOSE_DEADLINE_S)


def _compiled_stream(
    sounddevice: ModuleType,
    *,
    callback: int,
    user: int,
    **choices: Any,  # noqa: ANN401 - of sounddevice
) -> Any:  # noqa: ANN401
    """Make a stream of sounddevice whose callback is an address, as python-rtmixer does."""
    ffi = sounddevice._ffi
    return sounddevice._StreamBase(
        kind="duplex",
        dtype="float32",
        clip_off=True,  # the limiter sees to it, and counts
        dither_off=True,
        callback=ffi.cast("PaStreamCallback *", callback),
        userdata=ffi.cast("void *", user),
        **choices,
    )


def _exactly(name: str, known: list[Card]) -> Card:
    for card in known:
        if card.full_name == name:
            return card
    raise DeviceError("RC-401", f"{name} is not there", hint="plug it in", device=name)

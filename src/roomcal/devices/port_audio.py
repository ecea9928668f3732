"""What PortAudio knows: the library itself, its devices, and which of them a name means."""

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from roomcal.devices.audio_thread import AUDIO
from roomcal.devices.device import DeviceInfo
from roomcal.errors import DeviceError

Direction = Literal["input", "output"]

# Rates that a device is asked for, Hz.
RATES = (44100, 48000, 88200, 96000, 176400, 192000)
# PortAudio looks for every driver when it starts, and a sleeping Bluetooth device takes seconds.
START_DEADLINE_S = 20.0
QUERY_DEADLINE_S = 10.0
# JACK's devices say nonsense before they run (a day); more than this is no latency.
_MAX_LATENCY_S = 10.0


@dataclass(frozen=True)
class Card:
    """One device as PortAudio lists it; one interface may be several of them."""

    number: int
    name: str
    host_api: str
    n_inputs: int
    n_outputs: int
    default_fs: int
    input_latency_s: float
    output_latency_s: float

    @property
    def full_name(self) -> str:
        """Name that tells it from the same device in another host API."""
        return f"{self.name}, {self.host_api}"

    def n_channels(self, direction: Direction) -> int:
        """Channels in one direction."""
        return self.n_inputs if direction == "input" else self.n_outputs


def port_audio() -> ModuleType:
    """Import sounddevice, which loads and starts PortAudio, on the audio thread.

    JACK is listed only if its server runs by now, and devices that are plugged in later are not
    seen: PortAudio looks once.

    Raises
    ------
    DeviceError
        RC-406 when PortAudio is missing or does not start.
    """
    try:
        return AUDIO.call(_import, "starting PortAudio", deadline_s=START_DEADLINE_S)
    except DeviceError:
        raise
    except ImportError as error:
        raise _missing(str(error), "python3 run.py demo (it installs sounddevice)") from error
    except Exception as error:  # OSError without the library, PortAudioError when it fails
        raise _missing(str(error), install_line()) from error


def install_line() -> str:
    """Return what brings PortAudio to this system."""
    if sys.platform == "linux":
        return (
            "sudo apt install libportaudio2 (Debian, Ubuntu), sudo dnf install portaudio "
            "(Fedora), sudo pacman -S portaudio (Arch)"
        )
    return "pip install --force-reinstall sounddevice (it brings PortAudio along)"


def cards() -> list[Card]:
    """Return every device of every host API, in PortAudio's order.

    Raises
    ------
    DeviceError
        RC-406 without PortAudio, or when it does not answer.
    """
    sounddevice = port_audio()

    def query() -> list[Card]:
        apis = [str(api["name"]) for api in sounddevice.query_hostapis()]
        return [_card(i, found, apis) for i, found in enumerate(sounddevice.query_devices())]

    return asked(query, "listing the devices", deadline_s=QUERY_DEADLINE_S)


def asked(question: Callable[[], Any], what: str, *, deadline_s: float) -> Any:  # noqa: ANN401
    """Ask PortAudio on its thread; an answer that is no answer becomes RC-406."""
    try:
        return AUDIO.call(question, what, deadline_s=deadline_s)
    except DeviceError:
        raise
    except Exception as error:
        raise DeviceError(
            "RC-406", f"{what} failed: {error}", hint="`roomcal doctor` says what is missing"
        ) from error


def host_apis() -> list[str]:
    """Return the names of the host APIs."""
    sounddevice = port_audio()
    found: list[str] = asked(
        lambda: [str(api["name"]) for api in sounddevice.query_hostapis()],
        "listing the host APIs",
        deadline_s=QUERY_DEADLINE_S,
    )
    return found


def find_card(name: str, direction: Direction, known: list[Card]) -> Card:
    """Find the device that a number or words mean.

    Parameters
    ----------
    name : str
        A number of `roomcal devices`; or words that must all be in its name or host API; a name
        that is there exactly wins.
    direction : "input" or "output"
    known : list of Card

    Raises
    ------
    DeviceError
        RC-401 for a name that fits none or several, RC-402 for one without channels that way.
    """
    fitting = [card for card in known if fits(name, card)]
    usable = [card for card in fitting if card.n_channels(direction) > 0]
    exact = [c for c in usable if name.lower() in (c.name.lower(), c.full_name.lower())]
    if len(exact) == 1:
        return exact[0]
    if len(usable) == 1:
        return usable[0]
    verb = "records" if direction == "input" else "plays"
    if usable:
        raise DeviceError(
            "RC-401",
            f"{name!r} means {len(usable)} devices that {verb.removesuffix('s')}: "
            f"{_listed(usable)}",
            hint=f"add a word, like {usable[0].full_name!r}, or give the number",
            device=name,
            known=[c.full_name for c in usable],
            ambiguous=True,
        )
    if fitting:
        raise DeviceError(
            "RC-402",
            f"{_listed(fitting)} has no {direction}",
            hint=f"name the device that {verb} too: --{direction}-device, or "
            f"{direction}_device in studio.toml",
            device=name,
            known=[c.full_name for c in known if c.n_channels(direction)],
        )
    raise DeviceError(
        "RC-401",
        f"there is no device {name!r} that {verb}",
        hint=no_device_hint([c for c in known if c.n_channels(direction)]),
        device=name,
        known=[c.full_name for c in known],
    )


def fits(name: str, card: Card) -> bool:
    """Whether a number or words mean this device."""
    if name.strip().isdigit():
        return card.number == int(name)
    full = card.full_name.lower()
    return all(word in full for word in name.lower().replace(",", " ").split())


def no_device_hint(known: list[Card]) -> str:
    """Say what there is, and why something may be missing."""
    jack = "" if any("JACK" in c.host_api for c in known) else "; JACK only if its server runs"
    if not known:
        return (
            "PortAudio sees no such device: plug one in and start again"
            + (f"{jack} before roomcal starts" if jack and sys.platform != "win32" else "")
            + "; --device virtual needs none"
        )
    return f"there are {_listed(known)}{jack}; --device virtual needs none"


def describe(card: Card) -> DeviceInfo:
    """Return what `roomcal devices` shows of a card."""
    latency_s = card.input_latency_s + card.output_latency_s
    return DeviceInfo(
        name=card.name,
        n_inputs=card.n_inputs,
        n_outputs=card.n_outputs,
        sample_rates=supported_rates(card) or (card.default_fs,),
        description="sound card",
        host_api=card.host_api,
        number=card.number,
        latency_s=latency_s if latency_s < _MAX_LATENCY_S else None,
    )


def supported_rates(card: Card) -> tuple[int, ...]:
    """Ask a device for its rates; none when it is in use or does not say."""
    sounddevice = port_audio()

    def ask() -> tuple[int, ...]:
        with _quiet_stderr():
            return tuple(fs for fs in RATES if _runs_at(sounddevice, card, fs))

    try:
        rates: tuple[int, ...] = asked(
            ask, f"asking {card.name} for its rates", deadline_s=QUERY_DEADLINE_S
        )
    except DeviceError:
        return ()
    return rates


def _runs_at(sounddevice: ModuleType, card: Card, fs: int) -> bool:
    try:
        if card.n_outputs:
            sounddevice.check_output_settings(
                device=card.number, channels=card.n_outputs, dtype="float32", samplerate=fs
            )
        if card.n_inputs:
            sounddevice.check_input_settings(
                device=card.number, channels=card.n_inputs, dtype="float32", samplerate=fs
            )
    except Exception:  # refused, whatever for
        return False
    return True


def _import() -> ModuleType:
    if sys.platform == "win32" and os.environ.get("ROOMCAL_ASIO") != "0":
        # PortAudio comes in two builds; the one with ASIO is chosen before it is loaded. Numbers
        # of devices would change with it, so it is there always, unless it makes trouble.
        os.environ["SD_ENABLE_ASIO"] = "1"
    return importlib.import_module("sounddevice")


def _card(number: int, found: dict[str, Any], apis: list[str]) -> Card:
    return Card(
        number=number,
        name=str(found["name"]),
        host_api=apis[found["hostapi"]],
        n_inputs=int(found["max_input_channels"]),
        n_outputs=int(found["max_output_channels"]),
        default_fs=round(found["default_samplerate"]),
        input_latency_s=float(found["default_high_input_latency"]),
        output_latency_s=float(found["default_high_output_latency"]),
    )


def _listed(cards: list[Card]) -> str:
    return "; ".join(f"{c.number} {c.full_name}" for c in cards)


def _missing(error: str, cure: str) -> DeviceError:
    return DeviceError(
        "RC-406",
        f"PortAudio, which plays and records, cannot be loaded: {error}",
        hint=f"{cure}; --device virtual works without it",
    )


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Silence C libraries that complain about every rate that a device does not have."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

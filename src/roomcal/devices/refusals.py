"""Why PortAudio refuses to open a device, in words that help: who can hold it, what it can do."""

from pathlib import Path

from roomcal.devices.port_audio import Card, no_device_hint, supported_rates
from roomcal.errors import DeviceError

# PaErrorCode of portaudio.h.
INVALID_CHANNEL_COUNT = -9998
INVALID_SAMPLE_RATE = -9997
INVALID_DEVICE = -9996
DEVICE_UNAVAILABLE = -9985

# What hosts say when somebody else has the device: ALSA, WASAPI (AUDCLNT_E_DEVICE_IN_USE and
# AUDCLNT_E_EXCLUSIVE_MODE_NOT_ALLOWED), ASIO and Core Audio's hog mode.
_BUSY_WORDS = ("busy", "unavailable", "in use", "device_in_use", "8889000a", "-2004287478", "hog")
_EXCLUSIVE_WORDS = ("exclusive", "8889000e", "-2004287474")
_RATE_WORDS = ("sample rate", "samplerate", "unsupported_format", "88890008", "-2004287480")

_HOLDERS = {
    "ALSA": "the desktop's sound server (PipeWire, PulseAudio), JACK, or a DAW that uses it "
    "directly; choose the device 'pipewire', 'pulse' or 'default', or close the program",
    "JACK": "JACK itself answers for the device; look at the server's own messages",
    "WASAPI": "a program in exclusive mode, often the DAW, or its ASIO driver; close it",
    "ASIO": "an ASIO driver serves one program at a time: close the DAW, or choose the same "
    "device with WASAPI",
    "WDM-KS": "the Windows mixer; choose the same device with WASAPI",
    "Core Audio": "a program in hog mode, often a player or a DAW; close it",
}
_ANYONE = "another program, often a DAW or a browser; close it"


def refusal(error: Exception, card: Card, *, fs: int, channels: int, direction: str) -> DeviceError:
    """Turn what PortAudio raised while opening a device into the fault that a user can mend.

    Parameters
    ----------
    error : Exception
        sounddevice.PortAudioError: text, PaErrorCode, (host API, host's code, host's text).
    card : Card
    fs : int
        Rate that was asked for, Hz.
    channels : int
    direction : str
        "plays" or "records" or both.
    """
    code = error.args[1] if len(error.args) > 1 else None
    text = " ".join(str(part) for part in error.args).lower()
    name = card.full_name
    said = str(error.args[0]) if error.args else type(error).__name__
    evidence = {"device": name, "fs": fs, "said": str(error)}
    if any(word in text for word in _EXCLUSIVE_WORDS):
        return DeviceError(
            "RC-405",
            f"{name} may not be used exclusively: {said}",
            hint="allow exclusive mode in the device's properties (Sound settings > Advanced), or "
            "leave --exclusive out",
            **evidence,
        )
    if code == DEVICE_UNAVAILABLE or any(word in text for word in _BUSY_WORDS):
        holders = _held_by()
        who = f"held by {', '.join(holders)}" if holders else f"it can be held by {_holder(card)}"
        return DeviceError(
            "RC-405",
            f"{name} is busy: {said}",
            hint=f"{who}; or choose another: `roomcal devices`",
            holders=holders,
            **evidence,
        )
    if code == INVALID_SAMPLE_RATE or any(word in text for word in _RATE_WORDS):
        rates = supported_rates(card)
        can = ", ".join(str(r) for r in rates) if rates else f"{card.default_fs} at least"
        return DeviceError(
            "RC-402",
            f"{name} does not run at {fs} Hz; it runs at {can} Hz",
            hint=_rate_cure(card, fs),
            rates=list(rates),
            **evidence,
        )
    if code == INVALID_CHANNEL_COUNT:
        return DeviceError(
            "RC-402",
            f"{name} does not open with {channels} channels ({direction})",
            hint=f"it says that it has {card.n_outputs} outputs and {card.n_inputs} inputs; is "
            "another program using the rest, or the system set to another layout?",
            channels=channels,
            **evidence,
        )
    if code == INVALID_DEVICE:
        return DeviceError(
            "RC-401",
            f"{name} is not there any more",
            hint=no_device_hint([]),
            **evidence,
        )
    return DeviceError(
        "RC-405",
        f"{name} does not open: {error}",
        hint=f"it can be held by {_holder(card)}; `roomcal doctor` says what this computer has",
        **evidence,
    )


def _holder(card: Card) -> str:
    """Say who usually holds a device of this host API."""
    return next((who for api, who in _HOLDERS.items() if api in card.host_api), _ANYONE)


def _rate_cure(card: Card, fs: int) -> str:
    """Say where the rate is set."""
    if "JACK" in card.host_api:
        return f"set fs = {card.default_fs} in studio.toml, or start the JACK server with -r {fs}"
    if "Core Audio" in card.host_api:
        return f"set {fs} Hz in Audio MIDI Setup, use --exclusive, or set fs in studio.toml"
    if "WASAPI" in card.host_api:
        return f"set {fs} Hz in the device's properties, use --exclusive, or set fs in studio.toml"
    return "set fs in studio.toml to one of these"


def _held_by(proc: Path = Path("/proc")) -> list[str]:
    """Name the programs that have a sound device of ALSA open: Linux says it itself."""
    names = []
    for status in sorted(proc.glob("asound/card*/pcm*/sub*/status")):
        try:
            lines = status.read_text().splitlines()
            pid = next(line.split(":")[1].strip() for line in lines if "owner_pid" in line)
            program = (proc / pid / "comm").read_text().strip()
        except (OSError, StopIteration, IndexError):
            continue
        names.append(f"{program} (pid {pid})")
    return list(dict.fromkeys(names))

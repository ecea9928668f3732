"""The doctor's questions about sound: PortAudio, devices, rates, permissions, sound servers."""

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from roomcal.devices.port_audio import (
    cards,
    describe,
    find_card,
    host_apis,
    install_line,
    port_audio,
)
from roomcal.devices.registry import is_virtual
from roomcal.errors import DeviceError, RoomcalError
from roomcal.files.studio_toml import FILE_NAME, read_studio
from roomcal.jobs.findings import Finding, fine, warning

_VIRTUAL_WORKS = "--device virtual works without"


def _port_audio(_root: Path) -> Iterator[Finding]:
    try:
        sounddevice = port_audio()
    except DeviceError as error:
        yield warning("PortAudio", error.message, f"{install_line()}; {_VIRTUAL_WORKS}")
        return
    version = sounddevice.get_portaudio_version()[1].split(",")[0]
    yield fine("PortAudio", f"{version}; host APIs: {', '.join(host_apis()) or 'none'}")


def _devices(_root: Path) -> Iterator[Finding]:
    try:
        known = cards()
    except DeviceError:
        return  # said already
    outputs = sum(c.n_outputs > 0 for c in known)
    inputs = sum(c.n_inputs > 0 for c in known)
    if outputs and inputs:
        yield fine("devices", f"{outputs} that play, {inputs} that record: `roomcal devices`")
        return
    missing = "plays" if inputs else "records" if outputs else "plays or records"
    yield warning(
        "devices",
        f"no device {missing}",
        f"plug in the interface and the microphone, then start again; {_VIRTUAL_WORKS}",
    )


def _studio_devices(root: Path) -> Iterator[Finding]:
    """Look for the devices that studio.toml names, with their channels and rate."""
    try:
        studio = read_studio(root / FILE_NAME)
    except RoomcalError:
        return  # said with studio.toml
    if not studio.output_device or is_virtual(studio.output_device):
        return
    try:
        known = cards()
        output = find_card(studio.output_device, "output", known)
        record = find_card(studio.input_device or studio.output_device, "input", known)
    except DeviceError as error:
        yield warning("studio's devices", error.message, error.hint)
        return
    outputs = [s.output_channel for s in studio.speakers]
    inputs = [studio.microphone.input_channel]
    if studio.loopback is not None:
        outputs.append(studio.loopback.output_channel)
        inputs.append(studio.loopback.input_channel)
    for card, direction, channels in ((output, "output", outputs), (record, "input", inputs)):
        available = card.n_outputs if direction == "output" else card.n_inputs
        if max(channels) > available:
            what = f"{card.full_name} has {available} {direction}s, studio.toml names "
            cure = f"correct the {direction}_channel in studio.toml"
            yield warning("studio's devices", f"{what}{direction} {max(channels)}", cure)
    for card in dict.fromkeys((output, record)):
        rates = describe(card).sample_rates
        if studio.fs in rates:
            yield fine("studio's devices", f"{card.full_name} runs at {studio.fs} Hz")
        else:
            can = ", ".join(str(fs) for fs in rates)
            what = f"{card.full_name} says that it runs at {can} Hz, not at {studio.fs}"
            cure = "set fs in studio.toml, or the rate of the device or sound server"
            yield warning("studio's devices", what, cure)
    if output != record:
        what = "two devices have two clocks: every take measures and corrects the difference"
        yield fine("studio's devices", what)


def _microphone(_root: Path) -> Iterator[Finding]:
    """Say where the system keeps the permission to listen, and what it says if it can be read."""
    system = str(sys.platform)  # a type checker would skip the systems that it does not run on
    if system == "darwin":
        yield fine(
            "microphone",
            "macOS asks once whether the terminal may use the microphone",
            "if takes are silent: System Settings > Privacy & Security > Microphone > your "
            "terminal, then start the terminal again",
        )
    elif system == "win32":
        cure = "Settings > Privacy & security > Microphone: let desktop apps use the microphone"
        denied = _denied_by_windows()
        if denied:
            yield warning("microphone", "Windows lets no desktop program use the microphone", cure)
        else:
            yield fine("microphone", "Windows lets desktop programs use the microphone", cure)


def _denied_by_windows() -> bool:
    """Whether the privacy settings forbid desktop programs to record."""
    winreg = importlib.import_module("winreg")
    place = (
        r"Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone"
    )
    answers = []
    for key in (place, place + r"\NonPackaged"):
        with contextlib.suppress(OSError):  # an older Windows has no such setting
            opened = winreg.OpenKey(winreg.HKEY_CURRENT_USER, key)
            answers.append(winreg.QueryValueEx(opened, "Value")[0])
            opened.Close()
    return "Deny" in answers


def _servers(_root: Path) -> Iterator[Finding]:
    """Say which sound servers of Linux run, and how to reach them."""
    if sys.platform != "linux":
        return
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    if (runtime / "pipewire-0").exists():
        yield fine(
            "sound server",
            "PipeWire runs: its device is 'pipewire' or 'default'",
            "with its JACK: pw-jack roomcal ...; for the hardware alone choose a name with hw:",
        )
    elif (runtime / "pulse" / "native").exists():
        yield fine(
            "sound server",
            "PulseAudio runs: its device is 'pulse' or 'default'",
            "for the hardware alone choose a name with hw:",
        )
    try:
        has_jack = any("JACK" in api for api in host_apis())
    except DeviceError:
        return  # said with PortAudio
    if has_jack:
        yield fine("JACK", "its server runs, or PipeWire stands in for it")
    else:
        yield fine("JACK", "no server runs", "start it before roomcal if you want its devices")


AUDIO_QUESTIONS: dict[str, Callable[[Path], Iterator[Finding]]] = {
    "PortAudio": _port_audio,
    "devices": _devices,
    "studio's devices": _studio_devices,
    "sound server": _servers,
    "microphone": _microphone,
}

"""What a run is asked to do, as the parent tells its child: nothing but names and numbers."""

from dataclasses import dataclass
from typing import Literal

# Of the engine, for banks that are loaded later: one may be heard while the other is filled.
SPARE_SLOTS = 2
System = Literal["port-audio", "jack", "virtual"]


@dataclass(frozen=True)
class Route:
    """From where to where the sound goes; every channel counts from 1."""

    system: System
    source_device: str  # of JACK: the client
    source_channels: tuple[int, ...]  # one for each input of the banks
    output_device: str
    output_channels: tuple[int, ...]  # one for each output of the banks
    # Inputs of `microphone_device` that are never a source: the microphone hears the monitors.
    microphone_device: str = ""
    microphone_channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class RunRequest:
    """Everything that the child has to know."""

    route: Route
    root: str  # folder of the studio
    banks: tuple[str, ...]  # by name or path
    inputs: tuple[str, ...]  # of the banks
    outputs: tuple[str, ...]
    fs: int | None = None  # None: what the device runs at
    fallback_fs: int = 48000  # where a device does not say what it runs at
    block: int = 256
    latency_s: float | None = None  # that PortAudio aims at; None: the lowest that it promises
    exclusive: bool = False
    float32: bool = False
    lookahead_s: float = 0.0  # by which the limiter delays the sound
    dry: bool = False  # look, and play nothing
    memory: str = ""  # token of the shared block
    # After the device vanished: the very same devices, waited for as long as it takes.
    found_source: str = ""
    found_output: str = ""

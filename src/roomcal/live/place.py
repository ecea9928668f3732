"""A place to play: what a sound card, a JACK server and a virtual stream have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from roomcal.live.request import RunRequest

Gone = Callable[[str], None]  # called in any thread with how the device was lost
Routing = dict[str, Any]
NO_ROUTING: Routing = {"inputs": {}, "outputs": {}, "missing": [], "warnings": []}


@dataclass(frozen=True)
class Found:
    """A device that is there, and how it would run.

    Attributes
    ----------
    host_inputs, host_outputs : int
        Channels of the stream, those that nobody uses included; of JACK its ports.
    inputs, outputs : tuple of int
        Channel of the stream, counted from 0, of each input and output of the banks.
    """

    source: str
    output: str
    fs: int
    block: int
    host_inputs: int
    host_outputs: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    is_jack: bool = False


def found_for(request: RunRequest, source: str, output: str, fs: int) -> Found:
    """Describe a stream of as many channels as the highest that is used."""
    route = request.route
    return Found(
        source=source,
        output=output,
        fs=fs,
        block=request.block,
        host_inputs=max(route.source_channels),
        host_outputs=max(route.output_channels),
        inputs=tuple(channel - 1 for channel in route.source_channels),
        outputs=tuple(channel - 1 for channel in route.output_channels),
    )


class Callback(Protocol):
    """What the audio system calls."""

    def address(self) -> int:
        """Return the address of the compiled function."""

    def user(self) -> int:
        """Return the address that it is handed."""

    def use_ports(self, inputs: list[int], outputs: list[int], buffer_getter: int) -> None:
        """Take the ports of a JACK client."""


class Place(Protocol):
    """A place to play."""

    looks_are_cheap: bool
    found: Found

    def find(self) -> Found:
        """Look for the device and say how it would run."""

    def is_there(self) -> bool:
        """Tell whether it is worth while to try."""

    def open(self, callback: Callback, gone: Gone) -> None:
        """Let the audio system call."""

    def connect(self) -> None:
        """Look after connections."""

    def routing(self) -> Routing:
        """Say what is connected."""

    def planned(self) -> Routing:
        """Say what would be connected."""

    def warnings(self) -> list[str]:
        """Say what is worth knowing about this device."""

    def xruns(self) -> int:
        """Count what the system reports beside the callback."""

    def latency_s(self) -> float:
        """Return the latency of the system, in and out."""

    def close(self) -> None:
        """Let go of it."""

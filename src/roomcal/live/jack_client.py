"""The compiled callback as a client of a JACK server (or PipeWire's): no period is added.

Its ports are `in_NAME` and `out_NAME`. What the user named is connected as soon as it is there,
again when the DAW was restarted; a connection that the user takes away stays away.
"""

import ctypes
import importlib
import re
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from roomcal.errors import DeviceError, InputError, RoomcalError
from roomcal.live.request import Route
from roomcal.live.routing import PATCHBAY

CLIENT = "roomcal"
_WAYS = (0, 1)  # JackCaptureLatency of the inputs, JackPlaybackLatency of the outputs
_SUFFIX = ", JACK Audio Connection Kit"  # by which PortAudio's list tells JACK's devices


def jack_module() -> ModuleType:
    """Import JACK-Client, and let libjack be quiet.

    Raises
    ------
    RoomcalError
        RC-101 without it, or without libjack.
    """
    try:
        jack = importlib.import_module("jack")
    except (ImportError, OSError) as error:
        raise RoomcalError(
            "RC-101",
            f"--jack needs JACK-Client and libjack: {error}",
            hint="pip install 'roomcal[jack]', and JACK itself (jackd2, or pipewire-jack)",
        ) from error
    jack.set_error_function(lambda _text: None)
    jack.set_info_function(lambda _text: None)
    return jack


class JackClient:
    """A client with a port for each input and output of the banks.

    Parameters
    ----------
    inputs, outputs : sequence of str
        Names of the banks' inputs and outputs.

    Raises
    ------
    DeviceError
        RC-406 when no server answers.

    Attributes
    ----------
    fs, block : int
        Those of the server.
    xruns : int
    Error : type
        What libjack's refusals are.
    """

    def __init__(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self._jack = jack_module()
        self.Error: type[Exception] = self._jack.JackError
        try:
            self._client: Any = self._jack.Client(CLIENT, no_start_server=True)
        except Exception as error:  # JackOpenError
            raise DeviceError(
                "RC-406",
                "no JACK server answers",
                hint="start it (jackd, qjackctl; with PipeWire: pw-jack roomcal run ... --jack), "
                "or leave --jack out",
                said=str(error),
            ) from error
        self.fs, self.block = int(self._client.samplerate), int(self._client.blocksize)
        self.xruns = 0
        self.inputs = [self._client.inports.register(f"in_{name}") for name in inputs]
        self.outputs = [self._client.outports.register(f"out_{name}") for name in outputs]
        self._wanted: dict[str, str] = {}  # own port: the other end that was connected last
        self._client.set_xrun_callback(self._count_xrun)

    def port_addresses(self) -> tuple[list[int], list[int]]:
        """Return the addresses of the ports, for the callback."""
        ffi = self._jack._ffi

        def address(port: Any) -> int:  # noqa: ANN401
            return int(ffi.cast("uintptr_t", port._ptr))

        return [address(p) for p in self.inputs], [address(p) for p in self.outputs]

    def buffer_getter(self) -> int:
        """Return the address of `jack_port_get_buffer`, which the callback calls."""
        ffi, lib = self._jack._ffi, self._jack._lib
        return int(ffi.cast("uintptr_t", ffi.addressof(lib, "jack_port_get_buffer")))

    def start(self, callback: int, user: int, gone: Callable[[str], None]) -> None:
        """Let the server call.

        Parameters
        ----------
        callback, user : int
            Addresses of a `JackProcessCallback` and of what it is handed.
        gone : callable
            Called in another thread when the server ends, or changes its block.
        """
        ffi, lib = self._jack._ffi, self._jack._lib
        self._client.set_shutdown_callback(
            lambda _status, reason: gone(f"the JACK server ended ({reason})")
        )
        block = self.block

        def resized(frames: int) -> None:
            if frames != block:
                gone(f"the JACK server's block is {frames} frames now")

        self._client.set_blocksize_callback(resized)
        failed = lib.jack_set_process_callback(
            self._client._ptr,
            ffi.cast("JackProcessCallback", callback),
            ffi.cast("void *", user),
        )
        if failed:
            raise DeviceError("RC-405", "the JACK server takes no callback")
        self._client.activate()

    def close(self) -> None:
        """Leave the server."""
        self._client.close(ignore_errors=True)

    def check(self, route: Route) -> None:
        """Refuse devices that are not clients of this server, before anything is connected.

        Raises
        ------
        DeviceError
            RC-401 when the monitors are not there.
        InputError
            RC-332 for a physical input that is the microphone's.
        """
        if len(self._ends(route.output_device, is_input=True)) < max(route.output_channels):
            clients = self._clients(is_input=True)
            raise DeviceError(
                "RC-401",
                f"no JACK client {_plain(route.output_device)!r} has {max(route.output_channels)} "
                "inputs that could be the monitors",
                hint=f"--device names the client: there are {', '.join(clients) or 'none'}",
                device=route.output_device,
                known=clients,
            )
        for channel, port in self._sources(route):
            if port.is_physical and channel in route.microphone_channels:
                raise InputError(
                    "RC-332",
                    f"{port.name} is the microphone's input: it carries what the monitors play, "
                    "and would howl",
                    hint="name the client of the DAW: --source CLIENT:1,2; if the microphone is "
                    "elsewhere now, say so in studio.toml (microphone.input_channel)",
                    channel=channel,
                )

    def connect(self, route: Route) -> None:
        """Connect what was named, is there, and was not connected before."""
        ends = self._ends(route.output_device, is_input=True)
        pairs = [
            (own, ends[channel - 1].name, own.name, ends[channel - 1].name)
            for own, channel in zip(self.outputs, route.output_channels, strict=True)
            if channel <= len(ends)
        ]
        sources = dict(self._sources(route))
        pairs += [
            (own, sources[channel].name, sources[channel].name, own.name)
            for own, channel in zip(self.inputs, route.source_channels, strict=True)
            if channel in sources
        ]
        for own, other, start, end in pairs:
            if self._wanted.get(own.name) == other:
                continue
            if other not in [port.name for port in own.connections]:
                self._client.connect(start, end)
            self._wanted[own.name] = other
        there = {other for _, other, _, _ in pairs}
        # Whoever left is connected again when it is back.
        self._wanted = {own: other for own, other in self._wanted.items() if other in there}

    def routing(self, route: Route) -> dict[str, Any]:
        """Describe what is connected, and what is missing or wrong.

        Returns
        -------
        routing : dict
            "inputs" and "outputs": for each own port the names at its other end; "missing" and
            "warnings": sentences.
        """
        inputs = {_bare(p): [c.name for c in p.connections] for p in self.inputs}
        outputs = {_bare(p): [c.name for c in p.connections] for p in self.outputs}
        missing = []
        for name, ends in inputs.items():
            if not ends:
                by_hand = route.source_device == PATCHBAY
                who = "your DAW's output" if by_hand else f"{route.source_device} (not there yet?)"
                missing.append(f"{CLIENT}:in_{name} is fed by nothing: connect {who} to it")
        missing += [
            f"{CLIENT}:out_{name} plays to nothing: connect it to a monitor"
            for name, ends in outputs.items()
            if not ends
        ]
        monitors = {end for ends in outputs.values() for end in ends}
        feeding = {end for ends in inputs.values() for end in ends}
        warnings = []
        for start in sorted(feeding):
            for end in self._client.get_all_connections(start):
                if end.name in monitors:
                    warnings.append(
                        f"{start} also plays straight to {end.name}, uncorrected: disconnect it"
                    )
        return {"inputs": inputs, "outputs": outputs, "missing": missing, "warnings": warnings}

    def planned(self, route: Route) -> dict[str, Any]:
        """Describe what would be connected, as `routing` does what is."""
        ends = self._ends(route.output_device, is_input=True)
        sources = dict(self._sources(route))
        return {
            "inputs": {
                _bare(own): [sources[channel].name if channel in sources else "nothing yet"]
                for own, channel in zip(self.inputs, route.source_channels, strict=True)
            },
            "outputs": {
                _bare(own): [ends[channel - 1].name]
                for own, channel in zip(self.outputs, route.output_channels, strict=True)
            },
            "missing": [],
            "warnings": [],
        }

    def latency_s(self) -> float:
        """Return the latency of the way in and the way out, as the server knows it; else NaN."""
        try:
            ask = ctypes.CDLL(self._jack._libname).jack_port_get_latency_range
        except (AttributeError, OSError):
            return float("nan")
        ask.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        frames = 0
        for addresses, way in zip(self.port_addresses(), _WAYS, strict=True):
            longest = 0
            for address in addresses:
                found = (ctypes.c_uint32 * 2)()  # jack_latency_range_t: min and max
                ask(address, way, ctypes.byref(found))
                longest = max(longest, found[1])
            frames += longest
        return frames / self.fs

    def _sources(self, route: Route) -> list[tuple[int, Any]]:
        """Ports that were named as the source and are there, with their channels."""
        if route.source_device == PATCHBAY:
            return []
        ports = self._ends(route.source_device, is_input=False)
        return [(n, ports[n - 1]) for n in route.source_channels if n <= len(ports)]

    def _ends(self, client: str, *, is_input: bool) -> list[Any]:
        """Audio ports of a client, in its order."""
        pattern = f"^{re.escape(_plain(client))}:"
        ports: list[Any] = self._client.get_ports(
            pattern, is_audio=True, is_input=is_input, is_output=not is_input
        )
        return ports

    def _clients(self, *, is_input: bool) -> list[str]:
        ports = self._client.get_ports(is_audio=True, is_input=is_input, is_output=not is_input)
        names = [port.name.partition(":")[0] for port in ports]
        return [n for n in dict.fromkeys(names) if n != CLIENT]

    def _count_xrun(self, _delayed_us: float) -> None:
        self.xruns += 1


def _bare(port: Any) -> str:  # noqa: ANN401 - a port of JACK-Client
    """Return the name of the bank's input or output that a port is for."""
    return str(port.shortname.partition("_")[2])


def _plain(device: str) -> str:
    """Return a client's name from the name of PortAudio's list."""
    return device.removesuffix(_SUFFIX)

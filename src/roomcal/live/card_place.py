"""Plays on a sound card, through PortAudio."""

from roomcal.devices.port_audio import Card, fits
from roomcal.errors import DeviceError
from roomcal.live.place import Callback, Found, Gone, Routing, found_for
from roomcal.live.port_audio_stream import (
    PortAudioStream,
    check_channels,
    find_cards,
    look_again,
    stream_rate,
)
from roomcal.live.request import RunRequest
from roomcal.live.routing import refuse_microphone


class CardPlace:
    """A sound card, or one that is the source and another that plays, in one stream."""

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._stream: PortAudioStream | None = None
        # Looking for devices lets PortAudio start every ASIO driver there is.
        self.looks_are_cheap = not request.found_output.endswith("ASIO")
        self._looked = False
        self.found: Found

    def find(self) -> Found:
        """Look for the cards, again if need be."""
        if self._looked:
            look_again()
        self._looked = True
        self._source, self._output = source, output = find_cards(self._request)
        check_channels(self._request, source, output)
        route = self._request.route
        if route.microphone_device:
            refuse_microphone(route, same_device=_is_microphones(route.microphone_device, source))
        fs = stream_rate(self._request, source, output)
        self.found = found_for(self._request, source.full_name, output.full_name, fs)
        return self.found

    def is_there(self) -> bool:
        """Look for the very same cards."""
        try:
            look_again()
            find_cards(self._request)
        except DeviceError:
            return False
        return True

    def open(self, callback: Callback, gone: Gone) -> None:  # noqa: ARG002 - PortAudio never tells
        """Open the stream and start it."""
        self._stream = PortAudioStream(
            self._request,
            self._source,
            self._output,
            fs=self.found.fs,
            callback=callback.address(),
            user=callback.user(),
            n_inputs=self.found.host_inputs,
            n_outputs=self.found.host_outputs,
        )
        self._stream.start()

    def connect(self) -> None:
        """Do nothing: PortAudio has connected it."""

    def routing(self) -> Routing:
        """Return the channels of the two devices."""
        route, request = self._request.route, self._request
        return {
            "inputs": {
                name: [f"{self.found.source} input {channel}"]
                for name, channel in zip(request.inputs, route.source_channels, strict=True)
            },
            "outputs": {
                name: [f"{self.found.output} output {channel}"]
                for name, channel in zip(request.outputs, route.output_channels, strict=True)
            },
            "missing": [],
            "warnings": [],
        }

    def planned(self) -> Routing:
        """Return what would be connected."""
        return self.routing()

    def warnings(self) -> list[str]:
        """Warn of two clocks."""
        if self._source == self._output:
            return []
        return [
            f"{self.found.source} and {self.found.output} have two clocks: expect a click now and "
            "then; join them in an aggregate device (docs/live.md)"
        ]

    def xruns(self) -> int:
        """Return 0: the callback sees them."""
        return 0

    def latency_s(self) -> float:
        """Return what the driver says."""
        return 0.0 if self._stream is None else self._stream.latency_s

    def close(self) -> None:
        """Close the stream."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _is_microphones(device: str, source: Card) -> bool:
    """Whether the studio's microphone is plugged into the card of the source."""
    # The same interface is several devices in several host APIs; the channels are the same.
    return bool(fits(device, source)) or device.lower() in source.full_name.lower()

"""Plays at a JACK server, as a client of its own."""

import contextlib

from roomcal.errors import DeviceError, InputError
from roomcal.live.jack_client import JackClient
from roomcal.live.place import NO_ROUTING, Callback, Found, Gone, Routing
from roomcal.live.request import RunRequest
from roomcal.live.routing import PATCHBAY


class JackPlace:
    """A client of a JACK server."""

    looks_are_cheap = True

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._client: JackClient | None = None
        self._routing: Routing = NO_ROUTING
        self.found: Found

    def find(self) -> Found:
        """Become a client, silent as yet."""
        self.close()
        request, route = self._request, self._request.route
        self._client = client = JackClient(request.inputs, request.outputs)
        client.check(route)
        if request.fs not in (None, client.fs):
            raise InputError(
                "RC-304",
                f"the JACK server runs at {client.fs} Hz, --fs asks for {request.fs} Hz",
                hint=f"start the server with -r {request.fs}, or leave --fs out",
            )
        self.found = Found(
            source=route.source_device,
            output=route.output_device,
            fs=client.fs,
            block=client.block,
            host_inputs=len(request.inputs),
            host_outputs=len(request.outputs),
            inputs=tuple(range(len(request.inputs))),
            outputs=tuple(range(len(request.outputs))),
            is_jack=True,
        )
        return self.found

    def is_there(self) -> bool:
        """Ask whether a server answers and has the monitors."""
        try:
            client = JackClient((), ())
        except DeviceError:
            return False
        try:
            client.check(self._request.route)
        except DeviceError:
            return False
        finally:
            client.close()
        return True

    def open(self, callback: Callback, gone: Gone) -> None:
        """Let the server call, and connect."""
        client = self._here()
        callback.use_ports(*client.port_addresses(), client.buffer_getter())
        client.start(callback.address(), callback.user(), gone)
        self.connect()

    def connect(self) -> None:
        """Connect what is there; a server that is dying is noticed elsewhere."""
        client = self._here()
        with contextlib.suppress(client.Error):
            client.connect(self._request.route)

    def routing(self) -> Routing:
        """Return what is connected to the ports."""
        client = self._here()
        with contextlib.suppress(client.Error):
            self._routing = client.routing(self._request.route)
        return self._routing

    def planned(self) -> Routing:
        """Return what would be connected."""
        return self._here().planned(self._request.route)

    def warnings(self) -> list[str]:
        """Say that the source is up to the user."""
        if self._request.route.source_device != PATCHBAY:
            return []
        return ["connect the DAW's output to roomcal's inputs in a patchbay, never a microphone"]

    def xruns(self) -> int:
        """Return what the server has reported."""
        return 0 if self._client is None else self._client.xruns

    def latency_s(self) -> float:
        """Return what the ports say."""
        return self._here().latency_s()

    def close(self) -> None:
        """Leave the server."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _here(self) -> JackClient:
        if self._client is None:
            raise ValueError("not a client yet")
        return self._client

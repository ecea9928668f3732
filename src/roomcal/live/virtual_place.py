"""Plays nowhere: a programme is filtered and thrown away."""

from roomcal.live.place import NO_ROUTING, Callback, Found, Gone, Routing, found_for
from roomcal.live.request import RunRequest
from roomcal.live.virtual_stream import VirtualStream, programme


class VirtualPlace:
    """No sound card: a programme is filtered and thrown away, at the pace of the clock."""

    looks_are_cheap = True

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._stream: VirtualStream | None = None
        self.found: Found

    def find(self) -> Found:
        """Find it at once."""
        route = self._request.route
        programme(route.source_device)
        fs = self._request.fs or self._request.fallback_fs
        self.found = found_for(self._request, route.source_device, route.output_device, fs)
        return self.found

    def is_there(self) -> bool:
        """Return True: nothing can be unplugged."""
        return True

    def open(self, callback: Callback, gone: Gone) -> None:  # noqa: ARG002 - of the interface
        """Start the thread that calls."""
        self._stream = VirtualStream(
            callback.address(),
            callback.user(),
            programme(self._request.route.source_device),
            fs=self.found.fs,
            block=self.found.block,
            n_inputs=self.found.host_inputs,
            n_outputs=self.found.host_outputs,
        )
        self._stream.start()

    def connect(self) -> None:
        """Do nothing."""

    def routing(self) -> Routing:
        """Return nothing: nothing is connected."""
        return NO_ROUTING

    def planned(self) -> Routing:
        """Return what would be connected."""
        return NO_ROUTING

    def warnings(self) -> list[str]:
        """Return nothing."""
        return []

    def xruns(self) -> int:
        """Return 0: the callback sees them."""
        return 0

    def latency_s(self) -> float:
        """Return 0."""
        return 0.0

    def close(self) -> None:
        """Stop the thread."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

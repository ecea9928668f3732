"""What a person should know of a live run: what was counted, what is not connected."""

from collections.abc import Mapping
from typing import Any

COUNTED = {
    "dc_mutes": "DC at the input: muted until it is gone",
    "bad_blocks": "the input holds NaN, infinite or absurd samples: muted while it does",
    "bad_outputs": "the engine made no numbers and began anew: report it",
    "late": "a callback came far too late: something held up the computer",
    "overloads": "computing takes too long: raise --block, or use --float32",
}


class Troubles:
    """Says each trouble once, when it begins, and again when there is more of it."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget: another engine counts from zero."""
        self._counts: dict[str, int] = {}
        self._routing: set[str] = set()

    def counted(self, counts: Mapping[str, int]) -> list[str]:
        """Return what has been counted since the last time."""
        new = [text for name, text in COUNTED.items() if counts[name] > self._counts.get(name, 0)]
        self._counts = {name: counts[name] for name in COUNTED}
        return new

    def routed(self, routing: Mapping[str, Any]) -> list[str]:
        """Return what is missing or wrong in the routing, and was not the last time."""
        now = [*routing.get("missing", ()), *routing.get("warnings", ())]
        new = [text for text in now if text not in self._routing]
        self._routing = set(now)
        return new

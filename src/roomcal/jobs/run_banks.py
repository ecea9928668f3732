"""The banks of a live run: their names, in the order of the keys, and the engine's slots."""

import dataclasses
from collections.abc import Collection
from typing import Any

from roomcal.live.controls import Cast
from roomcal.live.request import SPARE_SLOTS

_LOWERED_DB = 0.1  # a bank that was lowered by more is worth a note


class RunBanks:
    """Knows which bank lies in which slot.

    Parameters
    ----------
    cast : Cast
        At the start every bank lies in the slot of its own number.

    Attributes
    ----------
    cast : Cast
    slots : list of int
        Of each bank of the cast.
    described : dict
        What the engine says of each bank.
    """

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.described: dict[str, dict[str, Any]] = {}
        self.begin_anew()

    def begin_anew(self) -> None:
        """Take the slots of an engine that has just loaded every bank."""
        self.slots = list(range(len(self.names)))
        self._n_slots = len(self.slots) + SPARE_SLOTS

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the keys."""
        return self.cast.banks

    def name_in(self, slot: int) -> str:
        """Return the bank in a slot, or nothing."""
        return self.names[self.slots.index(slot)] if slot in self.slots else ""

    def free_slot(self, name: str, heard: Collection[int]) -> int:
        """Return a slot for a bank that is loaded now: none that is heard or holds another."""
        others = {s for n, s in zip(self.names, self.slots, strict=True) if n != name}
        return next((s for s in range(self._n_slots) if s not in {*heard, *others}), -1)

    def put(self, name: str, slot: int) -> None:
        """Note that a bank lies in a slot now; a new name comes last."""
        if name in self.names:
            self.slots[self.names.index(name)] = slot
            return
        self.cast = dataclasses.replace(self.cast, banks=(*self.names, name))
        self.slots.append(slot)

    def describe(self, bank: dict[str, Any]) -> str:
        """Take what the engine says of a bank; return what is worth knowing of it."""
        name, lowered_db = bank["bank"], bank["lowered_db"]
        is_new = name not in self.described
        self.described[name] = bank
        if is_new and lowered_db > _LOWERED_DB:
            return f"{name} is lowered by {lowered_db:.1f} dB: no tone at full scale may clip"
        return ""

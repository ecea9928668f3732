"""The engine as the child handles it: banks by name, and addresses."""

from pathlib import Path
from typing import Any

import numpy as np

from roomcal.errors import InputError
from roomcal.files.bank_store import filters_for, load_bank
from roomcal.live.channels import Pick
from roomcal.live.panel import Panel
from roomcal.live.place import Found
from roomcal.live.prepare import Prepared, Slot, prepare
from roomcal.live.request import SPARE_SLOTS, RunRequest


class Engine:
    """Banks and memory for one device, and what the audio system is handed.

    Parameters
    ----------
    request : RunRequest
    found : Found
    panel : Panel

    Raises
    ------
    InputError
        RC-311 when a bank has no filter for the rate of the device.
    """

    def __init__(self, request: RunRequest, found: Found, panel: Panel) -> None:
        self._root = Path(request.root)
        self._found = found
        banks = [load_bank(self._root, name) for name in request.banks]
        self._names = [bank.name for bank in banks]
        self._prepared: Prepared = prepare(
            [filters_for(bank, found.fs) for bank in banks],
            block=found.block,
            panel=panel,
            dtype=np.float32 if request.float32 else np.float64,
            lookahead_s=request.lookahead_s,
            n_spare=SPARE_SLOTS,
        )

        self._pick = _pick(self._prepared.userdata_address, found)
        self.address()  # compiled now, if need be: never while audio waits

    def fits(self, found: Found) -> bool:
        """Tell whether the device, found again, runs as before."""
        return found == self._found

    @property
    def latency_samples(self) -> int:
        """Frames that the engine adds to the filters' own latency."""
        return self._prepared.latency_samples

    def described(self) -> list[dict[str, Any]]:
        """Describe every bank that is loaded, in the order of its slots."""
        return [
            self._description(name, slot)
            for name, slot in zip(self._names, self._prepared.slots, strict=False)
            if slot is not None
        ]

    def load(self, name: str, slot: int) -> dict[str, Any]:
        """Put a bank into a slot that is not heard, and describe it.

        Raises
        ------
        InputError
            When there is none, it is damaged, does not fit, or is being heard.
        """
        bank = load_bank(self._root, name)
        filters = filters_for(bank, self._found.fs)
        try:
            loaded = self._prepared.load(slot, filters)
        except ValueError as error:  # in the middle of several swaps
            raise InputError(
                "RC-333", f"{bank.name} is still being heard", hint="load it again in a second"
            ) from error
        return self._description(bank.name, loaded)

    def address(self) -> int:
        """Return the address of the compiled callback."""
        if self._found.is_jack:
            return self._prepared.jack_address
        return self._pick.address if self._pick else self._prepared.port_audio_address

    def user(self) -> int:
        """Return the address that the callback is handed."""
        return self._pick.user if self._pick else self._prepared.userdata_address

    def use_ports(self, inputs: list[int], outputs: list[int], buffer_getter: int) -> None:
        """Take the ports of a JACK client."""
        self._prepared.connect_ports(inputs, outputs, get_buffer=buffer_getter)

    def _description(self, name: str, slot: Slot) -> dict[str, Any]:
        return {
            "bank": name,
            "latency_s": slot.latency_samples / self._found.fs,
            "lowered_db": slot.trim_db,
            "bypass_gain_db": slot.bypass_gain_db,
        }


def _pick(inner: int, found: Found) -> Pick | None:
    """Pick channels out of the stream, where it has others than the banks."""
    straight = (tuple(range(found.host_inputs)), tuple(range(found.host_outputs)))
    if found.is_jack or (found.inputs, found.outputs) == straight:
        return None
    return Pick(
        inner,
        inputs=found.inputs,
        outputs=found.outputs,
        host_inputs=found.host_inputs,
        host_outputs=found.host_outputs,
    )

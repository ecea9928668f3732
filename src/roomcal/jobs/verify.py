"""Verify: measure again through the filters and hold the result against the prediction."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.dsp.prediction import predict
from roomcal.errors import InputError
from roomcal.files.bank_store import filters_for
from roomcal.files.folders import names
from roomcal.files.session_store import SessionStore
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.measure import MeasureRequest, measure
from roomcal.jobs.studio import Place
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Position, Speaker
from roomcal.verify.promise import Verification, hold_against


@dataclass(frozen=True)
class Verified:
    """The verdict, and what it was taken from."""

    bank: Bank
    verification: Verification
    predicted: tuple[ImpulseResponse, ...]
    measured: tuple[ImpulseResponse, ...]
    before: SessionStore
    after: SessionStore


def session_before(root: Path, bank: Bank, against: str | None) -> SessionStore:
    """Open the session that a bank was designed from, or the one that the user names.

    Raises
    ------
    InputError
        RC-315 when the bank does not say where it comes from.
    """
    name = against or str(bank.provenance.get("session", ""))
    if not name:
        raise InputError(
            "RC-315",
            f"the bank {bank.name} does not say from which session it was designed",
            hint="name it: --against SESSION",
        )
    return SessionStore.open(root, name)


def predicted_responses(
    responses: list[ImpulseResponse], filters: FilterBank
) -> tuple[ImpulseResponse, ...]:
    """Every input of the bank at every position: the sum over outputs of filter and response.

    Raises
    ------
    InputError
        RC-309 if an output of the bank has no response in the session.
    """
    by_path = {(r.speaker, r.position): r for r in responses}
    positions = list(dict.fromkeys(r.position for r in responses))
    predicted = []
    for name in filters.inputs:
        outputs = [out for out, inp in filters.active_paths if inp == name]
        for position in positions:
            parts = [by_path.get((out, position)) for out in outputs]
            present = [r for r in parts if r is not None]
            if len(present) == len(outputs) and present:
                predicted.append(_sum_through(present, filters, name))
    if not predicted:
        raise InputError(
            "RC-309",
            f"the session has no responses of {', '.join(filters.outputs)}",
            hint="name the session that the bank was designed from: --against SESSION",
        )
    return tuple(predicted)


def verify_bank(
    root: Path,
    bank: Bank,
    place: Place,
    talk: Conversation,
    *,
    request: MeasureRequest,
    against: str | None = None,
    external: bool = False,
) -> Verified:
    """Measure through a bank into a new session and compare with the prediction.

    Parameters
    ----------
    request : MeasureRequest
        What to measure; its `through` is set here.
    external : bool
        Something else applies the correction: plain sweeps are played.
    """
    before = session_before(root, bank, against)
    filters = filters_for(bank, place.studio.fs)
    predicted = predicted_responses(before.load_responses(), filters)
    request = dataclasses.replace(request, through=None if external else bank, force=False)
    after = measure(root, _fresh_name(root, f"{bank.name}.verify"), place, request, talk)
    measured = tuple(after.load_responses())
    return Verified(bank, hold_against(predicted, measured), predicted, measured, before, after)


def measured_places(
    before: SessionStore, place: Place, count: int | None
) -> tuple[tuple[Speaker, ...], tuple[Position, ...]]:
    """Return the speakers and (the first `count`) positions that a session has measured."""
    responses = before.session.responses
    speakers = {r.speaker for r in responses}
    positions = list(dict.fromkeys(r.position for r in responses))[:count]
    return (
        tuple(s for s in place.studio.speakers if s.name in speakers),
        tuple(Position(name) for name in positions),
    )


def _sum_through(
    parts: list[ImpulseResponse], filters: FilterBank, input_name: str
) -> ImpulseResponse:
    """One input through all outputs that it feeds, on the clock of the first."""
    first = parts[0]
    paths = [predict(r.samples, filters.path(r.speaker, input_name)) for r in parts]
    n = max(path.size for path in paths)
    total = np.sum([np.pad(path, (0, n - path.size)) for path in paths], axis=0)
    return dataclasses.replace(first, samples=total, speaker=input_name)


def _fresh_name(root: Path, name: str) -> str:
    """Return the name, or the name with the first free number: no verification is overwritten."""
    taken = {n.lower() for n in names(root, "session")}
    number, fresh = 1, name
    while fresh.lower() in taken:
        number += 1
        fresh = f"{name}-{number}"
    return fresh

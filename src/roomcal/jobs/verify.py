"""Verify: measure again through the filters and hold the result against the prediction."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.dsp.prediction import predict
from roomcal.dsp.rate import at_rate
from roomcal.errors import InputError
from roomcal.files.bank_store import filters_for
from roomcal.files.folders import fresh_name, unknown_name
from roomcal.files.session_store import SessionStore
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.measure import measure
from roomcal.jobs.measure_plan import MeasureRequest
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

    Responses at another rate than that of the filters are resampled.

    Raises
    ------
    InputError
        RC-309 if an output of the bank has no response in the session.
    """
    by_path = {(r.speaker, r.position): r for r in responses}
    positions = list(dict.fromkeys(r.position for r in responses))
    predicted: list[ImpulseResponse] = []
    for name in filters.inputs:
        outputs = [out for out, inp in filters.active_paths if inp == name]
        for position in positions:
            parts = [by_path[out, position] for out in outputs if (out, position) in by_path]
            if parts and len(parts) == len(outputs):
                predicted.append(_sum_through(parts, filters, name))
        if outputs and name not in {p.speaker for p in predicted}:
            measured = ", ".join(dict.fromkeys(r.speaker for r in responses))
            raise InputError(
                "RC-309",
                f"the bank plays {', '.join(outputs)}; the session has measured {measured}",
                hint="name the session that it was designed from",
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
        What to measure; its `through` and `use_calibration` are set here.
    external : bool
        Something else applies the correction: plain sweeps are played.

    Raises
    ------
    InputError
        RC-309 if a speaker of the bank is not to be measured, because the studio has none of that
        name: what is not measured is not verified.
    """
    before = session_before(root, bank, against)
    filters = filters_for(bank, place.studio.fs)
    predicted = predicted_responses(before.load_responses(), filters)
    asked = {s.name: s for s in request.speakers}
    for name in filters.inputs:
        if name not in asked:
            raise unknown_name("speaker", name, [s.name for s in place.studio.speakers])
    request = dataclasses.replace(
        request,
        speakers=tuple(asked[name] for name in filters.inputs),
        through=None if external else bank,
        use_calibration=before.session.calibrated,
        force=False,
    )
    after = measure(root, fresh_name(root, "session", f"{bank.name}.verify"), place, request, talk)
    measured = tuple(after.load_responses())
    return Verified(bank, hold_against(predicted, measured), predicted, measured, before, after)


def measured_places(
    before: SessionStore, place: Place, count: int | None
) -> tuple[tuple[Speaker, ...], tuple[Position, ...]]:
    """Return the speakers and (the first `count`) positions that a session has measured.

    Raises
    ------
    InputError
        RC-316 for fewer than one position.
    """
    if count is not None and count < 1:
        raise InputError("RC-316", f"{count} positions are too few", hint="use 1 or more")
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
    parts = [_resampled(r, filters.fs) for r in parts]
    first = parts[0]
    paths = [predict(r.samples, filters.path(r.speaker, input_name)) for r in parts]
    n = max(path.size for path in paths)
    total = np.sum([np.pad(path, (0, n - path.size)) for path in paths], axis=0)
    return dataclasses.replace(first, samples=total, speaker=input_name)


def _resampled(response: ImpulseResponse, fs: int) -> ImpulseResponse:
    """Return the response at the rate of the filters."""
    return dataclasses.replace(
        response,
        samples=at_rate(response.samples, response.fs, fs),
        fs=fs,
        time_zero=response.time_zero * fs / response.fs,
    )

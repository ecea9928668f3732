"""Design a bank from a session, one filter bank a sample rate, and keep it with its reasons."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import roomcal
from roomcal.design.design import design
from roomcal.design.family import (
    FamilyMember,
    describe_member,
    equally_loud,
    family_specs,
    same_members,
)
from roomcal.files.atomic import refuse_existing
from roomcal.files.bank_store import save_bank
from roomcal.files.folders import new_folder
from roomcal.files.session_store import SessionStore
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.targets import find_target
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import Bank, Explanation, FilterBank
from roomcal.model.impulse_response import ImpulseResponse


@dataclass(frozen=True)
class Family:
    """Banks from one measurement at several latencies, and what each gives up."""

    banks: tuple[Bank, ...]
    members: tuple[FamilyMember, ...]


def design_bank(
    root: Path,
    name: str,
    spec: DesignSpec,
    talk: Conversation,
    *,
    session: str,
    force: bool = False,
    keep: bool = True,
) -> Bank:
    """Design, write and return a bank.

    Parameters
    ----------
    keep : bool
        False for a preview: nothing is written.

    Raises
    ------
    InputError
        When the session, the target or the choices cannot be used.
    StorageError
        RC-602 if the bank exists and `force` is not given.
    """
    if keep:  # before the work, not after it
        refuse_existing(new_folder(root, "bank", name), force=force)
    store = SessionStore.open(root, session)
    bank = _designed(store, store.load_responses(), name, spec, talk)
    if keep:
        save_bank(root, bank, force=force)
    return bank


def design_family(
    root: Path,
    name: str,
    spec: DesignSpec,
    talk: Conversation,
    *,
    session: str,
    force: bool = False,
) -> Family:
    """Design, write and return the banks NAME-0ms, NAME-5ms, NAME-20ms and NAME-full.

    All are equally loud for pink noise, so that one can switch between them.
    """
    specs = family_specs(spec)
    for member in specs:
        refuse_existing(new_folder(root, "bank", f"{name}-{member}"), force=force)
    store = SessionStore.open(root, session)
    responses = store.load_responses()
    made = {
        member: _designed(store, responses, f"{name}-{member}", own, talk)
        for member, own in specs.items()
    }
    lowered: dict[str, float] = {}
    for fs in spec.fs:
        level, db = equally_loud({m: bank.filters[fs] for m, bank in made.items()})
        lowered = lowered or db
        for m, filters in level.items():
            made[m] = dataclasses.replace(made[m], filters={**made[m].filters, fs: filters})
    for bank in made.values():
        save_bank(root, bank, force=force)
    explained = {m: bank.filters[spec.fs[0]] for m, bank in made.items()}
    same = same_members(explained)
    return Family(
        banks=tuple(made.values()),
        members=tuple(
            describe_member(m, filters, responses, lowered[m], same.get(m))
            for m, filters in explained.items()
        ),
    )


def _designed(
    store: SessionStore,
    responses: list[ImpulseResponse],
    name: str,
    spec: DesignSpec,
    talk: Conversation,
) -> Bank:
    """Design a bank at all its rates."""
    target = find_target(spec.target)
    filters: dict[int, FilterBank] = {}
    explanations: tuple[Explanation, ...] = ()
    talk.begin(f"Designing {name}", len(spec.fs))
    try:
        for fs in spec.fs:
            talk.step(f"{fs} Hz")
            result = design(responses, target, spec, name=name, fs=fs, studio=store.session.studio)
            filters[fs] = result.filters
            explanations = explanations or result.explanations
    finally:
        talk.end()
    return Bank(
        name=name,
        filters=filters,
        explanations=explanations,
        provenance={
            "roomcal_version": roomcal.__version__,
            "session": store.session.name,
            "device": store.session.device,
            "spec": dataclasses.asdict(spec),
            "target": {"f_hz": target.f_hz.tolist(), "level_db": target.level_db.tolist()},
            "responses": {r.file.name: r.file.sha256 for r in store.session.responses},
        },
    )

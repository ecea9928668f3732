"""Design a bank from a session, one filter bank a sample rate, and keep it with its reasons."""

import dataclasses
from pathlib import Path

import roomcal
from roomcal.design.design import design
from roomcal.files.atomic import refuse_existing
from roomcal.files.bank_store import save_bank
from roomcal.files.folders import new_folder
from roomcal.files.session_store import SessionStore
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.targets import find_target
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import Bank, Explanation, FilterBank


def design_bank(
    root: Path,
    name: str,
    spec: DesignSpec,
    talk: Conversation,
    *,
    session: str,
    force: bool = False,
) -> Bank:
    """Design, write and return a bank.

    Raises
    ------
    InputError
        When the session, the target or the choices cannot be used.
    StorageError
        RC-602 if the bank exists and `force` is not given.
    """
    refuse_existing(new_folder(root, "bank", name), force=force)  # before the work, not after it
    store = SessionStore.open(root, session)
    responses = store.load_responses()
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
    bank = Bank(
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
    save_bank(root, bank, force=force)
    return bank

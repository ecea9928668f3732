"""Make the page of a session, with its bank and its verification if there are any."""

from pathlib import Path

from roomcal.files.atomic import refuse_existing, write_bytes
from roomcal.files.bank_store import load_bank
from roomcal.files.session_store import SessionStore
from roomcal.jobs.page import Story, tell
from roomcal.jobs.summary import level_targets, summarize
from roomcal.jobs.verify import predicted_responses
from roomcal.report.page import render_page
from roomcal.verify.promise import hold_against


def gather(
    root: Path,
    session: str,
    *,
    bank_name: str | None = None,
    against: str | None = None,
) -> Story:
    """Collect what is known of a session.

    Parameters
    ----------
    session : str
        Measured before the correction.
    bank_name : str, optional
    against : str, optional
        Session measured through the bank.
    """
    store = SessionStore.open(root, session)
    before = store.load_responses()
    bank = load_bank(root, bank_name) if bank_name else None
    targets = level_targets(bank.explanations) if bank else {}
    stages = [summarize("before", before, targets)]
    verification = None
    if bank is not None:
        filters = bank.filters.get(before[0].fs) or next(iter(bank.filters.values()))
        predicted = predicted_responses(before, filters)
        stages.append(summarize("predicted", predicted, targets))
        if against:
            measured = SessionStore.open(root, against).load_responses()
            stages.append(summarize("verified", measured, targets))
            verification = hold_against(predicted, measured)
    provenance = [
        ("Measured", store.session.created_at),
        ("Device", store.session.device or "import"),
    ]
    if bank is not None:
        spec = dict(bank.provenance.get("spec", {}))
        provenance += [
            ("Bank", bank.name),
            ("Target", str(spec.get("target", ""))),
            ("Boost limit", f"{spec.get('max_boost_db', float('nan')):g} dB"),
            ("Headroom", f"{next(iter(bank.filters.values())).headroom_db:.1f} dB"),
        ]
    if against:
        provenance.append(("Verified with", against))
    return Story(
        session=store.session.name,
        stages=tuple(stages),
        responses=tuple(before),
        targets=targets,
        bank=bank,
        verification=verification,
        provenance=tuple(provenance),
    )


def write_report(story: Story, path: Path, *, title: str, force: bool = False) -> None:
    """Write a story as one self-contained HTML file.

    Raises
    ------
    StorageError
        RC-602 if the file exists and `force` is not given.
    """
    refuse_existing(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, render_page(tell(story, title=title)).encode())

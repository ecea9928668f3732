"""Make the page of a session, with its bank and its verification if there are any."""

from collections.abc import Callable, Sequence
from pathlib import Path

from roomcal.analyze.overview import summarize_analysis
from roomcal.errors import InputError
from roomcal.files.atomic import refuse_existing, write_bytes
from roomcal.files.bank_store import load_bank
from roomcal.files.session_store import SessionStore
from roomcal.jobs.analyze import analyze_loaded
from roomcal.jobs.page import tell
from roomcal.jobs.story import Story
from roomcal.jobs.summary import level_targets, summarize
from roomcal.jobs.verify import predicted_responses
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.report.page import Page, render_page
from roomcal.report.pdf import write_pdf
from roomcal.verify.promise import hold_against

_ENDINGS = (".html", ".pdf")


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
    analysis = analyze_loaded(store, before)
    stages = [summarize("before", before, targets, analyses=analysis.responses)]
    verification = None
    predicted: Sequence[ImpulseResponse] = ()
    measured: Sequence[ImpulseResponse] = ()
    if bank is not None:
        filters = bank.filters.get(before[0].fs) or next(iter(bank.filters.values()))
        predicted = predicted_responses(before, filters)
        stages.append(summarize("predicted", predicted, targets))
        if against:
            measured = SessionStore.open(root, against).load_responses()
            _refuse_unlike(predicted, measured, session, against)
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
        analysis=analysis,
        overview=summarize_analysis(analysis),
        predicted=tuple(predicted),
        verified=tuple(measured),
        studio=store.session.studio,
        bank=bank,
        verification=verification,
        provenance=tuple(provenance),
    )


def _refuse_unlike(
    predicted: Sequence[ImpulseResponse],
    measured: Sequence[ImpulseResponse],
    session: str,
    against: str,
) -> None:
    """Refuse to hold sessions against each other that have no path in common."""
    paths = [{(r.speaker, r.position) for r in side} for side in (predicted, measured)]
    if not paths[0] & paths[1]:
        raise InputError(
            "RC-309",
            f"the sessions {session} and {against} have no speaker and position in common",
            hint="name the session that `roomcal verify` made: roomcal sessions",
        )


def write_report(story: Story, path: Path, *, title: str, force: bool = False) -> None:
    """Write a story as one self-contained HTML file, or as PDF if the name ends so.

    Raises
    ------
    InputError
        RC-314 for another ending.
    StorageError
        RC-602 if the file exists and `force` is not given.
    """
    write_page(lambda: tell(story, title=title), path, force=force)


def write_page(make: Callable[[], Page], path: Path, *, force: bool) -> None:
    """Make a page and write it as HTML or PDF; what cannot be written is refused before."""
    refuse_existing(path, force=force)
    if path.suffix.lower() not in _ENDINGS:
        raise InputError(
            "RC-314",
            f"a report cannot be written as {path.name}",
            hint=f"let the name end in {' or '.join(_ENDINGS)}",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    page = make()
    if path.suffix.lower() == ".pdf":
        write_pdf(page, path)
    else:
        write_bytes(path, render_page(page).encode())

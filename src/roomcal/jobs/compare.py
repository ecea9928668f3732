"""Compare sessions on disk: two with each other, or several with the first as a trend."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from roomcal.errors import InputError
from roomcal.files.session_store import SessionStore
from roomcal.model.session import Session
from roomcal.units import counted
from roomcal.verify.compare import NO_CHANGE, Comparison, compare_sessions
from roomcal.verify.significance import FAMILY_ERROR


@dataclass(frozen=True)
class Compared:
    """Every later session against the first."""

    sessions: tuple[SessionStore, ...]
    comparisons: tuple[Comparison, ...]  # one less than sessions

    @property
    def verdict(self) -> str:
        """One sentence; of a trend, which sessions differ from the first."""
        if len(self.comparisons) == 1:
            return self.comparisons[0].verdict
        changed = [c.b for c in self.comparisons if c.changed]
        if not changed:
            return NO_CHANGE
        return f"{', '.join(changed)} changed against {self.comparisons[0].a}"


def compare_stored(root: Path, names: Sequence[str]) -> Compared:
    """Compare sessions; the chance of a false alarm counts for all of them together.

    Raises
    ------
    InputError
        RC-315 for fewer than two sessions, one twice, or two that share no path; RC-310 if one
        holds no response.
    """
    stores = [SessionStore.open(root, name) for name in names]
    folders = {store.folder.resolve() for store in stores}
    if len(stores) < 2 or len(folders) < len(stores):
        raise InputError(
            "RC-315",
            "one session alone cannot be compared"
            if len(stores) < 2
            else f"{len(stores)} names stand for {counted(len(folders), 'session')}",
            hint="name two or more: roomcal compare before after",
        )
    responses = [store.load_responses() for store in stores]
    n = len(stores) - 1
    comparisons = []
    for store, own in zip(stores[1:], responses[1:], strict=True):
        try:
            found = compare_sessions(
                responses[0],
                own,
                names=(stores[0].folder.name, store.folder.name),
                family_error=FAMILY_ERROR / n,
            )
        except ValueError as fault:
            raise InputError(
                "RC-315",
                f"{stores[0].folder.name} and {store.folder.name} share no path: "
                f"{_paths(stores[0].session)} against {_paths(store.session)}",
                hint="measure the same speakers at the same positions, under the same names",
            ) from fault
        notes = (*found.notes, *_differences(stores[0].session, store.session))
        comparisons.append(replace(found, notes=notes))
    return Compared(tuple(stores), tuple(comparisons))


def _paths(session: Session) -> str:
    speakers = dict.fromkeys(r.speaker for r in session.responses)
    positions = dict.fromkeys(r.position for r in session.responses)
    return f"{', '.join(speakers)} at {', '.join(positions)}"


def _differences(a: Session, b: Session) -> list[str]:
    """Read in the records of two sessions what differs in how they were made."""
    notes = []
    if a.through != b.through:
        through = [f"{s.through}" if s.through else "no bank" for s in (a, b)]
        notes.append(f"measured through {through[0]} and through {through[1]}")
    if a.calibrated != b.calibrated:
        notes.append("the microphone's calibration is taken out of one of the two only")
    if a.device != b.device:
        names = [s.device or "imported files" for s in (a, b)]
        notes.append(f"measured by {names[0]} and by {names[1]}")
    calibrations = [s.studio.microphone.calibration if s.studio else "" for s in (a, b)]
    if all(calibrations) and calibrations[0] != calibrations[1]:
        notes.append(f"another microphone: {calibrations[0]} and {calibrations[1]}")
    rates = [sorted({r.fs for r in s.responses}) for s in (a, b)]
    if rates[0] != rates[1]:
        notes.append(f"sample rates differ: {rates[0][0]} and {rates[1][0]} Hz")
    moved = [
        s.name
        for s in (a.studio.speakers if a.studio else ())
        for o in (b.studio.speakers if b.studio else ())
        if s.name == o.name and s.position_m and o.position_m and s.position_m != o.position_m
    ]
    if moved:
        notes.append(f"studio.toml has another place for {', '.join(moved)}")
    return notes

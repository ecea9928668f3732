"""What is on disk, as plain dictionaries for lists and JSON."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from roomcal.errors import RoomcalError
from roomcal.files.bank_store import load_bank
from roomcal.files.folders import names
from roomcal.files.session_store import SessionStore
from roomcal.model.filter_bank import Explanation


def session_json(store: SessionStore) -> dict[str, Any]:
    """Describe one session: its responses and its takes."""
    session = store.session
    return {
        "session": session.name,
        "folder": str(store.folder),
        "device": session.device,
        "through": session.through,
        "created_at": session.created_at,
        "speakers": list(dict.fromkeys(r.speaker for r in session.responses)),
        "positions": list(dict.fromkeys(r.position for r in session.responses)),
        "responses": [
            {
                "speaker": r.speaker,
                "position": r.position,
                "fs": r.fs,
                "n_samples": r.file.n_samples,
                "file": r.file.name,
                "origin": r.origin,
                "time_reference": r.time_reference,
            }
            for r in session.responses
        ],
        "takes": [
            {
                "speaker": t.speaker,
                "position": t.position,
                "take": t.number,
                "file": t.capture.name,
                "status": t.status,
                "reason": t.reason,
            }
            for t in session.takes
        ],
    }


def all_sessions(root: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Describe every session below a studio folder; what cannot be read is told apart."""
    return _readable(
        lambda name: session_json(SessionStore.open(root, name)), names(root, "session")
    )


def all_banks(root: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Describe every bank below a studio folder; what cannot be read is told apart."""
    return _readable(lambda name: _bank_json(root, name), names(root, "bank"))


def notes_by_speaker(
    explanations: Sequence[Explanation],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (who, notes) with what holds for every speaker said once, and first."""
    shared = (
        tuple(text for text in explanations[0].notes if all(text in e.notes for e in explanations))
        if len(explanations) > 1
        else ()
    )
    own = ((e.speaker, tuple(t for t in e.notes if t not in shared)) for e in explanations)
    return tuple((who, notes) for who, notes in (("All speakers", shared), *own) if notes)


def _bank_json(root: Path, name: str) -> dict[str, Any]:
    bank = load_bank(root, name)
    first = next(iter(bank.filters.values()))
    return {
        "bank": bank.name,
        "fs": list(bank.filters),
        "n_taps": first.n_taps,
        "inputs": list(first.inputs),
        "outputs": list(first.outputs),
        "latency_s": first.latency_s,
        "headroom_db": first.headroom_db,
        "session": str(bank.provenance.get("session", "")),
        "target": str(dict(bank.provenance.get("spec", {})).get("target", "")),
    }


def _readable(
    describe: Callable[[str], dict[str, Any]], found: list[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    good, bad = [], []
    for name in found:
        try:
            good.append(describe(name))
        except RoomcalError as error:
            bad.append(f"{name}: {error.message}")
    return good, bad

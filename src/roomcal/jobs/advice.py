"""What a page advises: what the filters take, what they leave, and what to treat or to move."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from roomcal.analyze.modes import RoomModes
from roomcal.analyze.reflections import CRITERION_DB, CRITERION_S, EarlyReflections
from roomcal.design.guard import AUDIBLE_HZ, AUDIBLE_S
from roomcal.model.filter_bank import Explanation
from roomcal.model.ledger import LedgerEntry
from roomcal.report.page import Advice
from roomcal.units import frequency_text

_SAME_OCTAVES = 1.0 / 12.0  # entries of several speakers this near are one thing
_MOST = 6  # of each list; the ledger has them all
_MOST_MODES = 4
_REMAINS_DB = 3.0  # what a filter leaves is said from here on
_SAME_S = 0.0003  # reflections of several speakers this near are one thing
_KIND_WORDS = {
    "mode": "a mode of the room",
    "boundary": "a surface nearby",
    "reflection": "a reflection",
    "speaker": "the speaker itself",
    "noise": "too noisy to say",
}


@dataclass(frozen=True)
class _Merged:
    """One thing that stands out, and the speakers that show it."""

    entry: LedgerEntry
    speakers: tuple[str, ...]


def corrected(explanations: Sequence[Explanation]) -> tuple[Advice, ...]:
    """List the largest corrections."""
    found = _merge(explanations, lambda e: e.action == "correct")
    return tuple(
        _advice(
            m,
            f"{'Cut' if m.entry.correction_db < 0.0 else 'Raised'} by "
            f"{abs(m.entry.correction_db):.1f} dB: {_KIND_WORDS[m.entry.kind]}",
        )
        for m in _largest(found, lambda e: e.correction_db)
    )


def left(explanations: Sequence[Explanation]) -> tuple[Advice, ...]:
    """List what filters leave: on purpose, or because no more can be had."""
    found = _merge(
        explanations,
        lambda e: e.action == "leave" or (e.action == "correct" and abs(e.left_db) >= _REMAINS_DB),
    )
    return tuple(
        _advice(m, f"{_signed(m.entry.left_db)} dB remain: {_KIND_WORDS[m.entry.kind]}")
        for m in _largest(found, lambda e: e.left_db)
    )


def treated(explanations: Sequence[Explanation]) -> tuple[Advice, ...]:
    """List what absorption or another place mends."""
    found = _merge(explanations, lambda e: e.action in ("treat", "move"))
    deeds = {"treat": "Absorb", "move": "Move the speaker or the seat"}
    return tuple(
        _advice(
            m,
            f"{deeds[m.entry.action]}: {_KIND_WORDS[m.entry.kind]} leaves "
            f"{_signed(m.entry.left_db)} dB",
        )
        for m in _largest(found, lambda e: e.left_db)
    )


def ringing(room: RoomModes | None) -> tuple[Advice, ...]:
    """List the modes that ring longer than they may, the strongest first chosen."""
    if room is None:
        return ()
    heard = []
    for mode in room.modes:
        audible_s = float(np.interp(np.log(mode.f_hz), np.log(AUDIBLE_HZ), AUDIBLE_S))
        if mode.t60_s > audible_s:
            heard.append((float(mode.level_db.max()), mode, audible_s))
    heard.sort(key=lambda found: -found[0])
    return tuple(
        Advice(
            frequency_text(mode.f_hz),
            "mode",
            f"Absorb the bass: it rings {mode.t60_s:.2f} s",
            f"Heard as ringing from {audible_s:.2f} s on. A filter cuts its level; absorption "
            "shortens it at every seat.",
        )
        for _, mode, audible_s in sorted(heard[:_MOST_MODES], key=lambda found: found[1].f_hz)
    )


def reflected(early: Sequence[tuple[str, EarlyReflections]]) -> tuple[Advice, ...]:
    """List the reflections that ITU-R BS.1116 would have weaker, one entry for each detour."""
    over = [
        (speaker, r)
        for speaker, found in early
        for r in found.found
        if r.delay_s <= CRITERION_S and r.level_db > CRITERION_DB
    ]
    over.sort(key=lambda pair: -pair[1].level_db)
    merged: list[tuple[list[str], float, float, float, str]] = []
    for speaker, r in over:
        for speakers, delay_s, _, _, _ in merged:
            if abs(delay_s - r.delay_s) < _SAME_S:
                if speaker not in speakers:
                    speakers.append(speaker)
                break
        else:
            merged.append(([speaker], r.delay_s, r.level_db, r.path_m, r.surface))
    return tuple(
        Advice(
            f"{1000.0 * delay_s:.1f} ms",
            _who(speakers),
            f"Absorb or turn away a reflection of {_signed(level_db)} dB",
            f"A detour of {path_m:.2f} m{f', off the {surface}' if surface else ''}; ITU-R BS.1116 "
            f"asks for at most {_signed(CRITERION_DB, digits=0)} dB within "
            f"{1000.0 * CRITERION_S:.0f} ms.",
        )
        for speakers, delay_s, level_db, path_m, surface in sorted(
            merged[:_MOST], key=lambda found: found[1]
        )
    )


def _merge(
    explanations: Sequence[Explanation], wanted: Callable[[LedgerEntry], bool]
) -> list[_Merged]:
    """Join what several speakers show at the same frequency; the largest stands for all."""
    found: list[_Merged] = []
    entries = [(e.speaker, entry) for e in explanations for entry in e.ledger if wanted(entry)]
    for speaker, entry in sorted(entries, key=lambda pair: -abs(pair[1].level_db)):
        for i, other in enumerate(found):
            near = abs(np.log2(entry.f_hz / other.entry.f_hz)) < _SAME_OCTAVES
            alike = (entry.kind, entry.action) == (other.entry.kind, other.entry.action)
            if near and alike and speaker not in other.speakers:
                found[i] = _Merged(other.entry, (*other.speakers, speaker))
                break
        else:
            found.append(_Merged(entry, (speaker,)))
    return found


def _advice(merged: _Merged, deed: str) -> Advice:
    reason = merged.entry.reason
    why = f"{reason[:1].upper()}{reason[1:]}."
    return Advice(frequency_text(merged.entry.f_hz), _who(merged.speakers), deed, why)


def _largest(merged: Sequence[_Merged], size: Callable[[LedgerEntry], float]) -> list[_Merged]:
    """Choose the largest, and put them in the order of their frequencies."""
    chosen = sorted(merged, key=lambda m: -abs(size(m.entry)))[:_MOST]
    return sorted(chosen, key=lambda m: m.entry.f_hz)


def _who(speakers: Sequence[str]) -> str:
    return ", ".join(sorted(speakers))


def _signed(value: float, *, digits: int = 1) -> str:
    return f"{value:+.{digits}f}".replace("-", "\u2212")

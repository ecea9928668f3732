"""What `analyze` says of the room, on the page: the overview, the noise and the standards."""

import re
from collections.abc import Sequence
from dataclasses import replace

from roomcal.analyze.noise import NO_NOISE, NoiseAnalysis, rating_texts
from roomcal.analyze.overview import Overview
from roomcal.analyze.standards import Status, Verdict, remembered_text
from roomcal.report.page import Notes, Section, Table
from roomcal.report.table import Mark
from roomcal.units import nominal_hz

# In the order in which they are read: what is missed is what there is to do.
_MARKS: dict[Status, Mark] = {
    "fail": Mark("Missed", "bad"),
    "pass": Mark("Kept", "good"),
    "not measurable": Mark("Not measurable"),
}
_COLUMNS = ("What is asked", "Answer", "Clause")
_MINUS = re.compile(r"(?<![\w)])-(?=\d)")
_UNIT = re.compile(r"(?<=\d) (?=%|(?:dBFS|dB|Hz|kHz|m|ms|s|m\u00b2|m\u00b3)\b)")
_SIGNS = {"+-": "\u00b1", "<=": "\u2264", "m2": "m\u00b2", "m3": "m\u00b3"}


def room_section(overview: Overview, *, corrected: bool) -> Section:
    """Say what a filter can mend and what it cannot.

    Parameters
    ----------
    overview : Overview
    corrected : bool
        The page is about a correction, whose verdict stands above: the room's is said here.
    """
    parts = (("A filter can mend", overview.can), ("A filter cannot mend", overview.cannot))
    return Section(
        "What the room does",
        f"Before the correction: {typeset(overview.verdict)}." if corrected else "",
        notes=tuple(Notes(title, tuple(map(sentence, said))) for title, said in parts if said),
    )


def noise_section(noise: NoiseAnalysis | None) -> Section:
    """Rate the noise, or say why it is not rated; its octaves in a table."""
    if noise is None:
        return Section("Noise of the room", notes=(Notes("Not known", (sentence(NO_NOISE),)),))
    known = noise.sensitivity != "unknown"
    level = noise.level_db_spl if known else noise.level_dbfs
    reason = (sentence(noise.reason),) if noise.reason else ()
    return Section(
        "Noise of the room",
        f"While nothing played, {noise.duration_s:.1f} s before the sweeps at the main position.",
        notes=(
            Notes("NC, NR and dB(A)" if known else "Not rated", (*rating_texts(noise), *reason)),
        ),
        tables=(
            Table(
                "Noise per octave",
                ("Octave (Hz)", *(f"{nominal_hz(float(f)):g}" for f in noise.bands_hz)),
                ((f"Level ({'dB SPL' if known else 'dBFS'})", *map(float, level)),),
                digits=0,
            ),
        ),
    )


def standards_section(verdicts: Sequence[Verdict], *, corrected: bool) -> Section:
    """Count what is kept, missed and not measurable; `standards_tables` has each clause."""
    return Section(
        "What standards ask",
        f"Held against the room{' before the correction' if corrected else ''}; each clause, with "
        "its figure and its source, stands in detail below. Nothing here is a certificate.",
        tables=(
            Table(
                "Clauses of standards",
                ("", *(mark.text for mark in _MARKS.values())),
                tuple(
                    (name, *(sum(v.status == status for v in own) for status in _MARKS))
                    for name, own in _by_standard(verdicts).items()
                ),
                note=f"{remembered_text(verdicts)}.",
            ),
        ),
    )


def standards_tables(verdicts: Sequence[Verdict]) -> tuple[Table, ...]:
    """Every clause, one table a standard; what is missed comes first."""
    order = list(_MARKS)
    tables = []
    for name, own in _by_standard(verdicts).items():
        sources = list(dict.fromkeys(v.clause.source for v in own))
        rows = tuple(
            (
                typeset(v.clause.asks),
                replace(_MARKS[v.status], why=typeset(_ended(v.found))),
                f"{v.clause.clause} [{sources.index(v.clause.source) + 1}]",
            )
            for v in sorted(own, key=lambda v: order.index(v.status))
        )
        note = " ".join(f"[{k}] {_ended(source)}" for k, source in enumerate(sources, start=1))
        tables.append(Table(name, _COLUMNS, rows, note=f"Sources: {note}"))
    return tuple(tables)


def sentence(text: str) -> str:
    """Begin with a capital letter, set signs and end with a full stop."""
    return typeset(_ended(text[:1].upper() + text[1:]))


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def typeset(text: str) -> str:
    """Write signs as print has them, which terminals may not know; a number keeps its unit."""
    for plain, sign in _SIGNS.items():
        text = text.replace(plain, sign)
    return _UNIT.sub("\u00a0", _MINUS.sub("\u2212", text))


def _by_standard(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    names = dict.fromkeys(v.clause.standard for v in verdicts)
    return {name: [v for v in verdicts if v.clause.standard == name] for name in names}

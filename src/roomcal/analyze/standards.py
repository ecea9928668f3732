"""What EBU Tech 3276, ITU-R BS.1116 and Dolby's figures ask of a room, clause by clause.

A clause is kept, missed, or not measurable with the reason. The figures and their sources stand
in `files/standards.toml`; nothing here is a certificate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from roomcal.analyze import clauses_geometry as geometry
from roomcal.analyze import clauses_sound as sound
from roomcal.analyze.clause_facts import Answer, Facts, Limits
from roomcal.model.standard import Clause

Status = Literal["pass", "fail", "not measurable"]


@dataclass(frozen=True)
class Verdict:
    """The answer to one clause."""

    clause: Clause
    status: Status
    found: str  # what was measured, or why nothing could be


# The names that `check` has in the data file.
CHECKS: dict[str, Callable[[Facts, Limits], Answer]] = {
    "early_reflections": sound.early_reflections,
    "decay_mean": sound.decay_mean,
    "decay_bands": sound.decay_bands,
    "decay_neighbours": sound.decay_neighbours,
    "room_response": sound.room_response,
    "atmos_curve": sound.atmos_curve,
    "noise": sound.noise,
    "pair_delay": sound.pair_delay,
    "pair_level": sound.pair_level,
    "volume": geometry.volume,
    "floor_area": geometry.floor_area,
    "room_ratios": geometry.room_ratios,
    "room_size": geometry.room_size,
    "base_angle": geometry.base_angle,
    "wall_distance": geometry.wall_distance,
    "distance": geometry.distance,
}


def judge_clauses(clauses: Sequence[Clause], facts: Facts) -> tuple[Verdict, ...]:
    """Judge every clause, in the order of the data file."""
    found = []
    for clause in clauses:
        if not clause.check:
            found.append(Verdict(clause, "not measurable", clause.not_measurable))
            continue
        kept, text = CHECKS[clause.check](facts, clause.limits)
        status: Status = "not measurable" if kept is None else "pass" if kept else "fail"
        found.append(Verdict(clause, status, text))
    return tuple(found)


def remembered_text(verdicts: Sequence[Verdict]) -> str:
    """Say how many clauses nobody could compare with their text."""
    recalled = sum(v.clause.checked == "memory" for v in verdicts)
    return (
        f"{recalled} of {len(verdicts)} clauses stand here as they are remembered: their text "
        "could not be had"
    )

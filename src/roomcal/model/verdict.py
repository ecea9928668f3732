"""What a detector found in a take: how bad it is, where, by which number, and the cure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# note: worth knowing. warning: the result is usable, with care. rejection: it is not.
Severity = Literal["note", "warning", "rejection"]


@dataclass(frozen=True)
class Verdict:
    """One finding of one detector; stored with the take."""

    detector: str  # name in the registry of detectors
    severity: Severity
    fault: str  # stable id out of `errors.FAULTS`
    message: str  # what, where, the number
    hint: str = ""  # what to do about it
    time_s: float | None = None  # in the recording
    channel: str = ""  # speaker or input that it concerns
    evidence: Mapping[str, float | str] = field(default_factory=dict)


def rejections(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Return those that forbid the use of a take."""
    return tuple(v for v in verdicts if v.severity == "rejection")

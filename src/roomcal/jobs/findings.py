"""What a check of this computer found: fine, with a doubt, or in the way."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One answer of `roomcal doctor`."""

    check: str
    state: State
    message: str
    cure: str = ""
    fault: str = ""  # of a problem: id out of `errors.FAULTS`


def fine(check: str, message: str, cure: str = "") -> Finding:
    """Nothing to do; `cure` may say what to do if it is not so after all."""
    return Finding(check, "ok", message, cure)


def warning(check: str, message: str, cure: str) -> Finding:
    """Something does not work; the virtual studio does."""
    return Finding(check, "warning", message, cure)


def problem(check: str, message: str, cure: str, *, fault: str) -> Finding:
    """Not even the virtual studio works."""
    return Finding(check, "problem", message, cure, fault)

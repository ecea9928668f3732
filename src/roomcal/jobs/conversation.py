"""How a job talks to whoever asked for it, without knowing a terminal."""

from collections.abc import Sequence
from typing import Literal, Protocol

from roomcal.model.studio import Position

# What to do about a take that stays bad.
Answer = Literal["retake", "skip", "stop"]


class Conversation(Protocol):
    """Progress, notes and questions."""

    def begin(self, what: str, n_steps: int) -> None:
        """Start a stretch of work of `n_steps` steps."""

    def step(self, what: str) -> None:
        """Say which step begins."""

    def end(self) -> None:
        """End the stretch of work."""

    def note(self, text: str) -> None:
        """Say something worth knowing."""

    def warn(self, text: str) -> None:
        """Say something that may spoil the result."""

    def place_microphone(
        self, position: Position, number: int, total: int, *, how: Sequence[str] = ()
    ) -> None:
        """Ask for the microphone at a position and wait until it stands there.

        `how` says where that is, in a line of words and then a drawing.
        """

    def listening(self, text: str) -> None:
        """Show how loud the microphone is, some ten times a second while something plays."""

    def verdict(self, text: str) -> None:
        """Say how good a take is."""

    def confirm(self, question: str) -> bool:
        """Ask what only ears can tell; True where nobody is there to answer."""

    def after_bad_take(self, what: str, cure: str) -> Answer:
        """Ask what to do about a take that a repetition has not mended, or never will."""


class Silent:
    """A conversation with nobody: for scripts and tests."""

    def begin(self, what: str, n_steps: int) -> None:
        """Say nothing."""

    def step(self, what: str) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    def place_microphone(
        self, position: Position, number: int, total: int, *, how: Sequence[str] = ()
    ) -> None:
        """Trust that it stands there."""

    def listening(self, text: str) -> None:
        """Show nothing."""

    def verdict(self, text: str) -> None:
        """Say nothing."""

    def confirm(self, question: str) -> bool:  # noqa: ARG002 - nobody is there
        """Trust that it is so."""
        return True

    def after_bad_take(self, what: str, cure: str) -> Answer:  # noqa: ARG002 - nobody is there
        """Stop."""
        return "stop"

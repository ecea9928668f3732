"""How a job talks to whoever asked for it, without knowing a terminal."""

from typing import Protocol

from roomcal.model.studio import Position


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

    def place_microphone(self, position: Position, number: int, total: int) -> None:
        """Ask for the microphone at a position and wait until it stands there."""


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

    def place_microphone(self, position: Position, number: int, total: int) -> None:
        """Trust that it stands there."""

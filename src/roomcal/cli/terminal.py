"""The conversation of a job with a terminal: a progress bar, notes and questions on stderr."""

import sys

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from roomcal.model.studio import Position


class Terminal:
    """Shows what a job does; implements `roomcal.jobs.conversation.Conversation`."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._progress: Progress | None = None
        self._started = False

    def begin(self, what: str, n_steps: int) -> None:
        """Open a progress bar, or print a line where there is no terminal."""
        if self._quiet:
            return
        if not self._console.is_terminal:
            steps = f" ({n_steps} steps)" if n_steps > 1 else ""
            self._console.print(f"{what}{steps}", markup=False)
            return
        self._progress = Progress(
            TextColumn("{task.description:<22}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[step]}", markup=False),
            console=self._console,
        )
        self._progress.add_task(what, total=n_steps, step="")
        self._progress.start()
        self._started = False

    def step(self, what: str) -> None:
        """Move the bar to the next step."""
        if self._progress is None:
            return
        task = self._progress.task_ids[0]
        self._progress.update(task, advance=1 if self._started else 0, step=what)
        self._started = True

    def end(self) -> None:
        """Fill the bar and close it."""
        if self._progress is None:
            return
        task = self._progress.task_ids[0]
        if sys.exc_info()[0] is None and self._started:
            self._progress.update(task, advance=1, step="")
        self._progress.stop()
        self._progress = None

    def note(self, text: str) -> None:
        """Print a line unless --quiet."""
        if not self._quiet:
            self._console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """Print a warning, also with --quiet."""
        self._console.print(f"Warning: {text}", style="yellow", markup=False)

    def place_microphone(self, position: Position, number: int, total: int) -> None:
        """Wait for a person, if there is one, to move the microphone; --quiet does not move it."""
        if not sys.stdin.isatty():
            return
        if self._progress is not None:
            self._progress.stop()
        click.prompt(
            f"Microphone to {position.name} ({number} of {total}), then Enter",
            default="",
            show_default=False,
            prompt_suffix=" ",
            err=True,
        )
        if self._progress is not None:
            self._progress.start()

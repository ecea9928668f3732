"""The conversation of a job with a terminal: a progress bar, notes and questions on stderr."""

import sys
import time
from collections.abc import Sequence

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from roomcal.jobs.conversation import Answer
from roomcal.model.studio import Position

COUNTDOWN_S = 3  # from Enter to the sound: time to step back and be quiet
_ROOM_FOR_ANSWER = 12  # columns: " [Y/n]: " and what is typed
_ANSWERS: dict[str, Answer] = {"r": "retake", "s": "skip", "q": "stop"}


class Terminal:
    """Shows what a job does; implements `roomcal.jobs.conversation.Conversation`."""

    def __init__(self, console: Console, *, quiet: bool, verbose: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._verbose = verbose
        self._said: set[str] = set()  # findings, without the place where they were found
        self._progress: Progress | None = None
        self._started = False
        self._step = ""
        self._attended = False  # somebody moves the microphone

    def begin(self, what: str, n_steps: int) -> None:
        """Open a progress bar, or print a line where there is no terminal."""
        if self._quiet:
            return
        if not self._console.is_terminal:
            steps = f" ({n_steps} steps)" if n_steps > 1 else ""
            self._print(f"{what}{steps}")
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
        self._step = what

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
        """Print a line unless --quiet; what is found again elsewhere only with --verbose."""
        finding = text.partition(": ")[2] or text
        repeated = finding in self._said and not self._verbose
        self._said.add(finding)
        if not self._quiet and not repeated:
            self._print(text)

    def warn(self, text: str) -> None:
        """Print a warning, also with --quiet."""
        self._print(f"Warning: {text}", style="yellow")

    def place_microphone(
        self, position: Position, number: int, total: int, *, how: Sequence[str] = ()
    ) -> None:
        """Wait for a person, if there is one, to move the microphone; --quiet does not move it."""
        if not sys.stdin.isatty():
            return
        self._attended = True
        self._pause()
        where = f": {how[0]}" if how else ""
        self._print(f"Microphone to {position.name} ({number} of {total}){where}")
        for line in ("", *how[1:], ""):
            self._print(f"    {line}".rstrip())
        click.prompt(
            f"Enter when it is at {position.name}",
            default="",
            show_default=False,
            prompt_suffix=" ",
            err=True,
        )
        for seconds in range(COUNTDOWN_S, 0, -1):
            click.echo(f"\rsound in {seconds} ", nl=False, err=True)
            time.sleep(1.0)
        click.echo("\r" + " " * len("sound in 3 ") + "\r", nl=False, err=True)
        self._resume()

    def listening(self, text: str) -> None:
        """Show the input level behind the bar's step."""
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], step=f"{self._step}  {text}")

    def verdict(self, text: str) -> None:
        """Print a line for a person beside the microphone; else move on within the bar."""
        if self._attended or self._verbose:
            self.note(text)
        elif self._progress is not None:
            self._progress.update(self._progress.task_ids[0], step=text)

    def after_bad_take(self, what: str, cure: str) -> Answer:
        """Ask, if there is somebody to answer; else stop."""
        if not sys.stdin.isatty():
            return "stop"
        self._pause()
        self.warn(what)
        if cure:
            self._print(f"  {cure}")
        answer = click.prompt(
            "Take it again (r), skip it (s) or stop (q)?",
            type=click.Choice(list(_ANSWERS)),
            default="r",
            show_choices=False,
            err=True,
        )
        self._resume()
        return _ANSWERS[answer]

    def confirm(self, question: str) -> bool:
        """Ask, if there is somebody to answer; else trust that it is so."""
        if not sys.stdin.isatty():
            return True
        self._pause()
        if len(question) > self._console.width - _ROOM_FOR_ANSWER:
            self._print(question)
            question = "Your answer"
        answer = click.confirm(question, default=True, err=True)
        self._resume()
        return answer

    def _print(self, text: str, *, style: str | None = None) -> None:
        """Print a sentence, wrapped between words where the terminal ends; in a pipe as it is."""
        wraps = self._console.is_terminal
        self._console.print(text, style=style, markup=False, soft_wrap=not wraps)

    def _pause(self) -> None:
        """Take the bar away while a question stands there."""
        if self._progress is not None:
            self._progress.stop()

    def _resume(self) -> None:
        if self._progress is not None:
            self._progress.start()

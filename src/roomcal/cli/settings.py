"""What every command shares: the studio folder, how much to say, and how to say it."""

import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roomcal.errors import RoomcalError

if TYPE_CHECKING:
    from rich.console import Console

    from roomcal.cli.terminal import Terminal


_COLUMN_GAP = 2  # blanks that rich puts between columns
_REASON_INDENT = 10  # columns: below the first number of a row


class Settings:
    """The options before the command; results go to stdout, everything else to stderr."""

    def __init__(self) -> None:
        self.folder = Path()
        self.quiet = False
        self.verbose = False
        self.color = False
        self.debug = "--debug" in sys.argv[1:]
        self.json = False
        self.json_lines = False  # a document a line, errors too
        # Of `audio_options`: what differs from studio.toml.
        self.input_device: str | None = None
        self.audio_changes: dict[str, float] = {}

    def configure(
        self, *, folder: Path, quiet: bool, verbose: bool, no_color: bool, debug: bool
    ) -> None:
        """Take the options of the group."""
        self.folder = folder
        self.quiet = quiet
        self.verbose = verbose
        self.color = not no_color and "NO_COLOR" not in os.environ
        self.debug = debug

    @property
    def talk(self) -> "Terminal":
        """Return the conversation of jobs with this terminal."""
        from roomcal.cli.terminal import Terminal

        return Terminal(self.console(err=True), quiet=self.quiet, verbose=self.verbose)

    def console(self, *, err: bool = False) -> "Console":
        """Return a rich console on stdout or stderr."""
        from rich.console import Console

        stream = sys.stderr if err else sys.stdout
        width = None if stream.isatty() else 80
        return Console(
            stderr=err, no_color=not self.color, highlight=False, width=width, soft_wrap=False
        )

    def show_json(self, data: dict[str, Any]) -> None:
        """Print one JSON document."""
        from roomcal.files.documents import json_line, json_text

        click.echo(json_line(data) if self.json_lines else json_text(data))

    def show_table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        caption: str = "",
    ) -> None:
        """Print a table; every column but the first stands to the right if it holds numbers.

        Sentences wrap; names and numbers stay whole as long as the terminal has room for them.
        """
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        needed = 0
        for index, name in enumerate(columns):
            cells = [row[index] for row in rows]
            numeric = index > 0 and all(not c or c[0] in "+-0123456789.-" for c in cells)
            narrowest = max(len(word) for cell in (name, *cells) for word in [*cell.split(), ""])
            needed += narrowest + _COLUMN_GAP
            table.add_column(
                name,
                justify="right" if numeric else "left",
                overflow="fold",  # an ellipsis would hide what has to be typed
                min_width=narrowest,
            )
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        console = self.console()
        console.print(Text(title, style="bold"))
        # A table that does not fit runs on in the next line of the terminal: nothing is lost.
        console.print(table, width=max(console.width, needed), crop=False)
        if caption:
            console.print(Text(f"{caption}\n"))

    def show_reasons(self, title: str, header: str, rows: Sequence[tuple[str, str]]) -> None:
        """Print rows that are aligned already, each with its reason indented below it."""
        from rich.padding import Padding
        from rich.text import Text

        console = self.console()
        console.print(Text(f"{title}\n", style="bold"))
        console.print(Text(f" {header}", style="bold"))
        for row, reason in rows:
            console.print(Text(f" {row}"))
            console.print(Padding(Text(reason, style="dim"), (0, 0, 0, _REASON_INDENT)))
        console.print()

    def show_text(self, text: str) -> None:
        """Print a sentence, wrapped where the terminal ends."""
        self.console().print(text, markup=False)

    def next_step(self, command: str) -> None:
        """Suggest what to type next."""
        if not self.quiet and not self.json:
            click.echo(f"next: {command}", err=True)

    def show_error(self, error: RoomcalError) -> int:
        """Show a fault in one message and return its exit code."""
        if self.debug:
            import traceback

            traceback.print_exception(error)
        if self.json:
            self.show_json(
                {
                    "id": error.fault,
                    "exit": error.exit_code,
                    "message": error.message,
                    "hint": error.hint,
                    "evidence": error.evidence,
                }
            )
        else:
            self._complain(f"Error {error.fault}: {error.message}")
            if error.hint:
                self._complain(error.hint, indent="  ")
        return error.exit_code

    def _complain(self, text: str, *, indent: str = "") -> None:
        """Print lines on stderr, wrapped as warnings are on a terminal; in a pipe as they are."""
        console = self.console(err=True)
        lines = text.splitlines()
        if console.is_terminal:
            width = console.width - len(indent)
            lines = [
                part
                for line in lines
                for part in textwrap.wrap(
                    line, width, break_long_words=False, break_on_hyphens=False
                )
                or [""]
            ]
        for line in lines:
            click.echo(f"{indent}{line}", err=True)


def _set_json(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    ctx.find_root().obj.json |= value
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=_set_json,
    is_eager=True,
    help="One JSON document on stdout.",
)
force_option = click.option("--force", is_flag=True, help="Replace what is there.")

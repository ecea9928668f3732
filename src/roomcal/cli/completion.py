"""What the shell completes: sessions, banks, devices, targets and formats, by name.

Each function is the `shell_complete` of an argument or option: click calls it when Tab is pressed.
A name that cannot be listed is no fault here: the shell then completes nothing.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from roomcal.errors import RoomcalError

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completing(names: Callable[[Path], Iterable[tuple[str, str]]]) -> Complete:
    """Make a completion from a function that lists names, with help, of a studio folder."""

    def complete(
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG001 - click's interface
        incomplete: str,
    ) -> list[CompletionItem]:
        folder = Path(ctx.find_root().params.get("folder") or ".")
        before, comma, last = incomplete.rpartition(",")  # lists like --from a,b
        with contextlib.suppress(RoomcalError, OSError):
            return [
                CompletionItem(before + comma + name, help=text or None)
                for name, text in names(folder)
                if name.startswith(last)
            ]
        return []

    return complete


def _sessions(folder: Path) -> Iterator[tuple[str, str]]:
    from roomcal.files.folders import names

    yield from ((name, "") for name in names(folder, "session"))


def _banks(folder: Path) -> Iterator[tuple[str, str]]:
    from roomcal.files.folders import names

    yield from ((name, "") for name in names(folder, "bank"))


def _devices(_folder: Path) -> Iterator[tuple[str, str]]:
    from roomcal.devices.registry import virtual_devices

    yield from ((info.name, info.description) for info in virtual_devices())
    # Asking PortAudio takes longer than a person waits for a Tab, and may hang.


def _targets(_folder: Path) -> Iterator[tuple[str, str]]:
    from roomcal.design.targets import TARGETS
    from roomcal.design.targets_measured import MEASURED_TARGETS

    yield from ((name, target.description) for name, target in TARGETS.items())
    yield from MEASURED_TARGETS.items()


def _formats(_folder: Path) -> Iterator[tuple[str, str]]:
    from roomcal.export.registry import FORMATS

    yield "all", "every format that can carry the bank"
    yield from ((name, made.description) for name, made in FORMATS.items())


sessions = _completing(_sessions)
banks = _completing(_banks)
devices = _completing(_devices)
targets = _completing(_targets)
formats = _completing(_formats)

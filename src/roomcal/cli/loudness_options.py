"""The options of every command that makes sound, and the limits that no option lifts."""

import dataclasses
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from roomcal.cli.numbers import NUMBER

if TYPE_CHECKING:
    from roomcal.jobs.studio import Place

# dBFS of the peak (MEASURING.md, safety of ears and speakers).
LOUDEST_DBFS = -3.0
LOUD_DBFS = -12.0
HIGHEST_MAX_SPL_DB = 95.0
LOWEST_MAX_SPL_DB = 40.0  # softer than any room: nothing could be measured

_Command = TypeVar("_Command", bound=Callable[..., Any])

yes_option = click.option(
    "--yes",
    is_flag=True,
    envvar="ROOMCAL_YES",
    help="Play although nobody sits at a terminal.",
)


def loudness_options(command: _Command) -> _Command:
    """Add --max-spl, --i-know-it-is-loud, --input and --yes."""
    for option in (
        yes_option,
        click.option(
            "--input",
            "input_channel",
            type=click.IntRange(1),
            help="Input channel of the microphone.  [default: the studio's]",
        ),
        click.option(
            "--i-know-it-is-loud",
            "loud",
            is_flag=True,
            help="Allow more than -12 dBFS, up to -3.",
        ),
        click.option(
            "--max-spl",
            type=NUMBER,
            default=85.0,
            show_default=True,
            callback=_checked_max_spl,
            help="Limit in dB(C), from 40 to 95; kept where the sensitivity is known.",
        ),
    ):
        command = option(command)
    return command


def _checked_max_spl(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    if not value <= HIGHEST_MAX_SPL_DB:
        raise click.UsageError(
            f"--max-spl {value:g} dB(C) is too loud for ears: at most {HIGHEST_MAX_SPL_DB:g}"
        )
    if value < LOWEST_MAX_SPL_DB:
        raise click.UsageError(
            f"--max-spl {value:g} dB(C) is below what can be measured: at least "
            f"{LOWEST_MAX_SPL_DB:g}"
        )
    return value


def check_level(level_dbfs: float | None, *, loud: bool) -> None:
    """Refuse a level that is too loud, or that nobody has said is meant.

    Raises
    ------
    click.UsageError
    """
    if level_dbfs is None:
        return
    if not level_dbfs <= LOUDEST_DBFS:
        raise click.UsageError(
            f"--level {level_dbfs:g} dBFS is too loud: nothing is played above "
            f"{LOUDEST_DBFS:g} dBFS"
        )
    if level_dbfs > LOUD_DBFS and not loud:
        raise click.UsageError(
            f"--level {level_dbfs:g} dBFS is too loud: at most {LOUD_DBFS:g}, unless you add "
            "--i-know-it-is-loud"
        )
    if level_dbfs < -120.0:
        raise click.UsageError(f"--level {level_dbfs:g} dBFS is below everything: at least -120")


def on_input(place: "Place", input_channel: int | None) -> "Place":
    """Return the place with its microphone on another input, if one is named."""
    from roomcal.jobs.studio import without_full_scale

    if input_channel is None or input_channel == place.studio.microphone.input_channel:
        return place
    studio = without_full_scale(place.studio)  # the figure is that of another microphone
    microphone = dataclasses.replace(studio.microphone, input_channel=input_channel)
    try:
        studio = dataclasses.replace(studio, microphone=microphone)
    except ValueError as error:
        raise click.UsageError(f"--input {input_channel}: {error}") from error
    return dataclasses.replace(place, studio=studio)


def refuse_unattended(place: "Place", *, yes: bool) -> None:
    """Refuse to play on a real device when nobody sits at a terminal.

    Raises
    ------
    SafetyStop
        RC-703
    """
    from roomcal.errors import SafetyStop

    if yes or place.device_name.startswith("virtual") or sys.stdin.isatty():
        return
    raise SafetyStop(
        "RC-703",
        f"nobody sits at a terminal, and {place.device_name} would play out loud",
        hint="add --yes if somebody knows about it; --dry-run plays nothing",
    )

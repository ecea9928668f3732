"""The options of every command that plays through a sound card."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from roomcal.cli.numbers import Number

_Command = TypeVar("_Command", bound=Callable[..., Any])


def audio_options(command: _Command) -> _Command:
    """Add the options; their values go into `Settings`, not into the command's arguments."""
    for option in (
        click.option(
            "--exclusive",
            is_flag=True,
            expose_value=False,
            callback=_keep("exclusive"),
            help="Have the device alone, at its own rate (WASAPI, Core Audio).",
        ),
        click.option(
            "--latency",
            type=Number(0.0, 2.0),
            expose_value=False,
            callback=_keep("latency_s"),
            help="Latency in seconds that the system aims at.  [default: its safe one]",
        ),
        click.option(
            "--block",
            type=click.IntRange(16, 16384),
            expose_value=False,
            callback=_keep("block"),
            help="Frames a block; more of them forgive a slow computer.  [default: 1024]",
        ),
        click.option(
            "--input-device",
            expose_value=False,
            callback=_keep_input_device,
            help="Device that records.  [default: the studio's]",
        ),
    ):
        command = option(command)
    return command


def _keep(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return what puts an option into the changes of the studio's audio settings."""

    def keep(ctx: click.Context, _param: click.Parameter, value: float | None) -> None:
        if value is not None and value is not False:
            ctx.find_root().obj.audio_changes[field] = value

    return keep


def _keep_input_device(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    ctx.find_root().obj.input_device = value

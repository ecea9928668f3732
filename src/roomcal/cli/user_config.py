"""The user's own defaults of options, below studio.toml and variables, above those of roomcal."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

import click

from roomcal.errors import InputError
from roomcal.files.user_config import Tables, Value, config_error, read_user_config

# The studio decides these; a flag for one moment must not hold for ever.
_OF_THE_STUDIO = ("device", "input_device", "block", "latency", "exclusive")
_OF_THE_MOMENT = ("force", "yes", "i_know_it_is_loud", "json", "dry_run", "level", "max_spl")


def config_path() -> Path:
    """Path of the user's configuration: ROOMCAL_CONFIG, or where the system keeps such files."""
    named = os.environ.get("ROOMCAL_CONFIG")
    return Path(named) if named else Path(click.get_app_dir("roomcal"), "config.toml")


def load_defaults(commands: Sequence[str]) -> Tables:
    """Read the tables and refuse one that names no command.

    Raises
    ------
    InputError
        RC-320 with the nearest command.
    """
    path = config_path()
    tables = read_user_config(path)
    for command in tables:
        if command not in commands:
            near = difflib.get_close_matches(command, commands, n=1, cutoff=0.0)[0]
            raise config_error(
                path, f"no command is called {command!r}", hint=f"did you mean [{near}]?"
            )
    return tables


def key_of(option: click.Option) -> str:
    """Return the key of an option: as it is typed, with underscores."""
    return max(option.opts, key=len).lstrip("-").replace("-", "_")


def checked_defaults(command: click.Command, tables: Tables) -> dict[str, Value]:
    """Return the values of a command by click's names.

    Raises
    ------
    InputError
        RC-320 with the path of the key and the nearest one, for what is no option of the command,
        or no value that it takes.
    """
    name = command.name or ""
    options = {key_of(p): p for p in command.params if isinstance(p, click.Option)}
    allowed = [o for o in options if o not in (*_OF_THE_STUDIO, *_OF_THE_MOMENT)]
    defaults: dict[str, Value] = {}
    for key, value in tables.get(name, {}).items():
        where = f"{name}.{key}"
        if key not in allowed:
            raise _refused(key, where, options, allowed)
        try:
            options[key].type.convert(value, options[key], None)
        except click.BadParameter as error:
            raise config_error(config_path(), f"{where}: {error.message}") from error
        defaults[options[key].name or key] = value
    return defaults


def _refused(
    key: str, where: str, options: dict[str, click.Option], allowed: Sequence[str]
) -> InputError:
    """Say why a key cannot stand there."""
    if key in options and key in _OF_THE_STUDIO:
        what, hint = f"{where} belongs to the studio", "write it into studio.toml"
    elif key in options:
        what = f"{where} may not stand in a configuration: it belongs to one run"
        hint = "give it on the command line"
    else:
        near = difflib.get_close_matches(key, allowed, n=1, cutoff=0.0)
        what = f"unknown key {where!r}"
        hint = f"did you mean {near[0]!r}? known here: {', '.join(allowed)}" if near else ""
    return config_error(config_path(), what, hint=hint)

"""Read the user's configuration: defaults of options, one table a command."""

import tomllib
from pathlib import Path

from roomcal.errors import InputError

Value = str | int | float | bool
Tables = dict[str, dict[str, Value]]  # command -> option -> value


def read_user_config(path: Path) -> Tables:
    """Read the tables; a file that is not there is empty.

    Raises
    ------
    InputError
        RC-301 when it cannot be read, RC-320 when it is no TOML or holds more than tables of
        single values.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(
            "RC-301", f"cannot read {path}: {error.strerror or error}", path=str(path)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise config_error(path, f"it is no TOML: {error}") from error
    for command, table in data.items():
        if not isinstance(table, dict):
            raise config_error(path, f"{command!r} stands outside of a table like [measure]")
        for key, value in table.items():
            if not isinstance(value, Value):
                raise config_error(path, f"{command}.{key} is not a single value")
    return data


def config_error(path: Path, what: str, *, hint: str = "") -> InputError:
    """Build the error for a line that cannot be used."""
    return InputError(
        "RC-320",
        f"{path}: {what}",
        hint=hint or "docs/cli.md has an example; `roomcal config show` shows what counts",
        path=str(path),
    )

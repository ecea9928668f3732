"""`roomcal config`: each setting, and where it comes from."""

from typing import TYPE_CHECKING, Any

import click

from roomcal.cli.settings import Settings, json_option

if TYPE_CHECKING:
    from roomcal.model.studio import Studio


@click.group()
def config() -> None:
    """Show settings and where they come from."""


@config.command()
@click.option("--origin", is_flag=True, help="Say where each setting comes from.")
@click.option("--all", "everything", is_flag=True, help="The defaults of every command as well.")
@json_option
@click.pass_obj
def show(settings: Settings, *, origin: bool, everything: bool, as_json: bool) -> None:
    """Show each setting: of the studio, and of options that are set for good.

    \b
    Examples:
      roomcal config show
      roomcal config show --origin --all
    """
    from roomcal.cli.user_config import config_path
    from roomcal.files.studio_toml import FILE_NAME, read_studio

    path = settings.folder / FILE_NAME
    rows = _studio_rows(read_studio(path), str(path)) if path.exists() else []
    rows += _option_rows(everything=everything)
    if as_json:
        settings.show_json(
            {
                "studio_file": str(path) if path.exists() else None,
                "user_file": str(config_path()) if config_path().exists() else None,
                "settings": [{"name": n, "value": v, "origin": o} for n, v, o in rows],
            }
        )
        return
    columns = ["setting", "value", "from"][: 3 if origin else 2]
    settings.show_table(
        "Settings",
        columns,
        [[n, _text(v), o][: len(columns)] for n, v, o in rows],
        caption=f"An option on the command line wins over a ROOMCAL_ variable, that over "
        f"studio.toml, that over {config_path()}, and that over the default.",
    )
    if not path.exists():
        settings.next_step("roomcal init")


def _studio_rows(studio: "Studio", path: str) -> list[tuple[str, Any, str]]:
    """List the keys of studio.toml with dots, and tell which of them the file leaves out."""
    import tomllib
    from pathlib import Path

    import msgspec

    written = dict(_flat(tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))))
    return [
        (key, value, path if key in written else "default")
        for key, value in _flat(msgspec.to_builtins(studio))
    ]


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:  # noqa: ANN401 - TOML's values
    """Turn nested tables into names with dots, counted from 1 in arrays of tables."""
    if isinstance(value, dict) and value:
        return [row for k, v in value.items() for row in _flat(v, f"{name}.{k}" if name else k)]
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        return [row for k, v in enumerate(value) for row in _flat(v, f"{name}[{k + 1}]")]
    return [(name, value)]


def _option_rows(*, everything: bool) -> list[tuple[str, Any, str]]:
    """List the options that a variable or the user's configuration sets, or all of them."""
    import os

    from roomcal.cli.main import COMMANDS, cli
    from roomcal.cli.user_config import checked_defaults, config_path, key_of, load_defaults

    tables = load_defaults(list(COMMANDS))
    root = click.Context(cli)
    rows: list[tuple[str, Any, str]] = []
    for name in COMMANDS:
        command = cli.get_command(root, name)
        if command is None or isinstance(command, click.Group):
            continue
        checked_defaults(command, tables)
        for option in command.params:
            if not isinstance(option, click.Option) or option.is_eager:
                continue
            key = key_of(option)
            own = option.envvar if isinstance(option.envvar, str) else ""
            automatic = f"ROOMCAL_{name}_{option.name}".upper()
            variable = next((v for v in (own, automatic) if v and os.environ.get(v)), None)
            shown = f"{name} {max(option.opts, key=len)}"
            if variable is not None:
                rows.append((shown, os.environ[variable], variable))
            elif key in tables.get(name, {}):
                rows.append((shown, tables[name][key], str(config_path())))
            elif everything:
                default = option.get_default(root, call=False)
                rows.append((shown, default if _is_plain(default) else None, "default"))
    return rows


def _is_plain(value: object) -> bool:
    """Whether a default is a value: click has a mark of its own for none."""
    return isinstance(value, str | int | float | bool)


def _text(value: Any) -> str:  # noqa: ANN401 - TOML's values
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(v) for v in value)
    return str(value)

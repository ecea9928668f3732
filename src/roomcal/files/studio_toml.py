"""Read and write studio.toml, strictly: a typo is named with its path and the nearest known key."""

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

import msgspec

from roomcal.errors import InputError
from roomcal.files.atomic import write_bytes
from roomcal.model.studio import Studio

FILE_NAME = "studio.toml"
_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def read_studio(path: Path) -> Studio:
    """Read a studio.

    Raises
    ------
    InputError
        RC-301 when the file cannot be read, RC-308 when it is not valid.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            "RC-301",
            f"cannot read {path}: {error.strerror or error}",
            hint="`roomcal init` makes one, or use --device virtual",
            path=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("RC-308", f"{path} is not UTF-8 text", hint="save it as UTF-8") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            "RC-308",
            f"{path}: {error}",
            hint="see docs/measuring.md for an example",
            path=str(path),
        ) from error
    _refuse_unknown_keys(data, Studio, path=path, where="")
    try:
        return msgspec.convert(data, Studio)
    except msgspec.ValidationError as error:
        raise InputError(
            "RC-308",
            f"{path}: {_plain(str(error))}",
            hint="add it" if "missing" in str(error) else "correct the value",
            path=str(path),
        ) from error


def write_studio(path: Path, studio: Studio) -> None:
    """Write a studio; what equals its default and is empty is left out."""
    import tomli_w

    write_bytes(path, tomli_w.dumps(_without_none(msgspec.to_builtins(studio))).encode())


def _without_none(value: Any) -> Any:  # noqa: ANN401 - the values of a TOML document
    """Drop keys without a value: TOML has no null."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None and v != ""}
    if isinstance(value, list | tuple):
        return [_without_none(v) for v in value]
    return value


def _refuse_unknown_keys(data: Any, kind: Any, *, path: Path, where: str) -> None:  # noqa: ANN401
    """Walk the document beside the dataclasses that it fills."""
    if isinstance(data, list):
        inner = [a for a in typing.get_args(kind) if a is not Ellipsis]
        for index, item in enumerate(data):
            if inner:
                _refuse_unknown_keys(item, inner[0], path=path, where=f"{where}[{index + 1}]")
        return
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        kind = next((a for a in typing.get_args(kind) if dataclasses.is_dataclass(a)), None)
    if not isinstance(data, dict) or not dataclasses.is_dataclass(kind):
        return
    known = typing.get_type_hints(kind)
    for key, value in data.items():
        full = f"{where}.{key}" if where else key
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise InputError(
                "RC-308",
                f"{path}: unknown key {full!r}",
                hint=f"did you mean {nearest!r}? known here: {', '.join(known)}",
                path=str(path),
                key=full,
                nearest=nearest,
            )
        _refuse_unknown_keys(value, known[key], path=path, where=full)


def _plain(message: str) -> str:
    """Turn "... - at `$.speakers[0].name`" into "speakers[1].name: ..."."""
    message = re.sub(r"Expected `([\w |]+)`, got `(\w+)`", _plain_types, message)
    message = re.sub(r"Object missing required field `(\w+)`", r"the key '\1' is missing", message)
    match = re.fullmatch(r"(.*) - at `\$\.?(.*)`", message)
    if not match:
        return message[:1].lower() + message[1:]
    text, where = match.groups()
    counted = re.sub(r"\[(\d+)\]", lambda m: f"[{int(m[1]) + 1}]", where)
    text = text[:1].lower() + text[1:]
    return f"{counted}: {text}" if counted else text


def _plain_types(match: re.Match[str]) -> str:
    """Turn "Expected `str`, got `int`" into "must be text, not a number"."""
    wanted = " or ".join(_TYPES.get(t, t) for t in match[1].split(" | ") if t != "null")
    found = {"int": "a number", "float": "a decimal number"}.get(match[2], _TYPES.get(match[2]))
    return f"must be {wanted}, not {found or match[2]}"

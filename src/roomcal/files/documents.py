"""JSON documents of sessions and banks: versioned, strict to read, NaN as null."""

import json
import math
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from roomcal.errors import InputError
from roomcal.files.atomic import write_bytes

SCHEMA = 1

Kind = TypeVar("Kind")
_WHITE = re.compile(r"[ \t\n\r]*")


def backup_path(path: Path) -> Path:
    """Path of the second copy of a document."""
    return path.with_name(f"{path.name}.bak")


def write_document(path: Path, data: dict[str, Any]) -> None:
    """Write one document, whole or not at all; the schema number comes first."""
    write_bytes(path, document_text(data))


def document_text(data: dict[str, Any]) -> bytes:
    """Content of a document: the schema number, then the data."""
    return json_text({"schema": SCHEMA, **data}).encode() + b"\n"


def json_text(data: Any) -> str:  # noqa: ANN401 - any JSON value
    """Readable JSON with NaN and infinities as null."""
    return json.dumps(_finite(data), indent=1, ensure_ascii=False, allow_nan=False)


def json_line(data: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the same on one line, for streams of documents."""
    return json.dumps(_finite(data), ensure_ascii=False, allow_nan=False)


def read_document(path: Path, *, what: str, cure: str = "") -> dict[str, Any]:
    """Read one document.

    Parameters
    ----------
    path : Path
    what : str
        What it holds, in words.
    cure : str, optional
        What to do about a damaged one, where there is no copy.

    Raises
    ------
    InputError
        RC-310 when it is missing or damaged, RC-312 when a newer roomcal wrote it.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _damaged(
            path, f"cannot read {path}: {error.strerror or error}", what, cure
        ) from error
    if not raw.strip():
        raise _damaged(path, f"{path} is empty", what, cure)
    try:
        data = json.loads(raw.decode("utf-8"))
    except json.JSONDecodeError as error:
        text = f"{path} line {error.lineno} is damaged: {error.msg[:1].lower()}{error.msg[1:]}"
        raise _damaged(path, text, what, cure, line=error.lineno) from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        text = f"{path} line {line} is damaged: it is not UTF-8 text"
        raise _damaged(path, text, what, cure, line=line) from error
    except RecursionError as error:
        raise _damaged(path, f"{path} is damaged: it is nested too deeply", what, cure) from error
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, int):
        raise _damaged(path, f"{path} line 1: there is no schema number", what, cure, line=1)
    if schema > SCHEMA:
        version = data.get("roomcal_version")
        by = f"roomcal {version}" if isinstance(version, str) and version else "a newer roomcal"
        raise InputError(
            "RC-312",
            f"{path} was made by {by} and has schema {schema}; this roomcal reads up to {SCHEMA}",
            hint=f"update roomcal{f' to {version} or newer' if by.endswith(str(version)) else ''}",
            path=str(path),
            schema=schema,
        )
    return dict(data)


def convert_document(path: Path, data: dict[str, Any], kind: type[Kind], *, what: str) -> Kind:
    """Turn a document into its dataclass.

    Raises
    ------
    InputError
        RC-310, with the line, for a value of the wrong type.
    """
    try:
        return msgspec.convert(data, kind)
    except InputError as error:  # a name that no file may have
        raise error.within(str(path)) from error
    except msgspec.ValidationError as error:
        match = re.fullmatch(r"(.*) - at `\$\.?(.*)`", str(error), re.DOTALL)
        message, where = match.groups() if match else (str(error), "")
        keys = [int(k) if k.isdigit() else k for k in re.findall(r"[^.\[\]]+", where)]
        line = line_of(path.read_text(encoding="utf-8"), keys)
        where = f"{where}: " if where else ""
        text = f"{path} line {line}: {where}{message[:1].lower()}{message[1:]}"
        raise _damaged(path, text, what, line=line) from error


def line_of(text: str, keys: list[str | int]) -> int:
    """Line on which a value of a JSON document begins, or the last one found on the way to it."""
    decoder = json.JSONDecoder()
    at = _white(text, 0)
    for key in keys:
        is_list, at, index = text[at] == "[", _white(text, at + 1), 0
        while text[at] not in "]}":
            name: str | int = index
            if not is_list:
                name, at = decoder.raw_decode(text, at)
                at = _white(text, _white(text, at) + 1)  # behind the colon
            if name == key:
                break
            at = _white(text, decoder.raw_decode(text, at)[1])
            at = _white(text, at + 1) if text[at] == "," else at
            index += 1
        else:
            break  # the value is missing: the end of what should hold it
    return text.count("\n", 0, at) + 1


def _white(text: str, at: int) -> int:
    """Index of the next character that is no white space."""
    match = _WHITE.match(text, at)
    return match.end() if match else at


def _damaged(path: Path, message: str, what: str, cure: str = "", **evidence: object) -> InputError:
    copy = backup_path(path)
    hint = cure or f"restore {path.name} from a backup, or make the {what} again"
    if copy.is_file():
        hint = f"restore {copy.name}: copy it over {path.name}"
    return InputError("RC-310", message, hint=hint, path=str(path), **evidence)


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""JSON documents of sessions and banks: versioned, strict to read, NaN as null."""

import json
import math
from pathlib import Path
from typing import Any

from roomcal.errors import InputError
from roomcal.files.atomic import write_bytes

SCHEMA = 1


def write_document(path: Path, data: dict[str, Any]) -> None:
    """Write one document, whole or not at all; the schema number comes first."""
    write_bytes(path, json_text({"schema": SCHEMA, **data}).encode() + b"\n")


def json_text(data: Any) -> str:  # noqa: ANN401 - any JSON value
    """Readable JSON with NaN and infinities as null."""
    return json.dumps(_finite(data), indent=1, ensure_ascii=False, allow_nan=False)


def read_document(path: Path, *, what: str) -> dict[str, Any]:
    """Read one document.

    Raises
    ------
    InputError
        RC-310 when it is missing or damaged, RC-312 when a newer roomcal wrote it.
    """
    hint = f"is the {what} complete? restore {path.name} from a backup, or make the {what} again"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            "RC-310", f"cannot read {path}: {error.strerror or error}", hint=hint, path=str(path)
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            "RC-310", f"{path} is damaged: {error}", hint=hint, path=str(path)
        ) from error
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, int):
        raise InputError("RC-310", f"{path} has no schema number", hint=hint, path=str(path))
    if schema > SCHEMA:
        raise InputError(
            "RC-312",
            f"{path} has schema {schema}; this roomcal reads up to {SCHEMA}",
            hint="update roomcal",
            path=str(path),
            schema=schema,
        )
    return dict(data)


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

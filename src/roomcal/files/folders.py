"""Where sessions and banks live: names, paths, lists, and the nearest name to a wrong one."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from roomcal.errors import InputError, StorageError
from roomcal.files.documents import backup_path
from roomcal.model.studio import check_name

Kind = Literal["session", "bank"]

_PARENT: dict[Kind, str] = {"session": "measurements", "bank": "filters"}
_DOCUMENT: dict[Kind, str] = {"session": "session.json", "bank": "bank.json"}


def document_path(folder: Path, kind: Kind) -> Path:
    """Path of the JSON document that makes a folder a session or bank."""
    return folder / _DOCUMENT[kind]


def new_folder(root: Path, kind: Kind, name: str) -> Path:
    """Path of the folder for a new session or bank; a path is taken as it is.

    Raises
    ------
    InputError
        RC-313 for a name that cannot be a folder everywhere.
    StorageError
        RC-602 for a name that differs from an existing one in upper and lower case only.
    """
    check_name(Path(name).name, kind)  # before "..", a folder above, is resolved
    folder = _as_path(root, kind, name)
    if folder.parent.is_dir():
        for other in folder.parent.iterdir():
            if other.name != folder.name and other.name.lower() == folder.name.lower():
                raise StorageError(
                    "RC-602",
                    f"the {kind} {folder.name!r} would be one with {other.name!r} on other systems",
                    hint="choose a name that differs in more than upper and lower case",
                )
    return folder


def existing_folder(root: Path, kind: Kind, name: str) -> Path:
    """Path of the folder of a session or bank that exists.

    Raises
    ------
    InputError
        RC-309 when there is none of that name, with the nearest; RC-310 when it is half written.
    """
    folder = _as_path(root, kind, name)
    document = document_path(folder, kind)
    if document.is_file():
        return folder
    if folder.is_dir():
        raise half_written(folder, kind)
    raise unknown_name(kind, name, names(root, kind))


def half_written(folder: Path, kind: Kind) -> InputError:
    """Build the error for a folder without its document."""
    document = document_path(folder, kind)
    copy = backup_path(document)
    return InputError(
        "RC-310",
        f"{folder} is no complete {kind}: {document.name} is missing",
        hint=f"restore {copy.name}: copy it to {document.name}"
        if copy.is_file()
        else f"make the {kind} again, or restore {document.name}",
        path=str(folder),
    )


def names(root: Path, kind: Kind) -> list[str]:
    """Names of the sessions or banks of a studio folder, sorted."""
    parent = root / _PARENT[kind]
    if not parent.is_dir():
        return []
    return sorted(f.name for f in parent.iterdir() if document_path(f, kind).is_file())


def fresh_name(root: Path, kind: Kind, name: str) -> str:
    """Return the name, or the name with the first free number: nothing is overwritten."""
    taken = {n.lower() for n in names(root, kind)}
    number, fresh = 1, name
    while fresh.lower() in taken:
        number += 1
        fresh = f"{name}-{number}"
    return fresh


def unknown_name(what: str, name: str, known: Sequence[str]) -> InputError:
    """Build the error for a name that is not known; its hint holds the nearest one."""
    nearest = difflib.get_close_matches(name, known, n=1)
    listing = ", ".join(known) if known else "none yet"
    guess = f"did you mean {nearest[0]!r}? " if nearest else ""
    return InputError(
        "RC-309",
        f"no {what} is called {name!r}",
        hint=f"{guess}there are: {listing}",
        name=name,
        known=list(known),
    )


def _as_path(root: Path, kind: Kind, name: str) -> Path:
    """Place a bare name in the folder of its kind; anything with a separator is a path."""
    if Path(name).name == name and name not in (".", ".."):
        return root / _PARENT[kind] / name
    try:
        return Path(name).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links; RuntimeError before Python 3.13
        raise InputError(
            "RC-301",
            f"cannot open {name}: {getattr(error, 'strerror', None) or 'a loop of links'}",
            hint="check the name and the folder",
            path=name,
        ) from error

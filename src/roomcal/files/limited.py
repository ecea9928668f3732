"""Read a whole file of another program, unless it is larger than any honest one."""

from pathlib import Path

from roomcal.errors import InputError


def read_limited(path: Path, *, most_bytes: int) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    InputError
        RC-301 if it cannot be read, RC-318 if it is empty or too large.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise InputError(
                "RC-318",
                f"{path.name} has {size / 1e6:.0f} MB; {most_bytes / 1e6:.0f} MB are the most",
                hint="save fewer measurements in one file",
                path=str(path),
            )
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise InputError(
            "RC-301",
            f"cannot read {path}: {error.strerror or error}",
            hint="check the name and the folder",
            path=str(path),
        ) from error
    if not data:
        raise InputError(
            "RC-318", f"{path.name} is empty (0 bytes)", hint="copy it again", path=str(path)
        )
    return data[:most_bytes]

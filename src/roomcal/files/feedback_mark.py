"""The mark that a feedback loop leaves in a studio folder: the next run has to be rearmed."""

import contextlib
import datetime
from pathlib import Path

_NAME = ".feedback"


def leave_mark(root: Path) -> None:
    """Note that a loop was found now; a folder that cannot be written is left alone."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with contextlib.suppress(OSError):
        (root / _NAME).write_text(f"{now}\n", encoding="utf-8")


def read_mark(root: Path) -> str:
    """Return when a loop was found, in UTC, or nothing."""
    try:
        return (root / _NAME).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def remove_mark(root: Path) -> None:
    """Forget it."""
    with contextlib.suppress(OSError):
        (root / _NAME).unlink(missing_ok=True)

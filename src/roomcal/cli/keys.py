"""Single keys of the terminal, without Enter; none where there is no terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator

ReadKeys = Callable[[], str]  # the keys that were pressed since, one character each


def _no_keys() -> str:
    return ""


if sys.platform == "win32":
    import msvcrt

    @contextlib.contextmanager
    def single_keys() -> Iterator[ReadKeys]:
        """Give what reads the keys that were pressed."""

        def read() -> str:
            keys = ""
            while msvcrt.kbhit():
                keys += msvcrt.getwch()
            return keys

        yield read if sys.stdin.isatty() else _no_keys

else:
    import os
    import re
    import select
    import termios
    import tty

    # Arrows and the like come as several characters; they are none of ours.
    _ESCAPES = re.compile(r"\x1b(\[[0-9;]*[A-Za-z~]|O.|.)?")

    @contextlib.contextmanager
    def single_keys() -> Iterator[ReadKeys]:
        """Give what reads the keys that were pressed, and leave the terminal as it was."""
        if not sys.stdin.isatty():
            yield _no_keys
            return
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def read() -> str:
            ready, _, _ = select.select([terminal], [], [], 0.0)
            pressed = os.read(terminal, 64).decode(errors="ignore") if ready else ""
            return _ESCAPES.sub("", pressed)

        try:
            tty.setcbreak(terminal)
            yield read
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

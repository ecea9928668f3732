"""Single keys of the terminal, without Enter; none where there is no terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator

ReadKey = Callable[[], str]  # the key that waits, or nothing


def _no_key() -> str:
    return ""


if sys.platform == "win32":
    import msvcrt

    @contextlib.contextmanager
    def single_keys() -> Iterator[ReadKey]:
        """Give what reads the keys that were pressed."""

        def read() -> str:
            return msvcrt.getwch() if msvcrt.kbhit() else ""

        yield read if sys.stdin.isatty() else _no_key

else:
    import os
    import select
    import termios
    import tty

    @contextlib.contextmanager
    def single_keys() -> Iterator[ReadKey]:
        """Give what reads the keys that were pressed, and leave the terminal as it was."""
        if not sys.stdin.isatty():
            yield _no_key
            return
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def read() -> str:
            ready, _, _ = select.select([terminal], [], [], 0.0)
            # A key like an arrow comes as several characters: it is none of ours, read it away.
            pressed = os.read(terminal, 16).decode(errors="ignore") if ready else ""
            return "" if pressed.startswith("\x1b") else pressed[:1]

        try:
            tty.setcbreak(terminal)
            yield read
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

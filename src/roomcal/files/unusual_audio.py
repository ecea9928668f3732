"""Audio in any form but plain WAV: decoded by a process of its own into a plain WAV."""

import contextlib
import json
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 600.0
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_PLAIN_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class Decoded:
    """What the other process answered."""

    error: str  # empty if it could
    crashed: bool
    n_channels: int = 0
    n_samples: int = 0
    fs: int = 0
    subtype: str = ""


def is_plain_wav(path: Path) -> bool:
    """Tell a WAV or RF64 of bare numbers, which needs no decoder."""
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEADER)
    except OSError:
        return False
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] != b"WAVE":
        return False
    at = 12
    while at + 24 <= len(head):
        name, size = struct.unpack_from("<4sI", head, at)
        if name == b"fmt ":
            return _is_plain_format(head[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return False


def _is_plain_format(fmt: bytes) -> bool:
    if len(fmt) < 16:
        return False
    tag, bits = struct.unpack_from("<H", fmt)[0], struct.unpack_from("<H", fmt, 14)[0]
    if tag == _EXTENSIBLE and len(fmt) >= 40:
        tag = struct.unpack_from("<H", fmt, 24)[0]
    return bits in _PLAIN_BITS.get(tag, ())


def decode(path: Path, out: Path | None = None) -> Decoded:
    """Let another process open a file, and write its samples to `out` if that is named.

    What happens to that process does not happen to this one.
    """
    command = [sys.executable, "-P", "-m", "roomcal.files.audio_child", str(path.resolve())]
    if out is not None:
        command.append(str(out))
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Decoded(f"decoding it took more than {TIMEOUT_S:.0f} s", crashed=True)
    header: object = None
    with contextlib.suppress(ValueError):
        header = json.loads(done.stdout.partition(b"\n")[0] or b"null")
    if done.returncode != 0 or not isinstance(header, dict):
        return Decoded(f"the decoder gave up on it (exit code {done.returncode})", crashed=True)
    if "error" in header:
        return Decoded(str(header["error"]), crashed=False)
    return Decoded(
        "",
        False,
        n_channels=int(header["channels"]),
        n_samples=int(header["frames"]),
        fs=int(header["fs"]),
        subtype=str(header["subtype"]),
    )

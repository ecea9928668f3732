"""Whether an audio file is whole: libsndfile reads a truncated one without a word."""

import struct
from dataclasses import dataclass
from pathlib import Path

from roomcal.errors import InputError

_UNKNOWN_SIZE = 0xFFFFFFFF  # written by programs that stream to a pipe, and by RF64
_HEADER_BYTES = 12
_LONGEST_HEADER_BYTES = 24  # of Wave64: a name of 16 bytes, then the size
_PCM_TAGS = (1, 3, 6, 7, 0xFFFE)  # PCM, float, A-law, u-law, extensible: whole frames


@dataclass(frozen=True)
class _Data:
    """The data chunk: what it claims, and what is there."""

    claimed_bytes: int
    present_bytes: int
    frame_bytes: int  # 0: compressed


def refuse_truncated(path: Path) -> None:
    """Refuse a RIFF, RF64, AIFF or Wave64 file that ends before its header says.

    Other kinds of files pass: their readers notice.

    Raises
    ------
    InputError
        RC-302 with the number of samples.
    """
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER_BYTES)
    claimed = 0
    if head[:4] == b"FORM" and len(head) >= 8:
        claimed = 8 + int(struct.unpack_from(">I", head, 4)[0])
    if head[:4] == b"riff" and len(head) >= 24:
        claimed = int(struct.unpack_from("<Q", head, 16)[0])
    present = path.stat().st_size
    if claimed > present:
        _refuse(path, _Data(claimed, present, frame_bytes=0))
    if head[:4] not in (b"RIFF", b"RF64") or head[8:12] not in (b"WAVE", b""):
        return
    data = _find_data(path)
    if data is None:
        raise InputError(
            "RC-302",
            f"{path.name} ends before its audio begins ({path.stat().st_size} bytes)",
            hint="copy or record it again: what is there cannot be used",
            path=str(path),
        )
    if data.claimed_bytes > data.present_bytes:
        _refuse(path, data)
    if data.claimed_bytes == 0 and data.present_bytes > data.frame_bytes > 0:
        raise InputError(
            "RC-302",
            f"{path.name} was never finished: its header says 0 samples, "
            f"{data.present_bytes // data.frame_bytes} follow",
            hint="the recorder was stopped before it closed the file: record it again, or repair "
            "the header with an audio editor",
            path=str(path),
        )


def _refuse(path: Path, data: _Data) -> None:
    """Raise with samples where frames have a size, with bytes where they are compressed."""
    unit, size = ("samples", data.frame_bytes) if data.frame_bytes else ("bytes", 1)
    have, expected = data.present_bytes // size, data.claimed_bytes // size
    raise InputError(
        "RC-302",
        f"{path.name} has {have} of {expected} {unit}",
        hint="the file is cut off: copy it or record it again",
        path=str(path),
        have=have,
        expected=expected,
    )


def _find_data(path: Path) -> _Data | None:
    """Walk the chunks up to the audio."""
    file_bytes = path.stat().st_size
    frame_bytes = 0
    size_64 = None
    with path.open("rb") as file:
        at = _HEADER_BYTES
        while at + 8 <= file_bytes:
            file.seek(at)
            name, size = struct.unpack("<4sI", file.read(8))
            body = file.read(min(size, 64)) if name in (b"fmt ", b"ds64") else b""
            if name == b"ds64" and len(body) >= 16:
                size_64 = struct.unpack_from("<Q", body, 8)[0]
            if name == b"fmt " and len(body) >= 16:
                tag, align = struct.unpack_from("<H10xH", body)
                frame_bytes = align if tag in _PCM_TAGS else 0
            if name == b"data":
                present = file_bytes - at - 8
                if size == _UNKNOWN_SIZE:
                    size = present if size_64 is None else size_64
                # A chunk after the audio is not audio, so no more than claimed is present.
                return _Data(size, present if size == 0 else min(present, size), frame_bytes)
            at += 8 + size + size % 2
    return None

"""A line of text that travels in a WAV file, behind the audio: RIFF's LIST INFO, chunk ICMT."""

import struct
from pathlib import Path

_HEADER_BYTES = 12
_UNKNOWN_SIZE = 0xFFFFFFFF  # of the audio in a file above 4 GB
_LONGEST_BYTES = 1 << 16


def comment_chunk(text: str) -> bytes:
    """Return the chunk that holds a line of text, to be written behind the audio."""
    body = text.encode() + b"\0"
    body += b"\0" * (len(body) % 2)
    info = b"INFO" + struct.pack("<4sI", b"ICMT", len(body)) + body
    return struct.pack("<4sI", b"LIST", len(info)) + info


def read_comment(path: Path) -> str:
    """Read the text of a WAV file; empty if there is none, or if it is no such file."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return ""
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"LIST" and size <= _LONGEST_BYTES:
                text = _comment_of_list(file.read(size + size % 2)[:size])
                if text:
                    return text
            elif size == _UNKNOWN_SIZE:
                return ""
            else:
                file.seek(size + size % 2, 1)
    return ""


def _comment_of_list(body: bytes) -> str:
    """Find the comment in a chunk LIST."""
    at = 4
    while body[:4] == b"INFO" and at + 8 <= len(body):
        name, size = struct.unpack_from("<4sI", body, at)
        if name == b"ICMT":
            text = body[at + 8 : at + 8 + size].split(b"\0")[0]
            return text.decode(errors="replace").strip()
        at += 8 + size + size % 2
    return ""

"""Read audio of any length in blocks, and write WAV files of any length: RF64 above 4 GB.

The writer makes its own header: byte-reproducible, without the time stamp that libsndfile adds.
"""

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

import numpy as np

from roomcal.files.atomic import cannot_write, put_in_place
from roomcal.units import FloatArray

SampleFormat = Literal["pcm16", "pcm24", "pcm32", "float32", "float64"]
SAMPLE_BYTES: dict[SampleFormat, int] = {
    "pcm16": 2,
    "pcm24": 3,
    "pcm32": 4,
    "float32": 4,
    "float64": 8,
}
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE  # format tags (RFC 2361; Microsoft mmreg.h)
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_RIFF_LIMIT = 0xFFFFFFFF
_DITHER_SEED = 0x726F6F6D


class WavWriter:
    """Write frames block by block to a temporary name; the file appears when it is whole.

    Integer formats are dithered (triangular, 2 LSB wide, from a fixed seed), which turns the
    rounding error into noise independent of the signal (Lipshitz, Wannamaker and Vanderkooy,
    J. Audio Eng. Soc. 40(5), 1992). Samples beyond full scale are an error of the caller.

    Parameters
    ----------
    path : Path
    fs : int
    n_channels : int
    sample_format : "pcm16", "pcm24", "pcm32", "float32" or "float64"
    behind : bytes
        Whole chunks that follow the audio, of even length.
    """

    def __init__(
        self,
        path: Path,
        *,
        fs: int,
        n_channels: int,
        sample_format: SampleFormat,
        behind: bytes = b"",
    ) -> None:
        self.path = path
        self._fs = fs
        self._n_channels = n_channels
        self._format = sample_format
        self._behind = behind
        self._n_frames = 0
        self._rng = np.random.default_rng(_DITHER_SEED)
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._file: BinaryIO | None = None

    def __enter__(self) -> "WavWriter":
        """Open the temporary file."""
        try:
            self._file = self._temporary.open("wb")
            self._file.write(self._header())
        except OSError as error:
            self._abandon()
            raise cannot_write(self.path, error) from error
        return self

    def write(self, frames: FloatArray) -> None:
        """Append frames.

        Parameters
        ----------
        frames : (n_channels, n_frames) float array
        """
        if self._file is None:
            raise ValueError("the writer is not open")
        try:
            self._file.write(self._encode(frames.T))
        except OSError as error:
            self._abandon()
            needed = self._data_bytes + frames.size * SAMPLE_BYTES[self._format]
            raise cannot_write(self.path, error, needed_bytes=needed) from error
        self._n_frames += frames.shape[1]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the header and put the file in its place, or remove it after an error."""
        if kind is not None or self._file is None:
            self._abandon()
            return
        try:
            if self._data_bytes % 2:
                self._file.write(b"\0")  # chunks are padded to even length
            self._file.write(self._behind)
            self._file.seek(0)
            self._file.write(self._header())
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            put_in_place(self._temporary, self.path)
        except OSError as os_error:
            self._abandon()
            raise cannot_write(self.path, os_error) from os_error

    @property
    def _data_bytes(self) -> int:
        return self._n_frames * self._n_channels * SAMPLE_BYTES[self._format]

    def _header(self) -> bytes:
        """RIFF header with room for the 64-bit sizes of RF64 (EBU Tech 3306)."""
        width = SAMPLE_BYTES[self._format]
        tag = _FLOAT if self._format.startswith("float") else _PCM
        extensible = self._n_channels > 2
        fmt = struct.pack(
            "<HHIIHH",
            _EXTENSIBLE if extensible else tag,
            self._n_channels,
            self._fs,
            self._fs * self._n_channels * width,
            self._n_channels * width,
            8 * width,
        )
        if extensible:
            fmt += struct.pack("<HHIH", 22, 8 * width, 0, tag) + _GUID_TAIL
        elif tag == _FLOAT:
            fmt += struct.pack("<H", 0)
        chunks = struct.pack("<4sI", b"fmt ", len(fmt)) + fmt
        if tag == _FLOAT:
            chunks += struct.pack("<4sII", b"fact", 4, min(self._n_frames, _RIFF_LIMIT))
        # RIFF, size, WAVE; then a chunk of 28 bytes that is JUNK or ds64; then fmt, fact, data.
        riff_size = 4 + 36 + len(chunks) + 8 + self._data_bytes + self._data_bytes % 2
        riff_size += len(self._behind)
        big = riff_size > _RIFF_LIMIT
        sizes = struct.pack("<QQQI", riff_size, self._data_bytes, self._n_frames, 0)
        return (
            struct.pack("<4sI4s", b"RF64" if big else b"RIFF", _clipped(riff_size), b"WAVE")
            + struct.pack("<4sI", b"ds64" if big else b"JUNK", 28)
            + (sizes if big else bytes(28))
            + chunks
            + struct.pack("<4sI", b"data", _clipped(self._data_bytes))
        )

    def _encode(self, frames: FloatArray) -> bytes:
        """Interleaved little-endian samples of (n_frames, n_channels)."""
        if self._format.startswith("float"):
            return frames.astype("<f4" if self._format == "float32" else "<f8").tobytes()
        width = SAMPLE_BYTES[self._format]
        steps = 2.0 ** (8 * width - 1)
        dither = self._rng.random(frames.shape) - self._rng.random(frames.shape)
        codes = np.rint(frames * steps + dither)
        np.clip(codes, -steps, steps - 1, out=codes)  # the dither alone may touch the last code
        if width == 2:
            return codes.astype("<i2").tobytes()
        four = np.ascontiguousarray(codes, dtype="<i4")
        if width == 4:
            return four.tobytes()
        return four.view(np.uint8).reshape(*four.shape, 4)[..., :3].tobytes()

    def _abandon(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        with contextlib.suppress(OSError):
            self._temporary.unlink()


def full_scale(sample_format: SampleFormat) -> float:
    """Largest sample that a format can carry after its dither; infinite for floats."""
    if sample_format.startswith("float"):
        return float("inf")
    return float(1.0 - 2.0 / 2.0 ** (8 * SAMPLE_BYTES[sample_format] - 1))


def read_blocks(path: Path, block: int) -> Iterator[FloatArray]:
    """Read the frames of an audio file in blocks of (n_channels, at most `block`)."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        while True:
            frames = file.read(block, dtype="float64", always_2d=True)
            if not len(frames):
                return
            yield frames.T


def _clipped(size: int) -> int:
    return min(size, _RIFF_LIMIT)

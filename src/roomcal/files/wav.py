"""Read audio files of any kind as rows of float64, and write WAV files of floats.

What cannot be used is refused here, with the number: truncated, empty, NaN, too many channels.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from roomcal.errors import InputError
from roomcal.files.riff import refuse_truncated
from roomcal.files.unusual_audio import Decoded, decode, is_plain_wav
from roomcal.files.wav_stream import WavWriter
from roomcal.model.arrays import frozen_array
from roomcal.units import FloatArray

if TYPE_CHECKING:
    import soundfile

_AUDIO_SUFFIXES = (".wav", ".wave", ".rf64", ".bwf", ".aif", ".aiff", ".flac", ".caf", ".w64")


@dataclass(frozen=True, eq=False)
class Wav:
    """The content of an audio file.

    Attributes
    ----------
    samples : (n_channels, n_samples) float array
        Full scale is 1; floats may go beyond.
    fs : int
    subtype : str
        How the file stores its samples, as libsndfile calls it: "PCM_24", "FLOAT", ...
    """

    samples: FloatArray
    fs: int
    subtype: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", frozen_array(self.samples, ndim=2, name="samples"))


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says."""

    n_channels: int
    n_samples: int
    fs: int
    subtype: str


def inspect_audio(path: Path) -> AudioInfo:
    """Read the header of an audio file, and make sure that the file is whole.

    Raises
    ------
    InputError
        RC-301 if it cannot be opened, RC-302 if it is damaged, RC-314 if it is no audio.
    """
    if _is_unusual(path):
        found = _answered(path, decode(path))
        return AudioInfo(found.n_channels, found.n_samples, found.fs, found.subtype)
    with _opened(path) as file:
        return AudioInfo(file.channels, file.frames, file.samplerate, file.subtype)


def read_wav(path: Path) -> Wav:
    """Read an audio file: WAV and RF64 in any subtype, AIFF, FLAC.

    Raises
    ------
    InputError
        RC-301 if it cannot be opened, RC-302 if it is damaged, RC-303 if it holds NaN or infinite
        samples, RC-314 if it is no audio.
    """
    if _is_unusual(path):
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "decoded.wav"
            found = _answered(path, decode(path, plain))
            with _opened(plain) as file:
                samples = file.read(dtype="float64", always_2d=True).T
            fs, subtype, expected = found.fs, found.subtype, found.n_samples
    else:
        with _opened(path) as file:
            samples = file.read(dtype="float64", always_2d=True).T
            fs, subtype, expected = file.samplerate, file.subtype, file.frames
    if samples.shape[1] < expected:
        raise InputError(
            "RC-302",
            f"{path.name} has {samples.shape[1]} of {expected} samples",
            hint="the file is cut off: copy it or record it again",
            path=str(path),
            have=samples.shape[1],
            expected=expected,
        )
    _refuse_not_finite(samples, fs, path)
    return Wav(samples=samples, fs=fs, subtype=subtype)


def read_mono(path: Path) -> Wav:
    """Read an audio file of one channel.

    Raises
    ------
    InputError
        RC-305 if it has several; otherwise as `read_wav`.
    """
    info = inspect_audio(path)
    if info.n_channels != 1:
        raise InputError(
            "RC-305",
            f"{path.name} has {info.n_channels} channels, one is needed",
            hint="split it into a file for each channel and name the one that is meant",
            path=str(path),
            n_channels=info.n_channels,
        )
    return read_wav(path)


def write_wav(
    path: Path,
    samples: FloatArray,
    fs: int,
    *,
    sample_format: Literal["float32", "float64"] = "float64",
) -> None:
    """Write a WAV file of floats, whole or not at all; the same samples give the same bytes.

    Parameters
    ----------
    path : Path
    samples : (n_channels, n_samples) float array
    fs : int
    sample_format : "float64" or "float32"
        The first keeps every bit; the second keeps every bit of a 24-bit converter.

    Raises
    ------
    StorageError
        RC-601 if it cannot be written; an older file of that name is as it was.
    """
    if samples.ndim != 2:
        raise ValueError(f"(n_channels, n_samples) expected, got {samples.shape=}")
    if not np.isfinite(samples).all():
        raise ValueError(f"NaN or infinite samples are not written to {path}")
    with WavWriter(path, fs=fs, n_channels=samples.shape[0], sample_format=sample_format) as out:
        out.write(samples)


@contextlib.contextmanager
def _opened(path: Path) -> "Iterator[soundfile.SoundFile]":
    """Open an audio file that is whole, or say what is wrong with it."""
    import soundfile

    _refuse_no_file(path)
    refuse_truncated(path)
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise _no_audio(path, error.error_string.rstrip(".")) from error
    with file:
        if file.frames == 0:
            raise _no_samples(path)
        try:
            yield file
        except soundfile.LibsndfileError as error:
            raise InputError(
                "RC-302",
                f"{path.name} is damaged: {error.error_string.rstrip('.')}",
                hint="copy it or record it again",
                path=str(path),
            ) from error


def _is_unusual(path: Path) -> bool:
    """Whether a file that is there needs a decoder, which another process has."""
    _refuse_no_file(path)
    return not is_plain_wav(path)


def _answered(path: Path, found: Decoded) -> Decoded:
    """Refuse what the other process could not read."""
    if found.crashed:
        raise InputError(
            "RC-302",
            f"{path.name} is damaged: {found.error}",
            hint="open it in an audio editor and save it as WAV",
            path=str(path),
        )
    refuse_truncated(path)  # with the number, where its header tells
    if not found.error and found.n_samples > 0:
        return found
    raise _no_audio(path, found.error) if found.error else _no_samples(path)


def _no_samples(path: Path) -> InputError:
    return InputError(
        "RC-302",
        f"{path.name} holds no samples",
        hint="record or export it again",
        path=str(path),
    )


def _no_audio(path: Path, reason: str) -> InputError:
    """Say of a file that it is damaged, or no audio at all by its name."""
    if path.suffix.lower() in _AUDIO_SUFFIXES:
        return InputError(
            "RC-302",
            f"{path.name} is damaged, or not what its name says: {reason}",
            hint="open it in an audio editor and save it as WAV, or record it again",
            path=str(path),
        )
    return InputError(
        "RC-314",
        f"{path.name} is no audio that roomcal reads: {reason}",
        hint="give a WAV, AIFF or FLAC file",
        path=str(path),
    )


def _refuse_no_file(path: Path) -> None:
    """Refuse what is missing, a folder, not readable or empty."""
    try:
        if path.is_dir():
            raise InputError(
                "RC-301", f"{path} is a folder", hint="name a file in it", path=str(path)
            )
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        raise InputError(
            "RC-301",
            f"cannot open {path}: {error.strerror or error}",
            hint="check the name and that you may read it",
            path=str(path),
        ) from error
    if not first:
        raise InputError(
            "RC-302",
            f"{path.name} is empty (0 bytes)",
            hint="copy it or record it again",
            path=str(path),
        )


def _refuse_not_finite(samples: FloatArray, fs: int, path: Path) -> None:
    """Name the first sample that is no number."""
    bad = ~np.isfinite(samples)
    if not bad.any():
        return
    channel, index = (int(i) for i in np.argwhere(bad)[np.argmin(np.argwhere(bad)[:, 1])])
    raise InputError(
        "RC-303",
        f"{path.name}: sample {index} of channel {channel + 1} ({index / fs:.3f} s) is "
        f"{samples[channel, index]}, and {int(bad.sum())} in all are no numbers",
        hint="record or export it again",
        path=str(path),
        sample=index,
        channel=channel + 1,
        count=int(bad.sum()),
    )

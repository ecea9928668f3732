"""The kinds of files that hold impulse responses: one line each. `roomcal import` follows it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from roomcal.errors import InputError
from roomcal.files import audio_response, raw_float64, rew_mdat, rew_text, sofa
from roomcal.files.foreign_response import ForeignResponse

_FIRST_BYTES = 64


@dataclass(frozen=True)
class ResponseKind:
    """One way in which other programs store responses."""

    description: str
    is_one: Callable[[Path, bytes], bool]  # path and first bytes: is it of this kind?
    read: Callable[[Path, int | None], list[ForeignResponse]]  # path and the rate that was given


# In the order in which a file is tried; audio is what is left.
RESPONSE_KINDS: dict[str, ResponseKind] = {
    "mdat": ResponseKind(
        "REW measurements (.mdat)", rew_mdat.is_mdat, lambda path, _: rew_mdat.read_mdat(path)
    ),
    "sofa": ResponseKind(
        "SOFA responses (.sofa)", sofa.is_sofa, lambda path, _: sofa.read_sofa(path)
    ),
    "dbl": ResponseKind(
        "raw 64-bit floats (.dbl)",
        lambda path, _: path.suffix.lower() == ".dbl",
        raw_float64.read_dbl,
    ),
    "rew-text": ResponseKind(
        "text exports with frequency, level and phase (.txt, .frd)",
        rew_text.is_text_measurement,
        lambda path, _: rew_text.read_rew_text(path),
    ),
    "audio": ResponseKind(
        "WAV, AIFF or FLAC, one channel",
        lambda *_: True,
        lambda path, _: [audio_response.read_audio_response(path)],
    ),
}


def read_responses(path: Path, *, fs: int | None = None) -> list[ForeignResponse]:
    """Read every response of a file of any kind that is known.

    Parameters
    ----------
    path : Path
    fs : int, optional
        Sample rate of a file that does not say its own.

    Raises
    ------
    InputError
        For any file that cannot be used; RC-304 if it has another rate than the given one.
    """
    first = b""
    try:
        with path.open("rb") as file:
            first = file.read(_FIRST_BYTES)
    except OSError as error:
        raise InputError(
            "RC-301",
            f"cannot open {path}: {error.strerror or error}",
            hint="check the name and that you may read it",
            path=str(path),
        ) from error
    kind = next(kind for kind in RESPONSE_KINDS.values() if kind.is_one(path, first))
    found = kind.read(path, fs)
    for response in found:
        if fs is not None and response.fs != fs:
            raise InputError(
                "RC-304",
                f"{path.name} has {response.fs} Hz, not {fs} Hz",
                hint="leave --fs out: the file says its rate itself",
                path=str(path),
            )
    return found

"""The process that decodes compressed and unusual audio: its decoders are in C, and may crash.

Run as `python -m roomcal.files.audio_child FILE [OUT]`; answers on standard output with a line of
JSON, and writes OUT as a WAV of 64-bit floats. It imports no more of roomcal than this file.
"""

import contextlib
import json
import sys
from typing import Any

ADDRESS_SPACE_BYTES = 4 << 30  # far below what would hurt a studio's PC
CPU_S = 300
MOST_OUT_BYTES = 16 << 30
_BLOCK = 1 << 16


def main() -> None:
    """Answer for the file named on the command line."""
    _bound()
    import soundfile

    try:
        with soundfile.SoundFile(sys.argv[1]) as file:
            header: dict[str, Any] = {
                "channels": file.channels,
                "frames": file.frames,
                "fs": file.samplerate,
                "subtype": file.subtype,
            }
            if len(sys.argv) > 2:
                _decode(file, sys.argv[2])
    except soundfile.LibsndfileError as error:
        header = {"error": error.error_string.rstrip(".")[:300]}
    except Exception as error:
        # Whatever a decoder makes of a damaged file is the same to the user.
        header = {"error": f"{error}"[:300] or type(error).__name__}
    sys.stdout.write(json.dumps(header) + "\n")
    sys.stdout.flush()


def _bound() -> None:
    """Limit memory and time where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def _decode(file: Any, out: str) -> None:  # noqa: ANN401 - untyped library
    """Write the samples block by block."""
    import soundfile

    written = 0
    with soundfile.SoundFile(
        out, "w", file.samplerate, file.channels, subtype="DOUBLE", format="RF64"
    ) as decoded:
        while True:
            frames = file.read(_BLOCK, dtype="float64", always_2d=True)
            if not len(frames):
                return
            written += frames.nbytes
            if written > MOST_OUT_BYTES:
                raise ValueError(f"it holds more than {MOST_OUT_BYTES >> 30} GB of samples")
            decoded.write(frames)


if __name__ == "__main__":
    main()

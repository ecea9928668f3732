"""Feed the importers with damaged files: each must answer or refuse, quickly and in little memory.

    python benchmarks/fuzz_importers.py [--seconds 60] [--data FOLDER] [NAME ...]

FOLDER holds real files (`rew/`, `mso/`, `sofa/`, `mic-calibration/`); without it files made on the
spot are mutated.
"""

import argparse
import contextlib
import io
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from roomcal.errors import InputError
from roomcal.files.audio_response import read_audio_response
from roomcal.files.bank_files import filter_bank, read_filter_text
from roomcal.files.mic_calibration import read_mic_calibration
from roomcal.files.raw_float64 import read_dbl
from roomcal.files.rew_api import RewListed, decode_response
from roomcal.files.rew_mdat import read_measurements
from roomcal.files.rew_text import read_rew_text, read_text_measurement
from roomcal.files.sofa import read_sofa

SPARE_BYTES = 64 << 20  # the goal: no memory above 64 MB and ten times the file
MOST_RATIO = 10
SLOWEST_S = 5.0  # of one file, of a processor: the wall clock is that of the whole machine
_NASTY = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0", b"\n", b",", b";")
_WORDS = (b"nan", b"inf", b"-", b"1e999", b"9" * 60, b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\xa0")


def _filters(path: Path) -> None:
    filter_bank(path, read_filter_text(path), 48000)


def _text(path: Path) -> None:
    read_text_measurement(path)
    read_rew_text(path)


def _sound(container: str, subtype: str) -> bytes:
    """Make a short file of one kind of audio."""
    made = io.BytesIO()
    x = 0.1 * np.sin(0.1 * np.arange(300))
    soundfile.write(made, x, 48000, format=container, subtype=subtype)
    return made.getvalue()


# Name: importer, ending, real files, file made on the spot.
IMPORTERS: dict[str, tuple[Callable[[Path], object], str, str, bytes]] = {
    "mdat": (
        read_measurements,
        ".mdat",
        "rew/*.mdat",
        b"\xac\xed\x00\x05t\x00\x1cREW Measurement Data File V2u"
        b"r\x00\x02[F\0\0\0\0\0\0\0\0\x02\0\0xp\0\0\0\x02\x3f\x80\0\0\0\0\0\0",
    ),
    "rew-text": (
        _text,
        ".txt",
        "rew/left*.txt",
        b"* Smoothing: None\n* Freq(Hz) SPL(dB) Phase(degrees)\n20.1 61,2 3\n40;62;-4\n80 63 5\n",
    ),
    "filters": (
        _filters,
        ".txt",
        "rew/*eq*.txt",
        b"Preamp: -6 dB\nFilter 1: ON PK Fc 1\xa0275 Hz Gain -5,4 dB Q 11,31\nDelay: 1.3 ms\n"
        b"Channel: L\nGraphicEQ: 20 -1.2; 25 0.4; 20000 0.0\n",
    ),
    "mso": (_filters, ".txt", "mso/*.txt", b'Filters by channel:\nChannel: "a"\nFL1: x\n'),
    "minidsp": (
        _filters,
        ".txt",
        "",
        b"biquad1,\nb0=0.998,\nb1=-1.995,\nb2=0.9969,\na1=1.995,\na2=-0.9951,\nbiquad2,\nb0=1,\n",
    ),
    "dbl": (read_dbl, "48.dbl", "", np.arange(64, dtype="<f8").tobytes()),
    "mic-calibration": (
        read_mic_calibration,
        ".txt",
        "mic-calibration/*.txt",
        b'"Sens Factor =-12.07dB, SERNO: 8108494"\n20\t-1.5\n100\t0.1\n1000\t0\n',
    ),
    "rew-table": (
        _filters,
        ".txt",
        "",
        b"Generic\nNumber, Enabled, Control, Type, Frequency(Hz), Gain(dB), Q, Bandwidth(Hz)\n"
        b"1, True, Auto, PK, 63.50, -5.00, 4.000, 15.88\n2, True, Auto, LS Q, 90, 3, 0.7, 9\n",
    ),
    "rew-api": (
        lambda path: decode_response(path.read_bytes(), RewListed(1, "x", "y", {})),
        ".json",
        "",
        b'{"unit": "percent", "startTime": -0.025, "sampleInterval": 2.0833333333333333E-5, '
        b'"sampleRate": 48000, "timingReference": "Loopback", "timingOffset": 0, "delay": 0.01, '
        b'"data": "P4AAAMAgAABASQ/b"}',
    ),
    "wav": (read_audio_response, ".wav", "", _sound("WAV", "PCM_24")),
    "flac": (read_audio_response, ".flac", "", _sound("FLAC", "PCM_24")),
    "adpcm": (read_audio_response, ".wav", "", _sound("WAV", "IMA_ADPCM")),
    "sofa": (read_sofa, ".sofa", "sofa/*.sofa", b"\x89HDF\r\n\x1a\n" + bytes(600)),
}


def damaged(data: bytes, steps: list[tuple[int, float, int]]) -> bytes:
    """Apply mutations: kind, place from 0 to 1, and a number that says how."""
    for kind, place, how in steps:
        at = int(place * len(data))
        if kind == 0:  # a bit
            data = (
                data[:at]
                + bytes([(data[at] if at < len(data) else 0) ^ (1 << how % 8)])
                + data[at + 1 :]
            )
        elif kind == 1:  # a number of the worst kind
            word = _NASTY[how % len(_NASTY)]
            data = data[:at] + word + data[at + len(word) :]
        elif kind == 2:  # a piece is missing
            data = data[:at] + data[at + 1 + how % 64 :]
        elif kind == 3:  # a piece comes twice
            data = data[:at] + data[at : at + how % 512] + data[at:]
        elif kind == 4:  # something is between
            data = data[:at] + _WORDS[how % len(_WORDS)] + data[at:]
        elif kind == 5:  # cut off
            data = data[: max(at, 1)]
        else:  # two pieces have changed places
            n = 1 + how % 32
            data = data[:at] + data[at + n : at + 2 * n] + data[at : at + n] + data[at + 2 * n :]
    return data


def seeds(name: str, folder: Path | None) -> list[bytes]:
    """Whole files to begin from."""
    _, _, pattern, made = IMPORTERS[name]
    real = sorted(folder.glob(pattern)) if folder and pattern else []
    return [made, *(path.read_bytes() for path in real)]


def refuses_or_answers(name: str, data: bytes, folder: Path) -> None:
    """Give one file to an importer; anything but an answer or an InputError with a place raises."""
    read, ending, _, _ = IMPORTERS[name]
    path = folder / f"fuzzed{ending}"
    path.write_bytes(data)
    try:
        read(path)
    except InputError as error:
        if not error.message or not error.hint:
            raise AssertionError(f"{error.fault} says too little: {error}") from error


def _cases(name: str, folder: Path | None, seconds: float) -> Iterator[bytes]:
    chance = random.Random(name)
    whole = seeds(name, folder)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        steps = [
            (chance.randrange(7), chance.random() ** chance.choice((1, 3)), chance.randrange(512))
            for _ in range(chance.choice((1, 1, 2, 4, 16)))
        ]
        yield damaged(chance.choice(whole), steps)


def run(name: str, folder: Path | None, seconds: float) -> str:
    """Fuzz one importer in this process; its memory is that of the process."""
    import resource  # not on Windows

    n = largest = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as place:
        refuses_or_answers(name, seeds(name, None)[0], Path(place))
        with contextlib.suppress(InputError):
            import scipy.signal  # noqa: F401 - libraries are no memory of a file
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for data in _cases(name, folder, seconds):
            start_s = sum(os.times()[:4])  # with that of its children
            refuses_or_answers(name, data, Path(place))
            slowest = max(slowest, sum(os.times()[:4]) - start_s)
            largest = max(largest, len(data))
            n += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    allowed = SPARE_BYTES + MOST_RATIO * largest
    if grown > allowed or slowest > SLOWEST_S:
        raise SystemExit(f"{name}: {grown / 1e6:.0f} MB, slowest {slowest:.1f} s")
    return (
        f"{name:16} {n:7} files, {grown / 1e6:6.1f} MB of {allowed / 1e6:.0f} allowed, "
        f"slowest {1000 * slowest:.0f} ms"
    )


def main() -> None:
    """Fuzz every importer, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    failed = []
    for name in given.names or list(IMPORTERS):
        if given.here:
            print(run(name, given.data, given.seconds))
            continue
        own = [sys.executable, __file__, "--here", "--seconds", str(given.seconds), name]
        own += ["--data", str(given.data)] if given.data else []
        if subprocess.run(own, check=False, timeout=given.seconds + 120).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

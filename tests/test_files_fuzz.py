"""Damaged files of every kind: an importer answers or says what is wrong, and nothing else."""

import contextlib
import os
import runpy
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roomcal.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
FUZZ = runpy.run_path(str(ROOT / "benchmarks" / "fuzz_importers.py"))
STEPS = st.lists(
    st.tuples(st.integers(0, 6), st.floats(0.0, 1.0, width=32), st.integers(0, 511)),
    min_size=1,
    max_size=8,
)
# About three seconds of work each; SOFA and compressed audio need a process of their own.
N_EXAMPLES = {
    "sofa": 3,
    "flac": 4,
    "adpcm": 4,
    "wav": 12,
    "mdat": 40,
    "rew-text": 40,
    "filters": 40,
    "mso": 40,
}


def data_folder():
    folder = Path(os.environ.get("ROOMCAL_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None  # then files made on the spot are mutated alone


@pytest.mark.parametrize("name", FUZZ["IMPORTERS"])
def test_a_damaged_file_is_answered_or_refused(name, tmp_path):
    whole = FUZZ["seeds"](name, data_folder())

    @settings(
        max_examples=N_EXAMPLES.get(name, 100),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, len(whole) - 1), STEPS)
    def holds(which, steps):
        FUZZ["refuses_or_answers"](name, FUZZ["damaged"](whole[which], steps), tmp_path)

    holds()


@pytest.mark.parametrize("name", ["rew-text", "filters", "mso", "minidsp", "mic-calibration"])
@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"\n" * 100_000, b"1" * 100_000])
def test_what_is_no_text_at_all_is_refused(name, content, tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(content)

    with pytest.raises(InputError):
        FUZZ["IMPORTERS"][name][0](path)


# Lines on which a careless pattern takes time with the square of their length.
SLOW_LINES = {
    "rew-text": ["* Smoothing: " + "; " * 900 + "x", "20 " + "1" * 1900, "* freq" + " " * 1900],
    "filters": [
        "Filter 1: ON PK Fc " + "1 " * 950,
        "Filter 1: ON PK Fc 5 Hz Gain 1 dB Q " + "1," * 900 + "x",
        "Filter" + " " * 1900,
        "Preamp: " + "1 " * 950 + "x",
    ],
    "mso": ["a" + " " * 1900 + "x", 'Channel: "' + "a" * 1900],
}
SLOW_LINES_S = 2.0  # for 200 lines; the square would take tens of seconds


@pytest.mark.parametrize("name", SLOW_LINES)
def test_long_lines_take_no_time_with_the_square_of_their_length(name, tmp_path):
    start = {"rew-text": "", "filters": "Filter Settings file\nPreamp: 0 dB\n"}
    for line in SLOW_LINES[name]:
        path = tmp_path / "x.txt"
        beginning = start.get(name, "Filters by channel:\n")
        path.write_text(beginning + (line + "\n") * 200)
        began = time.process_time()
        with contextlib.suppress(InputError):
            FUZZ["IMPORTERS"][name][0](path)
        assert time.process_time() - began < SLOW_LINES_S, line[:30]

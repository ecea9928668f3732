"""Damaged files of every kind: an importer answers or says what is wrong, and nothing else."""

import os
import runpy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
FUZZ = runpy.run_path(str(ROOT / "benchmarks" / "fuzz_importers.py"))
STEPS = st.lists(
    st.tuples(st.integers(0, 6), st.floats(0.0, 1.0, width=32), st.integers(0, 511)),
    min_size=1,
    max_size=8,
)
# About three seconds of work each; a SOFA file needs a process of its own.
N_EXAMPLES = {"sofa": 3, "mdat": 40, "rew-text": 40, "filters": 40, "mso": 40}


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
    from roomcal.errors import InputError

    path = tmp_path / "x.txt"
    path.write_bytes(content)

    with pytest.raises(InputError):
        FUZZ["IMPORTERS"][name][0](path)

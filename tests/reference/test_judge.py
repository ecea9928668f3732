"""A simulated room that roomcal has not seen, designed as imported and scored by another's code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from roomcal.design.design import design
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

pytestmark = [pytest.mark.reference, pytest.mark.slow]

ROOM = "A_studio"
# What the default design must reach in this room at positions it has not seen, in dB (judge.py says
# what each column is). For comparison: uncorrected 5.7, 2.4, 1.4, 0.51, -3.9 and 2.1; DRC-FIR
# normal 3.5, 2.2, 1.7, 1.0, -6.0 and 1.7 over all rooms.
AT_MOST = {
    "lo6": 3.7,
    "mid6": 1.85,
    "hiE": 0.75,
    "lr": 0.5,
    "gain": 6.3,
    "loPk": 0.9,
    "erHi": -5.5,
    "fdw": 1.85,
    "lat": 5.0,
}
# A filter of minimum phase, of magnitude alone.
MINIMUM_AT_MOST = {"lo6": 3.7, "mid6": 1.85, "hiE": 0.7, "lr": 0.5, "gain": 6.3}
PHASES = ("minimum", "mixed")
TAIL_GAIN_DB = 6.0  # of the bass later than 300 ms, against no correction
PRE_RINGING_ROUNDING_DB = 0.01


def run(script: Path, *args: str, cache: Path) -> str:
    """Run one of the judge's scripts without leaving anything beside it."""
    env = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, str(script), *args], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def room(judge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds the built room; ROOMCAL_JUDGE_ROOMS names one that is built already."""
    built = os.environ.get("ROOMCAL_JUDGE_ROOMS", "")
    if built and (Path(built) / f"{ROOM}.npz").is_file():
        return Path(built)
    folder = tmp_path_factory.mktemp("judge")
    run(judge / "rooms.py", str(folder), ROOM, cache=folder)
    return folder


@pytest.fixture(scope="module")
def rows(judge: Path, room: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Return the judge's rows: `none`, and a design of each kind of `PHASES`."""
    folder = tmp_path_factory.mktemp("filters")
    responses = []
    for speaker in ("L", "R"):
        for k in range(1, 10):
            fs, samples = wavfile.read(room / ROOM / f"{speaker}-p{k}.wav")
            responses.append(ImpulseResponse(samples, fs, speaker, f"p{k}"))
    lines = (judge / "target.txt").read_text().splitlines()
    points = np.array([line.split() for line in lines if line[:1].isdigit()], dtype=float)
    found = {}
    for phase in PHASES:
        spec = DesignSpec(taps=65536, phase=phase)
        result = design(responses, Curve(*points.T), spec, name="judged", fs=responses[0].fs)
        for speaker in ("L", "R"):
            taps = result.filters.path(speaker, speaker)
            wavfile.write(folder / f"{speaker}.wav", result.filters.fs, taps.astype(np.float32))
        paths = [room / f"{ROOM}.npz", folder / "L.wav", folder / "R.wav"]
        # Without --scale the script never names its row; 1e-9 moves no sample of 65,536.
        options = ["--scale", "1e-9", "--json"]
        answer = json.loads(run(judge / "score.py", *map(str, paths), *options, cache=folder))
        found |= {"none": answer["none"], phase: answer["yours"]}
    return found


@pytest.mark.parametrize("column", AT_MOST)
def test_held_out_positions_come_out_as_well_as_asked(rows, column):
    assert rows["mixed"][column] <= AT_MOST[column]


@pytest.mark.parametrize("column", MINIMUM_AT_MOST)
def test_minimum_phase_comes_out_as_well_as_asked(rows, column):
    assert rows["minimum"][column] <= MINIMUM_AT_MOST[column]
    assert abs(rows["minimum"]["lat"]) <= 1000.0 / 48000.0


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("column", ["lo6", "mid6", "hiE", "lr", "fdw", "erHi"])
def test_nothing_becomes_worse_than_without_correction(rows, column, phase):
    assert rows[phase][column] < rows["none"][column]


def test_minimum_phase_adds_no_pre_ringing(rows):
    assert rows["minimum"]["preX"] <= rows["none"]["preX"] + PRE_RINGING_ROUNDING_DB


def test_the_bass_rings_less_at_positions_that_were_not_measured(rows):
    assert rows["mixed"]["tail300own"] < rows["none"]["tail300own"] - TAIL_GAIN_DB
    assert rows["mixed"]["Tmode"] < rows["none"]["Tmode"]

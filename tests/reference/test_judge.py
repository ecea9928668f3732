"""A simulated room that roomcal has not seen, designed as imported and scored by another's code."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from roomcal.design.design import design
from roomcal.dsp.prediction import predict
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import FilterBank
from roomcal.model.impulse_response import ImpulseResponse

pytestmark = [pytest.mark.reference, pytest.mark.slow]

ROOM = "A_studio"
# What the designs must reach in this room at positions they have not seen, in dB, ms for `lat`
# (judge.py says what each column is). For comparison: uncorrected 5.7, 2.4, 1.4, 0.51, -4.7 and
# 1.9; DRC-FIR normal 3.8, 2.2, 1.4, 0.65, -7.5 and 1.6 with 10 dB of gain and 21 ms.
ALIKE = {"lo6": 3.7, "mid6": 1.85, "hiE": 0.75, "lr": 0.5, "gain": 6.3, "loPk": 0.9}
AT_MOST = {
    "mixed": ALIKE | {"erHi": -7.5, "fdw": 1.65, "lat": 5.0, "Tmode": 0.5},
    "minimum": ALIKE | {"erHi": -4.7, "fdw": 1.85, "lat": 0.1},
}
# Of the bass later than 300 ms, against no correction: a cut peak takes its tail along.
TAIL_GAIN_DB = {"mixed": 6.0, "minimum": 0.0}
# The judge reads levels before the sound at arrivals of whole samples: an arrival that moves by one
# sample within a 45 Hz envelope moves them by so much.
PRE_RINGING_ROUNDING_DB = 0.05
PREDICTION_DB = 0.05  # what two convolutions of one response with one filter may differ by
# The judge smooths whole bins of a transform; the first of its windows holds few.
COMPARED_HZ = (30.0, 16000.0)


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
def responses(room: Path) -> list[ImpulseResponse]:
    """Nine positions of two speakers, as imported."""
    found = []
    for speaker in ("L", "R"):
        for k in range(1, 10):
            fs, samples = wavfile.read(room / ROOM / f"{speaker}-p{k}.wav")
            found.append(ImpulseResponse(samples, fs, speaker, f"p{k}"))
    return found


@pytest.fixture(scope="module", params=AT_MOST)
def phase(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def filters(phase: str, judge: Path, responses: list[ImpulseResponse]) -> FilterBank:
    lines = (judge / "target.txt").read_text().splitlines()
    points = np.array([line.split() for line in lines if line[:1].isdigit()], dtype=float)
    spec = DesignSpec(phase=phase)
    return design(responses, Curve(*points.T), spec, name="judged", fs=responses[0].fs).filters


@pytest.fixture(scope="module")
def rows(
    judge: Path, room: Path, filters: FilterBank, tmp_path_factory: pytest.TempPathFactory
) -> dict:
    """Return the judge's rows `none` and `yours`."""
    folder = tmp_path_factory.mktemp("filters")
    for speaker in ("L", "R"):
        taps = filters.path(speaker, speaker).astype(np.float32)
        wavfile.write(folder / f"{speaker}.wav", filters.fs, taps)
    paths = [room / f"{ROOM}.npz", folder / "L.wav", folder / "R.wav"]
    # Without --scale the script never names its row; 1e-9 moves no sample of 65,536.
    options = ["--scale", "1e-9", "--json"]
    return json.loads(run(judge / "score.py", *map(str, paths), *options, cache=folder))


def test_held_out_positions_come_out_as_well_as_asked(rows, phase):
    reached = {column: rows["yours"][column] for column in AT_MOST[phase]}
    missed = {c: x for c, x in reached.items() if x > AT_MOST[phase][c]}

    assert not missed


@pytest.mark.parametrize("column", ["lo6", "mid6", "hiE", "lr", "fdw", "erHi", "tail300own"])
def test_nothing_becomes_worse_than_without_correction(rows, column):
    assert rows["yours"][column] < rows["none"][column]


def test_no_pre_ringing_is_added(rows):
    assert rows["yours"]["preX"] <= rows["none"]["preX"] + PRE_RINGING_ROUNDING_DB


def test_the_bass_rings_less_at_positions_that_were_not_measured(rows, phase):
    gain_db = rows["none"]["tail300own"] - rows["yours"]["tail300own"]

    assert gain_db > TAIL_GAIN_DB[phase]


def test_the_prediction_is_the_convolution_of_the_judge(judge, filters, responses, monkeypatch):
    monkeypatch.syspath_prepend(str(judge))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    theirs = importlib.import_module("judge")
    r, taps = responses[0], filters.path("L", "L")
    ours = np.abs(np.fft.rfft(predict(r.samples, taps), 2 * theirs.NF))[::2] ** 2
    X, _ = theirs.prep(r.samples[np.newaxis], taps, r.fs)

    smooth = [theirs.smooth_pow(p, r.fs, "6") for p in (ours, np.abs(X[0]) ** 2)]
    f = theirs._grid(r.fs)
    inside = (f > COMPARED_HZ[0]) & (f < COMPARED_HZ[1])
    difference_db = 10 * np.log10(smooth[0] / smooth[1])[inside]
    assert np.abs(difference_db).max() < PREDICTION_DB

"""Bands of an export, set in another program, play the level of the bank."""

import re
import shutil
import subprocess

import numpy as np
import pytest
import scipy.signal
import soundfile

from roomcal.design.peq import sections_of
from roomcal.jobs.export import export_bank
from roomcal.model.biquad import Biquad
from roomcal.model.filter_bank import Bank, FilterBank, PathStructure

pytestmark = pytest.mark.peers

BANDS = (Biquad("peak", 61.2345, -9.25, 6.0), Biquad("peak", 150.0, 4.0, 1.0))
BANDS += (Biquad("peak", 3000.0, -3.0, 2.0),)
RATES = (44100, 48000, 96000)
N = 1 << 17
# Rounding of printed numbers, and of sox's 32-bit files.
TOLERANCE_DB = 0.05


@pytest.fixture
def bank():
    filters = {}
    for fs in RATES:
        pulse = np.zeros(N)
        pulse[0] = 0.5
        taps = scipy.signal.sosfilt(sections_of(BANDS, fs), pulse)[None, None]
        path = PathStructure("C", "C", biquads=BANDS)
        headroom_db = -20 * np.log10(0.5)
        filters[fs] = FilterBank(taps, fs, ("C",), ("C",), 0, headroom_db, (path,))
    return Bank("mix", filters)


def sox(folder, fs, *effects):
    """Play a pulse through effects of sox; return what comes out."""
    if shutil.which("sox") is None:
        pytest.skip("sox is not installed: apt install sox")
    pulse = np.zeros(N)
    pulse[0] = 0.25
    soundfile.write(folder / "in.wav", pulse, fs, subtype="FLOAT")
    command = ["sox", "-D", "in.wav", "-e", "floating-point", "-b", "64", "out.wav", *effects]
    subprocess.run(command, cwd=folder, check=True, timeout=60, capture_output=True)
    return soundfile.read(folder / "out.wav")[0] / 0.25


def assert_same_level(found, bank, fs):
    f = np.geomspace(20.0, 18000.0, 300)
    wanted, got = (
        20 * np.log10(np.abs(scipy.signal.freqz(h, worN=f, fs=fs)[1]))
        for h in (bank.filters[fs].taps[0, 0], found)
    )
    np.testing.assert_allclose(got, wanted, atol=TOLERANCE_DB)


@pytest.mark.parametrize("fs", RATES)
def test_sox_plays_the_biquads_of_a_minidsp(tmp_path, bank, fs):
    folder = export_bank(bank, "minidsp", tmp_path / "out").folder
    text = (folder / f"{fs}-1-C-biquads.txt").read_text()
    effects = []
    for block in text.split("biquad")[1:]:
        v = dict(re.findall(r"([ab]\d)=([-\d.]+)", block))
        signs = [v["b0"], v["b1"], v["b2"], "1", str(-float(v["a1"])), str(-float(v["a2"]))]
        effects += ["biquad", *signs]

    assert_same_level(sox(tmp_path, fs, *effects), bank, fs)


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("name", ["rew-filters", "autoeq"])
def test_sox_plays_the_peaks_of_a_text(tmp_path, bank, fs, name):
    folder = export_bank(bank, name, tmp_path / "out").folder
    file = f"{fs}-C.txt" if name == "rew-filters" else f"{fs}-C-ParametricEQ.txt"
    text = (folder / file).read_text()
    effects = []
    for f, gain, q in re.findall(r"Fc +([\d.]+) Hz +Gain +([-\d.]+) dB +Q +([\d.]+)", text):
        effects += ["equalizer", f, f"{q}q", gain]
    assert len(effects) == 4 * len(BANDS)
    by_hand = (folder / "by-hand.txt").read_text().splitlines()
    line = next(line for line in by_hand if line.startswith(f"{fs}\t"))
    gain_db = float(line.split("\t")[2])
    if name == "autoeq":
        gain_db += float(re.search(r"Preamp: ([-\d.]+) dB", text)[1])

    assert_same_level(sox(tmp_path, fs, *effects) * 10 ** (gain_db / 20), bank, fs)

"""Exports run in the programs that they are for, and give the exact convolution."""

import shutil
import subprocess

import numpy as np
import pytest
import scipy.signal
import soundfile

from roomcal.jobs.export import export_bank
from roomcal.model.filter_bank import Bank, FilterBank

pytestmark = pytest.mark.peers

RATES = (44100, 48000, 96000)
N_TAPS = 6000
N_FRAMES = 30000
# BruteFIR convolves in double precision: rounding of a few thousand products.
BRUTEFIR_TOLERANCE = 1e-12
# fconvolver and sox work in 32-bit floats: 2**-24 of samples below 2, over log2 N additions.
FLOAT_TOLERANCE = 1e-6


def needs(program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt install {program}")


@pytest.fixture(params=[False, True], ids=["stereo", "true stereo"])
def bank(request, rng):
    decay = np.exp(-np.arange(N_TAPS) / 300)
    filters = {}
    for fs in RATES:
        taps = (rng.standard_normal((2, 2, N_TAPS)) * decay / 60).astype(np.float32)
        if not request.param:
            taps *= np.eye(2)[:, :, np.newaxis]
        filters[fs] = FilterBank(taps, fs, ("L", "R"), ("L", "R"))
    return Bank("mix", filters)


@pytest.fixture
def x(rng):
    """Stereo noise that ends in silence, so that nothing is cut."""
    x = rng.uniform(-0.5, 0.5, (2, N_FRAMES)).astype(np.float32).astype(np.float64)
    x[:, -N_TAPS:] = 0.0
    return x


def exact(filters, x):
    rows = [sum(scipy.signal.fftconvolve(x[i], row[i]) for i in range(2)) for row in filters.taps]
    return np.array(rows)[:, : x.shape[1]]


@pytest.mark.parametrize("fs", RATES)
def test_brutefir_plays_the_design(tmp_path, bank, x, fs):
    needs("brutefir")
    folder = export_bank(bank, "brutefir", tmp_path / "out").folder
    x.T.astype("<f8").tofile(folder / "in.f64")

    subprocess.run(
        ["brutefir", "-nodefault", "-quiet", f"brutefir_{fs}.conf"],
        cwd=folder,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=True,
        timeout=60,
        capture_output=True,
    )

    y = np.fromfile(folder / "out.f64", "<f8").reshape(-1, 2).T
    n = min(y.shape[1], x.shape[1])
    assert n >= N_FRAMES - N_TAPS
    np.testing.assert_allclose(
        y[:, :n], exact(bank.filters[fs], x)[:, :n], atol=BRUTEFIR_TOLERANCE, rtol=0
    )


@pytest.mark.parametrize("fs", RATES)
def test_fconvolver_plays_the_design(tmp_path, bank, x, fs):
    needs("fconvolver")
    folder = export_bank(bank, "jconvolver", tmp_path / "out").folder
    soundfile.write(folder / "in.wav", x.T, fs, subtype="FLOAT")

    done = subprocess.run(
        ["fconvolver", f"jconvolver_{fs}.conf", "in.wav", "out.wav"],
        cwd=folder,
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )

    # A missing file is told on stderr alone, with exit code 0.
    assert done.stderr == ""
    y, rate = soundfile.read(folder / "out.wav")
    assert rate == fs
    body = slice(0, N_FRAMES - N_TAPS)  # what follows the end of the input is not reliable
    np.testing.assert_allclose(
        y.T[:, body], exact(bank.filters[fs], x)[:, body], atol=FLOAT_TOLERANCE, rtol=0
    )


@pytest.mark.parametrize("fs", RATES)
def test_sox_hears_the_same_in_the_daw_files(tmp_path, bank, x, fs):
    """An independent convolver takes each path's file: its output is early by half the taps."""
    needs("sox")
    folder = export_bank(bank, "daw-wav", tmp_path / "out").folder
    filters = bank.filters[fs]
    for output, inp in filters.active_paths:
        diagonal = len(filters.active_paths) == 2
        name = f"mix-{fs}-{output}.wav" if diagonal else f"mix-{fs}-{inp}-to-{output}.wav"
        taps, _ = soundfile.read(folder / str(fs) / name)
        np.savetxt(tmp_path / "taps.txt", taps, fmt="%.17g")
        channel = filters.inputs.index(inp)
        padded = np.concatenate([np.zeros(N_TAPS), x[channel], np.zeros(N_TAPS)])
        soundfile.write(tmp_path / "in.wav", padded, fs, subtype="FLOAT")
        subprocess.run(
            ["sox", "in.wav", "-e", "floating-point", "-b", "32", "out.wav", "fir", "taps.txt"],
            cwd=tmp_path,
            check=True,
            timeout=60,
        )
        y, _ = soundfile.read(tmp_path / "out.wav")
        whole = scipy.signal.fftconvolve(padded, filters.path(output, inp))
        late = whole[(N_TAPS - 1) // 2 :][: y.size]
        np.testing.assert_allclose(y[: late.size], late, atol=FLOAT_TOLERANCE, rtol=0)

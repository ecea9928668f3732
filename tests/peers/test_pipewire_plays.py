"""PipeWire plays the exported filter-chain: the exact convolution comes out of it."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from roomcal.jobs.export import export_bank
from roomcal.model.filter_bank import Bank, FilterBank

pytestmark = [pytest.mark.peers, pytest.mark.slow]

N_TAPS = 6000
N_FRAMES = 48000
# Its convolver works in 32-bit floats over blocks of 256: an issue of this project asks for this.
TOLERANCE = 1e-5
CUT_FRAMES = 4096  # what follows when the player stops is not reliable


def private_pipewire():
    spec = importlib.util.spec_from_file_location(
        "private_pipewire", Path(__file__).with_name("private_pipewire.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PrivatePipeWire


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
@pytest.mark.parametrize("cross", [False, True], ids=["stereo", "true stereo"])
def test_pipewire_plays_the_design(tmp_path, rng, fs, cross):
    for program in ("pipewire", "pw-cat", "pw-link", "pw-dump", "pw-cli"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt install pipewire pipewire-bin")
    decay = np.exp(-np.arange(N_TAPS) / 300)
    taps = (rng.standard_normal((2, 2, N_TAPS)) * decay / 60).astype(np.float32)
    if not cross:
        taps *= np.eye(2)[:, :, np.newaxis]
    bank = Bank("mix", {fs: FilterBank(taps, fs, ("L", "R"), ("L", "R"))})
    folder = export_bank(bank, "pipewire", tmp_path / "out").folder
    x = rng.uniform(-0.25, 0.25, (N_FRAMES, 2)).astype(np.float32)
    x[-N_TAPS - CUT_FRAMES :] = 0.0

    room = private_pipewire()(tmp_path / "pw", fs)
    try:
        room.load(folder / f"roomcal_{fs}.conf")
        y = room.play(x).T
    finally:
        room.close()

    exact = np.array(
        [
            sum(scipy.signal.fftconvolve(x[:, i], row[i].astype(float)) for i in range(2))
            for row in taps
        ]
    )
    n_fft = 1 << 18
    spectra = np.fft.rfft(y[0], n_fft) * np.conj(np.fft.rfft(exact[0], n_fft))
    late = int(np.argmax(np.fft.irfft(spectra)))
    n = N_FRAMES - CUT_FRAMES
    assert y.shape[1] >= late + n, "the recording ended early"
    np.testing.assert_allclose(y[:, late : late + n], exact[:, :n], atol=TOLERANCE, rtol=0)

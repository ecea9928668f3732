"""Audio files through a bank: exact, in any shape, never clipped."""

import numpy as np
import pytest
import scipy.signal
import soundfile

from roomcal.errors import InputError
from roomcal.jobs.apply import apply_bank
from roomcal.jobs.conversation import Silent
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import db_from_ratio

FS = 48000
# 32-bit floats round to 2**-24 of the sample; samples here are below 4.
FLOAT_TOLERANCE = 4 * 2.0**-24


def a_bank(rng, *, n=2, n_taps=3000, latency=0, cross=True):
    taps = rng.standard_normal((n, n, n_taps)) * np.exp(-np.arange(n_taps) / 200) / 20
    if not cross:
        taps *= np.eye(n)[:, :, np.newaxis]
    names = tuple("LRCSABDEFGHI"[:n])
    return Bank("mix", {FS: FilterBank(taps, FS, names, names, latency, 6.0)})


def exact(bank, x):
    taps = bank.filters[FS].taps
    return np.array(
        [sum(scipy.signal.fftconvolve(x[i], row[i]) for i in range(len(x))) for row in taps]
    )


@pytest.mark.parametrize("n_channels", [1, 2, 12])
@pytest.mark.parametrize("n_frames", [1, 1000, 65536, 65537, 200_001])
def test_a_file_of_any_length_is_filtered_exactly(tmp_path, rng, n_channels, n_frames):
    bank = a_bank(rng, n=n_channels, cross=n_channels < 3)
    x = rng.uniform(-0.5, 0.5, (n_channels, n_frames)).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", x.T, FS, subtype="FLOAT")

    done = apply_bank(bank, tmp_path / "in.wav", tmp_path / "out.wav", Silent())

    y, fs = soundfile.read(tmp_path / "out.wav", always_2d=True)
    assert fs == FS
    assert y.shape == (n_frames + 2999, n_channels)
    assert done.n_frames == len(y)
    np.testing.assert_allclose(y.T, exact(bank, x.astype(float)), atol=FLOAT_TOLERANCE, rtol=0)


def test_the_latency_is_taken_off(tmp_path, rng):
    bank = a_bank(rng, latency=100)
    x = rng.uniform(-0.5, 0.5, (2, 5000)).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", x.T, FS, subtype="FLOAT")

    apply_bank(bank, tmp_path / "in.wav", tmp_path / "out.wav", Silent())

    y, _ = soundfile.read(tmp_path / "out.wav")
    np.testing.assert_allclose(
        y.T, exact(bank, x.astype(float))[:, 100:], atol=FLOAT_TOLERANCE, rtol=0
    )


def test_a_mono_file_feeds_every_input(tmp_path, rng):
    bank = a_bank(rng, cross=False)
    x = rng.uniform(-0.5, 0.5, 5000).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", x, FS, subtype="FLOAT")

    apply_bank(bank, tmp_path / "in.wav", tmp_path / "out.wav", Silent())

    y, _ = soundfile.read(tmp_path / "out.wav")
    np.testing.assert_allclose(
        y.T, exact(bank, np.stack([x, x]).astype(float)), atol=FLOAT_TOLERANCE, rtol=0
    )


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24)])
def test_integers_never_clip(tmp_path, subtype, bits):
    """A filter that triples the level: the file is lowered as a whole, and says by how much."""
    bank = Bank("loud", {FS: FilterBank(np.full((1, 1, 1), 3.0), FS, ("L",), ("L",))})
    t = np.arange(FS) / FS
    x = 0.9 * np.sin(2 * np.pi * 997 * t)
    soundfile.write(tmp_path / "in.wav", x, FS, subtype=subtype)

    done = apply_bank(bank, tmp_path / "in.wav", tmp_path / "out.wav", Silent())

    y, _ = soundfile.read(tmp_path / "out.wav")
    assert soundfile.info(tmp_path / "out.wav").subtype == subtype
    step = 2.0 ** (1 - bits)
    assert 1 - 4 * step <= np.abs(y).max() < 1
    assert done.lowered_db == pytest.approx(db_from_ratio(2.7), abs=0.001)
    # The shape is kept but for dither (one step) and rounding (half a step).
    source, _ = soundfile.read(tmp_path / "in.wav")
    scaled = source * 3 * 10 ** (-done.lowered_db / 20)
    np.testing.assert_allclose(y, scaled, atol=1.51 * step, rtol=0)


def test_floats_keep_what_goes_beyond_full_scale_and_say_so(tmp_path):
    bank = Bank("loud", {FS: FilterBank(np.full((1, 1, 1), 3.0), FS, ("L",), ("L",))})
    soundfile.write(tmp_path / "in.wav", np.full(100, 0.5), FS, subtype="FLOAT")

    done = apply_bank(bank, tmp_path / "in.wav", tmp_path / "out.wav", Silent())

    y, _ = soundfile.read(tmp_path / "out.wav")
    np.testing.assert_allclose(y, 1.5)
    assert done.peak_dbfs == pytest.approx(db_from_ratio(1.5), abs=1e-6)
    assert done.lowered_db == 0


def test_the_gain_asked_for_is_applied(tmp_path):
    bank = Bank("unit", {FS: FilterBank(np.ones((1, 1, 1)), FS, ("L",), ("L",))})
    soundfile.write(tmp_path / "in.wav", np.full(100, 0.5), FS, subtype="FLOAT")

    apply_bank(bank, tmp_path / "in.wav", tmp_path / "out.wav", Silent(), gain_db=-6.0)

    y, _ = soundfile.read(tmp_path / "out.wav")
    np.testing.assert_allclose(y, 0.5 * 10 ** (-6 / 20), rtol=1e-6)


def test_a_late_nan_leaves_no_result(tmp_path, rng):
    x = rng.uniform(-0.5, 0.5, 200_000)
    x[150_000] = np.nan
    soundfile.write(tmp_path / "in.wav", x, FS, subtype="DOUBLE")

    with pytest.raises(InputError) as caught:
        apply_bank(a_bank(rng, n=1), tmp_path / "in.wav", tmp_path / "out.wav", Silent())

    assert caught.value.fault == "RC-303"
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize("kind", ["FLAC", "AIFF"])
def test_other_containers_are_read(tmp_path, rng, kind):
    bank = a_bank(rng)
    x = np.round(rng.uniform(-0.2, 0.2, (2, 3000)) * 2**15) / 2**15
    path = tmp_path / f"in.{kind.lower()}"
    soundfile.write(path, x.T, FS, format=kind, subtype="PCM_16")

    done = apply_bank(bank, path, tmp_path / "out.wav", Silent(), sample_format="float64")

    y, _ = soundfile.read(tmp_path / "out.wav")
    assert done.sample_format == "float64"
    np.testing.assert_allclose(y.T, exact(bank, x), atol=1e-12)

"""The streaming WAV writer, read by libsndfile and scipy."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from roomcal.errors import StorageError
from roomcal.files import atomic
from roomcal.files.wav_stream import SAMPLE_BYTES, WavWriter, full_scale, read_blocks

FS = 48000
SUBTYPES = {
    "pcm16": "PCM_16",
    "pcm24": "PCM_24",
    "pcm32": "PCM_32",
    "float32": "FLOAT",
    "float64": "DOUBLE",
}
# A triangular dither of one step either way, plus half a step of rounding.
DITHER_STEPS = 1.5


def write(path, x, sample_format, block=777, fs=FS):
    with WavWriter(path, fs=fs, n_channels=x.shape[0], sample_format=sample_format) as writer:
        for start in range(0, x.shape[1], block):
            writer.write(x[:, start : start + block])


@pytest.mark.parametrize("sample_format", SUBTYPES)
@pytest.mark.parametrize("n_channels", [1, 2, 3, 12])
def test_libsndfile_reads_what_was_written(tmp_path, rng, sample_format, n_channels):
    x = rng.uniform(-0.99, 0.99, (n_channels, 5001))
    path = tmp_path / "x.wav"

    write(path, x, sample_format)

    info = soundfile.info(path)
    frames, fs = soundfile.read(path, dtype="float64", always_2d=True)
    assert (fs, info.subtype) == (FS, SUBTYPES[sample_format])
    assert frames.shape == (5001, n_channels)
    bits = 8 * SAMPLE_BYTES[sample_format]
    step = 2.0 ** (1 - bits) * DITHER_STEPS if sample_format.startswith("pcm") else 2.0**-24
    np.testing.assert_allclose(frames.T, x, atol=step, rtol=0)


@pytest.mark.parametrize("sample_format", ["pcm16", "pcm32", "float32", "float64"])
def test_scipy_reads_what_was_written(tmp_path, rng, sample_format):
    x = rng.uniform(-0.5, 0.5, (2, 1000))
    write(tmp_path / "x.wav", x, sample_format)

    fs, frames = wavfile.read(tmp_path / "x.wav")

    assert fs == FS
    assert frames.shape == (1000, 2)


def test_the_dither_leaves_no_trace_of_a_tiny_tone(tmp_path):
    """A sine of half a step survives 16 bits: without dither it would be silence or a square."""
    t = np.arange(FS * 4) / FS
    tone = 0.5 / 32768 * np.sin(2 * np.pi * 1000 * t)
    write(tmp_path / "x.wav", tone[np.newaxis], "pcm16")

    frames, _ = soundfile.read(tmp_path / "x.wav", dtype="float64")
    spectrum = np.abs(np.fft.rfft(frames)) / (t.size / 2)

    assert spectrum[4000] == pytest.approx(0.5 / 32768, rel=0.05)
    # Third harmonic: below four times the mean of the noise there (Rayleigh: 1 in 10**5).
    noise = spectrum[11900:12100].mean()
    assert spectrum[12000] < 4 * noise


def test_full_scale_survives_the_dither(tmp_path):
    for sample_format in ("pcm16", "pcm24"):
        x = np.full((1, 10000), full_scale(sample_format))
        write(tmp_path / f"{sample_format}.wav", x, sample_format)
        codes, _ = soundfile.read(tmp_path / f"{sample_format}.wav", dtype="float64")
        assert codes.max() < 1.0
        assert np.mean(codes) == pytest.approx(x[0, 0], abs=2.0 ** (1 - 16))


def test_the_same_samples_give_the_same_bytes(tmp_path, rng):
    x = rng.uniform(-1, 1, (2, 1000)) * 0.9
    for name in ("a.wav", "b.wav"):
        write(tmp_path / name, x, "pcm24")

    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_odd_data_is_padded_to_a_whole_chunk(tmp_path):
    write(tmp_path / "x.wav", np.zeros((1, 3)), "pcm24")

    data = (tmp_path / "x.wav").read_bytes()
    assert len(data) % 2 == 0
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8


def test_beyond_4_gb_the_header_is_rf64(tmp_path, monkeypatch):
    """The limit is lowered, so that a small file is written the way a large one is."""
    monkeypatch.setattr("roomcal.files.wav_stream._RIFF_LIMIT", 10_000)
    x = np.linspace(-0.5, 0.5, 20_000).reshape(2, -1)
    write(tmp_path / "big.wav", x, "float32")
    data = (tmp_path / "big.wav").read_bytes()
    # What a reader must see in a real file of that kind (EBU Tech 3306): sizes of all ones.
    ones = b"\xff\xff\xff\xff"
    at = data.index(b"data")
    data = data[:4] + ones + data[8 : at + 4] + ones + data[at + 8 :]
    (tmp_path / "big.wav").write_bytes(data)

    assert data[:4] == b"RF64"
    frames, _ = soundfile.read(tmp_path / "big.wav", dtype="float64")
    np.testing.assert_allclose(frames.T, x, atol=2.0**-24)


def test_a_failure_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(b"old")

    def fail_half_way():
        with WavWriter(path, fs=FS, n_channels=1, sample_format="pcm16") as writer:
            writer.write(np.zeros((1, 100)))
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail_half_way()

    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]


def test_an_impossible_folder_is_a_storage_error(tmp_path):
    with (
        pytest.raises(StorageError, match="nowhere") as caught,
        WavWriter(tmp_path / "nowhere" / "x.wav", fs=FS, n_channels=1, sample_format="pcm16"),
    ):
        pass
    assert caught.value.fault == "RC-601"


def test_blocks_are_read_to_the_last_frame(tmp_path, rng):
    x = rng.uniform(-1, 1, (2, 1000)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", x.T, FS, subtype="FLOAT")

    blocks = list(read_blocks(tmp_path / "x.wav", 300))

    assert [b.shape[1] for b in blocks] == [300, 300, 300, 100]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), x)


def test_a_file_that_windows_holds_open_for_a_moment_is_replaced_all_the_same(
    tmp_path, monkeypatch
):
    """Virus scanners open new files; the first attempts to rename them are then refused."""
    refusals = iter([True, True])
    replace = Path.replace

    def reluctant(self, target):
        if next(refusals, False):
            raise PermissionError(13, "held open")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", reluctant)
    monkeypatch.setattr(atomic.sys, "platform", "win32")
    monkeypatch.setattr(atomic, "_WINDOWS_WAIT_S", 0.0)

    with WavWriter(tmp_path / "x.wav", fs=FS, n_channels=1, sample_format="float32") as writer:
        writer.write(np.ones((1, 10)))

    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]

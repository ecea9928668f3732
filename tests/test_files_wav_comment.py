"""Text in a WAV file: libsndfile reads what is written, and what it writes is read."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from roomcal.files.wav import read_wav, write_wav
from roomcal.files.wav_comment import comment_chunk, read_comment
from roomcal.files.wav_stream import WavWriter


@pytest.mark.parametrize("text", ["roomcal speakers: L,R", "odd", "even"])
@pytest.mark.parametrize("n_samples", [100, 101])
def test_another_reader_finds_the_comment_and_the_same_sound(tmp_path, rng, text, n_samples):
    x = rng.uniform(-0.5, 0.5, (1, n_samples))
    path = tmp_path / "a.wav"
    with WavWriter(
        path, fs=48000, n_channels=1, sample_format="pcm24", behind=comment_chunk(text)
    ) as writer:
        writer.write(x)

    with soundfile.SoundFile(path) as file:
        assert file.comment == text
        assert file.frames == n_samples
    assert read_comment(path) == text
    np.testing.assert_allclose(read_wav(path).samples, x, atol=2**-22)
    size = int.from_bytes(path.read_bytes()[4:8], "little")
    assert size == path.stat().st_size - 8


def test_the_comment_of_another_writer_is_read(tmp_path):
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 48000, 1) as file:
        file.title = "a title"
        file.comment = "a comment"
        file.write(np.zeros(10))

    assert read_comment(path) == "a comment"


def test_files_without_a_comment_have_none(tmp_path):
    write_wav(tmp_path / "a.wav", np.zeros((1, 10)), 48000)
    soundfile.write(tmp_path / "a.flac", np.zeros(10), 48000)
    Path(tmp_path / "cut.wav").write_bytes(b"RIFF\x10\0\0\0WAVELIST\xff\0\0\0INFOICMT\x09")

    assert [read_comment(tmp_path / n) for n in ("a.wav", "a.flac", "cut.wav")] == ["", "", ""]

"""Compressed and unusual audio is decoded in a process of its own: its crash is only a message."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from roomcal.errors import InputError
from roomcal.files import unusual_audio
from roomcal.files.unusual_audio import decode, is_plain_wav
from roomcal.files.wav import inspect_audio, read_wav

FS = 44100
# Name, subtype, whether a decoder is needed, largest difference: half a step of integers; the
# compressed kinds keep some bits of each sample.
KINDS = [
    ("a.wav", "PCM_16", False, 2.0**-15),
    ("a.wav", "PCM_24", False, 2.0**-23),
    ("a.wav", "FLOAT", False, 1e-7),
    ("a.wav", "DOUBLE", False, 0.0),
    ("a.wav", "IMA_ADPCM", True, 0.2),
    ("a.wav", "ULAW", True, 0.05),
    ("a.flac", "PCM_24", True, 2.0**-23),
    ("a.aiff", "PCM_24", True, 2.0**-23),
    ("a.caf", "PCM_24", True, 2.0**-23),
    ("a.w64", "FLOAT", True, 1e-7),
]


@pytest.fixture
def x(rng):
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / FS)[:, None] * rng.uniform(0.5, 1, 2)


@pytest.mark.parametrize(("name", "subtype", "unusual", "tolerance"), KINDS)
def test_every_kind_is_read_the_same(tmp_path, x, name, subtype, unusual, tolerance):
    path = tmp_path / name
    soundfile.write(path, x, FS, subtype=subtype)

    wav, info = read_wav(path), inspect_audio(path)

    assert is_plain_wav(path) is not unusual
    assert (wav.fs, wav.subtype) == (FS, subtype)
    assert (info.n_channels, info.n_samples, info.fs, info.subtype) == (
        2,
        wav.samples.shape[1],
        FS,
        subtype,
    )
    np.testing.assert_allclose(wav.samples[:, :4000], x.T, atol=tolerance)


def test_this_process_opens_no_decoder(tmp_path, x, monkeypatch):
    path = tmp_path / "a.flac"
    soundfile.write(path, x, FS)
    opened = []
    original = soundfile.SoundFile

    def watched(file, *args, **kwargs):
        opened.append(str(file))
        return original(file, *args, **kwargs)

    monkeypatch.setattr(soundfile, "SoundFile", watched)
    read_wav(path)

    assert opened
    assert str(path) not in opened


@pytest.mark.parametrize(
    ("returncode", "stdout"), [(-11, b""), (0, b""), (0, b"nonsense\n"), (1, b"{}\n")]
)
def test_a_decoder_that_crashes_is_a_message(tmp_path, x, monkeypatch, returncode, stdout):
    path = tmp_path / "a.flac"
    soundfile.write(path, x, FS)

    def crashed(command, **_):
        return subprocess.CompletedProcess(command, returncode, stdout, b"")

    monkeypatch.setattr(unusual_audio.subprocess, "run", crashed)
    with pytest.raises(InputError, match="the decoder gave up on it") as caught:
        read_wav(path)
    assert caught.value.fault == "RC-302"


def test_a_decoder_that_never_ends_is_left(tmp_path, x, monkeypatch):
    path = tmp_path / "a.flac"
    soundfile.write(path, x, FS)

    def endless(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(unusual_audio.subprocess, "run", endless)
    with pytest.raises(InputError, match="more than 600 s"):
        read_wav(path)


def test_what_is_no_audio_is_refused_by_its_name(tmp_path):
    for name, fault in (("x.flac", "RC-302"), ("x.doc", "RC-314")):
        (tmp_path / name).write_bytes(b"fLaC" + bytes(200))
        with pytest.raises(InputError) as caught:
            read_wav(tmp_path / name)
        assert caught.value.fault == fault


def test_the_other_process_knows_nothing_of_the_rest(tmp_path, x):
    """It starts quickly, and a fault in it reaches as little as can be."""
    code = (
        "import sys, roomcal.files.audio_child; print([m for m in sys.modules if 'roomcal' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['roomcal', 'roomcal.files', 'roomcal.files.audio_child']"
    path = tmp_path / "a.flac"
    soundfile.write(path, x, FS)
    assert decode(path).error == ""

import contextlib
import struct

import numpy as np
import pytest
import scipy.io.wavfile
import soundfile

from roomcal.errors import InputError, StorageError
from roomcal.files.wav import inspect_audio, read_mono, read_wav, write_wav

FS = 48000
# Largest error of a subtype: half a step of its grid, with room for its scale.
SUBTYPES = {
    "PCM_U8": 2**-7,
    "PCM_16": 2**-15,
    "PCM_24": 2**-23,
    "PCM_32": 2**-31,
    "FLOAT": 2**-24,
    "DOUBLE": 0.0,
    "ULAW": 2**-5,
    "ALAW": 2**-5,
    "IMA_ADPCM": 0.1,
}


@pytest.fixture
def samples():
    t = np.arange(5000) / FS
    return np.stack([0.5 * np.sin(2 * np.pi * 440 * t), 0.25 * np.cos(2 * np.pi * 330 * t)])


@pytest.mark.parametrize("sample_format", ["float32", "float64"])
def test_other_programs_read_what_is_written(tmp_path, samples, sample_format):
    path = tmp_path / "x.wav"
    write_wav(path, samples, FS, sample_format=sample_format)
    expected = samples.astype(sample_format)

    by_soundfile, fs = soundfile.read(path, dtype="float64")
    scipy_fs, by_scipy = scipy.io.wavfile.read(path)

    assert fs == scipy_fs == FS
    np.testing.assert_array_equal(by_soundfile.T, expected)
    np.testing.assert_array_equal(by_scipy.T, expected)


def test_what_is_written_comes_back_to_the_bit(tmp_path, samples):
    path = tmp_path / "x.wav"
    loud = 3.5 * samples  # beyond full scale
    write_wav(path, loud, 44100)

    wav = read_wav(path)

    np.testing.assert_array_equal(wav.samples, loud)
    assert wav.fs == 44100
    assert wav.subtype == "DOUBLE"


def test_the_same_samples_give_the_same_bytes(tmp_path, samples):
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / name, samples, FS)

    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize("file_format", ["WAV", "WAVEX", "RF64", "AIFF"])
@pytest.mark.parametrize("subtype", SUBTYPES)
def test_every_subtype_is_read(tmp_path, samples, subtype, file_format):
    if not soundfile.check_format(file_format, subtype):
        return  # no such file exists
    path = tmp_path / ("x.aiff" if file_format == "AIFF" else "x.wav")
    soundfile.write(path, samples.T, FS, subtype=subtype, format=file_format)

    wav = read_wav(path)

    assert wav.subtype == subtype
    assert wav.samples.shape[0] == 2
    # An adaptive code needs some samples to find its step.
    np.testing.assert_allclose(
        wav.samples[:, 100:5000], samples[:, 100:], atol=SUBTYPES[subtype] + 1e-15
    )


@pytest.mark.parametrize("suffix", ["flac", "ogg", "w64", "caf"])
def test_other_containers_are_read(tmp_path, samples, suffix):
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, samples.T, FS)

    assert read_wav(path).samples.shape == samples.shape


def test_the_header_is_inspected_without_the_samples(tmp_path, samples):
    path = tmp_path / "x.wav"
    soundfile.write(path, samples.T, 96000, subtype="PCM_24")

    info = inspect_audio(path)

    assert (info.n_channels, info.n_samples, info.fs, info.subtype) == (2, 5000, 96000, "PCM_24")


def refused(path, fault, *parts, read=read_wav):
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.fault == fault
    for part in parts:
        assert part in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW"])
@pytest.mark.parametrize("file_format", ["WAV", "WAVEX", "RF64"])
def test_a_truncated_file_is_refused_with_both_counts(tmp_path, samples, subtype, file_format):
    path = tmp_path / "take-2.wav"
    soundfile.write(path, samples.T, FS, subtype=subtype, format=file_format)
    whole = path.read_bytes()
    data_at = whole.index(b"data") + 8
    path.write_bytes(whole[: data_at + (len(whole) - data_at) // 2])

    error = refused(path, "RC-302", "take-2.wav has ", " of 5000 samples")

    assert error.evidence["have"] == pytest.approx(2500, abs=40)  # RIFF chunks may follow


def test_our_own_truncated_file_is_refused_with_both_counts(tmp_path):
    path = tmp_path / "take-2.wav"
    write_wav(path, np.zeros((1, 5000)), FS, sample_format="float32")
    path.write_bytes(path.read_bytes()[: -4 * 2501])

    refused(path, "RC-302", "take-2.wav has 2499 of 5000 samples", read=inspect_audio)


@pytest.mark.parametrize("suffix", ["aiff", "w64", "flac", "caf"])
def test_other_truncated_containers_are_refused(tmp_path, samples, suffix):
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, samples.T, FS)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    refused(path, "RC-302", "x.")


def test_a_file_that_may_not_be_read_is_refused(tmp_path, samples, monkeypatch):
    path = tmp_path / "x.wav"
    write_wav(path, samples, FS)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(path), "open", denied)
    refused(path, "RC-301", "Permission denied")


def test_random_damage_to_the_header_is_never_a_crash(tmp_path, samples, rng):
    path = tmp_path / "x.wav"
    soundfile.write(path, samples[0], FS, subtype="PCM_16")
    whole = path.read_bytes()
    for _ in range(200):
        damaged = bytearray(whole)
        for at in rng.integers(0, 44, 3):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):
            assert read_wav(path).samples.size > 0


@pytest.mark.parametrize("kept", [4, 11, 12, 20, 36, 40])
def test_a_file_that_ends_in_its_header_is_refused(tmp_path, samples, kept):
    path = tmp_path / "x.wav"
    soundfile.write(path, samples.T, FS, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:kept])

    refused(path, "RC-302", "x.wav")


def test_a_header_without_samples_is_refused(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros((0, 1)), FS, subtype="PCM_16")

    refused(path, "RC-302", "holds no samples")


def test_a_recording_that_was_never_closed_says_so(tmp_path, samples):
    path = tmp_path / "x.wav"
    soundfile.write(path, samples[0], FS, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[at + 4 : at + 8] = struct.pack("<I", 0)
    path.write_bytes(data)

    refused(path, "RC-302", "never finished", "5000 follow")


def test_chunks_after_the_audio_do_no_harm(tmp_path, samples):
    path = tmp_path / "x.wav"
    soundfile.write(path, samples[0], FS, subtype="PCM_16")
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 4) + b"INFO")

    assert read_mono(path).samples.shape == (1, 5000)


def test_a_stream_of_unknown_length_is_read(tmp_path, samples):
    # Programs that write to a pipe cannot go back to fill in the sizes.
    path = tmp_path / "x.wav"
    soundfile.write(path, samples[0], FS, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[4:8] = data[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    path.write_bytes(data)

    assert inspect_audio(path).n_samples == 5000


def test_what_is_no_audio_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "notes.wav").write_text("hello, I am no WAV file at all")
    (tmp_path / "empty.wav").touch()

    refused(tmp_path / "notes.txt", "RC-314", "notes.txt")
    refused(tmp_path / "notes.wav", "RC-302", "notes.wav")
    refused(tmp_path / "empty.wav", "RC-302", "0 bytes")


def test_missing_files_and_folders_are_refused(tmp_path):
    refused(tmp_path / "nowhere.wav", "RC-301", "nowhere.wav", "No such file")
    refused(tmp_path, "RC-301", "is a folder")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_named(tmp_path, samples, bad):
    spoiled = samples.copy()
    spoiled[1, 2400] = bad
    spoiled[0, 3000] = bad
    path = tmp_path / "x.wav"
    soundfile.write(path, spoiled.T, FS, subtype="DOUBLE")

    error = refused(path, "RC-303", "sample 2400 of channel 2 (0.050 s)", "2 in all")

    assert error.evidence["sample"] == 2400


def test_stereo_is_refused_where_one_channel_is_needed(tmp_path, samples):
    path = tmp_path / "x.wav"
    write_wav(path, samples, FS)

    refused(path, "RC-305", "x.wav has 2 channels", read=read_mono)


def test_writing_where_it_cannot_be_written_is_a_storage_fault(tmp_path, samples):
    with pytest.raises(StorageError) as caught:
        write_wav(tmp_path / "no-folder" / "x.wav", samples, FS)

    assert caught.value.fault == "RC-601"


def test_an_older_file_survives_a_write_that_fails(tmp_path, samples):
    path = tmp_path / "x.wav"
    write_wav(path, samples, FS)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="NaN"):
        write_wav(path, np.full((1, 10), np.nan), FS)

    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]

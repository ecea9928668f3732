"""Responses of other programs: what they say arrives exactly, what they cannot say is refused."""

import runpy
import struct
from pathlib import Path
from types import SimpleNamespace

import netCDF4
import numpy as np
import pytest
import soundfile

from roomcal.cli.main import cli
from roomcal.errors import InputError
from roomcal.files.raw_float64 import read_dbl
from roomcal.files.response_files import RESPONSE_KINDS, read_responses
from roomcal.files.rew_text import read_rew_text, read_text_measurement
from roomcal.files.sofa import read_sofa

STREAM = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("java_stream.py"))))
MAGIC, END = STREAM.MAGIC, STREAM.END
utf, class_of, floats = STREAM.utf, STREAM.class_of, STREAM.floats

FS = 48000
# The texts print four decimals of level and phase; the constants of the level have four too.
PRINTED_LEVEL_DB = 0.0006
PRINTED_PHASE_DEG = 0.01


@pytest.fixture
def h(rng):
    h = np.zeros(FS)
    h[480] = 1.0  # 10 ms after time 0
    h[480:] += 0.05 * rng.standard_normal(FS - 480) * np.exp(-np.arange(FS - 480) / 2400)
    return h


def text_of(h, *, delimiter=" ", comma=False, smoothing="None", phase=True, step=1, top=20000.0):
    """Print a response as REW does."""
    f = np.fft.rfftfreq(h.size, 1 / FS)[1:]
    H = np.fft.rfft(h)[1:]
    keep = slice(9, int(np.searchsorted(f, top)), step)
    level = 20 * np.log10(np.abs(H)) + 100.0
    lines = [
        "* Measurement data measured by REW V5.31.3",
        "* Dated: Oct 1, 2020 8:33:03 PM",
        "*  Target level: 75.0 dB",
        "* Measurement: Links, vorn",
        f"* Smoothing: {smoothing}",
        "* Freq(Hz) SPL(dB) Phase(degrees)",
    ]
    for fi, li, pi in zip(f[keep], level[keep], np.degrees(np.angle(H))[keep], strict=True):
        fields = [f"{fi:.6f}", f"{li:.4f}", f"{pi:.4f}"][: 3 if phase else 2]
        if comma:
            fields = [field.replace(".", ",") for field in fields]
        lines.append(delimiter.join(fields))
    return "\n".join(lines) + "\n"


FORMS = [
    (" ", False, "utf-8"),
    ("\t", False, "utf-8-sig"),
    (",", False, "ascii"),
    (", ", False, "cp1252"),
    (";", False, "utf-16"),
    (";", True, "utf-8"),
    ("\t", True, "utf-8"),
    (" ", True, "utf-8"),
]


@pytest.mark.parametrize(("delimiter", "comma", "encoding"), FORMS)
def test_a_text_export_becomes_the_response_that_it_prints(tmp_path, h, delimiter, comma, encoding):
    path = tmp_path / "L-p1.txt"
    path.write_bytes(text_of(h, delimiter=delimiter, comma=comma).encode(encoding))

    (found,) = read_responses(path)

    assert (found.fs, found.name) == (FS, "Links, vorn")
    assert found.samples.size == FS  # points 1 Hz apart are the bins of one second
    f = np.arange(20, 19900)
    ratio = np.fft.rfft(found.samples)[f] / np.fft.rfft(h)[f]
    ratio *= np.exp(2j * np.pi * f * 0.125)  # the file's time 0 stands at 125 ms
    # 100 dB SPL is what 0 dB was printed as; full scale, 120 dB SPL, is a sine of -3.01 dB rms.
    level_db = 20 * np.log10(np.abs(ratio)) - (100.0 - 120.0 + 3.0103)
    assert np.abs(level_db).max() < PRINTED_LEVEL_DB
    assert np.abs(np.degrees(np.angle(ratio))).max() < PRINTED_PHASE_DEG
    assert found.full_scale_db_spl == 120.0


def test_points_on_a_logarithmic_axis_give_the_response_too(tmp_path, h):
    f = 20.0 * 2 ** (np.arange(0, 10 * 96) / 96)
    t = np.arange(h.size) / FS
    # Points 0.7 % apart follow what comes and goes within some milliseconds of time 0.
    short = np.roll(h, -440) * np.exp(-t / 0.003)
    H = np.exp(-2j * np.pi * np.outer(f, t[:4000])) @ short[:4000]
    lines = zip(f, 20 * np.log10(np.abs(H)), np.degrees(np.angle(H)), strict=True)
    path = tmp_path / "L.frd"
    path.write_text("".join(f"{a:.4f} {b:.4f} {c:.3f}\n" for a, b, c in lines))

    (found,) = read_rew_text(path)

    t = np.arange(found.samples.size) / FS - 0.125
    again = np.array([np.exp(-2j * np.pi * x * t) @ found.samples for x in f])
    inside = (f > 25) & (f < 19000)
    assert np.abs(20 * np.log10(np.abs(again / H)))[inside].max() < 0.1
    assert found.full_scale_db_spl is None


def test_level_and_delay_between_two_speakers_are_kept(tmp_path, h):
    later = 10 ** (-1.37 / 20) * np.roll(h, 23)
    for name, x in (("L", h), ("R", later)):
        (tmp_path / f"{name}.txt").write_text(text_of(x))

    left, right = (read_responses(tmp_path / f"{name}.txt")[0].samples for name in "LR")

    f = np.fft.rfftfreq(left.size, 1 / FS)
    band = (f > 200) & (f < 5000)
    ratio = (np.fft.rfft(right) / np.fft.rfft(left))[band]
    assert np.mean(20 * np.log10(np.abs(ratio))) == pytest.approx(-1.37, abs=0.01)
    turn = np.unwrap(np.angle(ratio))
    delay = -np.polyfit(2 * np.pi * f[band] / FS, turn, 1)[0]
    assert delay == pytest.approx(23.0, abs=0.01)


def test_a_level_without_phase_becomes_minimum_phase_and_says_so(tmp_path, h):
    path = tmp_path / "L-p1.frd"
    path.write_text(text_of(h, phase=False))

    (found,) = read_rew_text(path)

    assert any("no phase" in note for note in found.notes)
    assert int(np.argmax(np.abs(found.samples))) == pytest.approx(0.125 * FS, abs=2)


@pytest.mark.parametrize("smoothing", ["1/6 octave", "Var smoothing", "Psychoacoustic", "1/48"])
def test_a_smoothed_export_is_refused_for_design(tmp_path, h, smoothing):
    path = tmp_path / "L.txt"
    path.write_text(text_of(h, smoothing=smoothing))

    assert read_text_measurement(path).smoothing == smoothing
    with pytest.raises(InputError, match="smoothed") as caught:
        read_rew_text(path)
    assert caught.value.fault == "RC-319"


def test_a_phase_that_cannot_be_followed_is_refused(tmp_path, h):
    path = tmp_path / "L.txt"
    path.write_text(text_of(np.roll(h, 20000), step=40))  # 0.43 s late, a point every 40 Hz

    with pytest.raises(InputError, match="phase turns") as caught:
        read_rew_text(path)
    assert caught.value.fault == "RC-319"


WRONG_TEXT = {
    "falling": ("20 60 0\n30 61 0\n25 62 0\n", "line 3: 25 Hz comes after 30 Hz"),
    "one column": ("20 60\n30\n", "line 2: a level is missing"),
    "words": ("20 60\n30 61\nend of file\n", "line 3: 'end of file'"),
    "word for level": ("20 60\n30 loud\n", "line 2: 'loud' is no number"),
    "nan": ("20 60\n30 nan\n", "line 2: 'nan' is no number"),
    "underscore": ("20 60\n3_0 61\n", "line 2: '3_0' is no number"),
    "huge": ("20 60\n30 1e300\n", "line 2"),
    "both commas": ("20,5,61,2\n21,5,61,2\n", "line 1: '20,5,61,2'|2 usable|same comma"),
    "mixed": ("20.5 61,2\n", "line 1.*mixes decimal points and commas"),
    "nothing": ("* nothing\n", "line 1: the text ends after 0 usable points"),
    "endless line": ("20 60\n" + "9" * 5000 + "\n", "line 2: it has 5001 characters"),
    "impedance": ("* Freq(Hz) Z(ohms) Phase\n20 6 0\n30 7 0\n", "impedance"),
    "ultrasound": ("20 60\n500000 61\n", "reaches to 500000 Hz"),
}


@pytest.mark.parametrize("name", WRONG_TEXT)
def test_a_wrong_line_is_named(tmp_path, name):
    text, message = WRONG_TEXT[name]
    path = tmp_path / "L.txt"
    path.write_text(text)

    with pytest.raises(InputError, match=message):
        read_rew_text(path)


@pytest.mark.parametrize(
    ("name", "fs"), [("Cor1L48", 48000), ("Cor1R44", 44100), ("x_192k", 192000), ("y96000", 96000)]
)
def test_bare_floats_take_their_rate_from_the_name(tmp_path, rng, name, fs):
    x = rng.standard_normal(100)
    (tmp_path / f"{name}.dbl").write_bytes(x.astype("<f8").tobytes())

    (found,) = read_dbl(tmp_path / f"{name}.dbl")

    assert found.fs == fs
    np.testing.assert_array_equal(found.samples, x)


def test_bare_floats_that_are_none_are_refused_with_their_byte(tmp_path):
    path = tmp_path / "L48.dbl"
    cases = {
        b"\0" * 12: "byte 8: the last number is cut off",
        np.array([0.5, np.nan]).tobytes(): "byte 8",
        np.array([0.5, 0.1, 1e200]).tobytes(): "byte 16",
        np.zeros(4).tobytes(): "silent",
        b"": "empty",
    }
    for data, message in cases.items():
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_dbl(path)
    path = tmp_path / "L.dbl"
    path.write_bytes(np.ones(4).tobytes())
    with pytest.raises(InputError, match="does not say its sample rate"):
        read_dbl(path)


def sofa_file(path, samples, *, delay=(), convention="SingleRoomSRIR", fs=FS):
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.SOFAConventions, file.DataType = convention, "FIR"
        for name, n in zip("MRNI", (*samples.shape, 1), strict=True):
            file.createDimension(name, n)
        file.createVariable("Data.IR", "f8", ("M", "R", "N"))[:] = samples
        file.createVariable("Data.SamplingRate", "f8", ("I",))[:] = fs
        if len(delay):
            file.createVariable("Data.Delay", "f8", ("I", "R"))[:] = np.array(delay)
    return path


@pytest.mark.parametrize("convention", ["SingleRoomSRIR", "GeneralFIR"])
def test_sofa_gives_every_receiver_of_every_measurement(tmp_path, rng, convention):
    samples = rng.standard_normal((2, 2, 300))

    found = read_sofa(sofa_file(tmp_path / "x.sofa", samples, convention=convention))

    assert [r.name for r in found] == ["m1-r1", "m1-r2", "m2-r1", "m2-r2"]
    assert {r.fs for r in found} == {FS}
    np.testing.assert_array_equal([r.samples for r in found], samples.reshape(4, 300))


def test_the_delays_of_sofa_are_kept_between_receivers(tmp_path):
    pulse = np.zeros((1, 2, 256))
    pulse[..., 100] = 1.0

    whole = read_sofa(sofa_file(tmp_path / "a.sofa", pulse, delay=[[3.0, 10.0]]))
    parts = read_sofa(sofa_file(tmp_path / "b.sofa", pulse, delay=[[3.0, 10.25]]))

    assert [int(np.argmax(r.samples)) for r in whole] == [103, 110]
    a, b = (np.fft.rfft(r.samples, 1024) for r in parts)
    turn = np.unwrap(np.angle(b[10:300] / a[10:300]))
    delay = -np.polyfit(2 * np.pi * np.arange(10, 300) / 1024, turn, 1)[0]
    assert delay == pytest.approx(7.25, abs=0.01)


def test_a_sofa_file_that_is_none_is_refused(tmp_path, rng):
    path = tmp_path / "x.sofa"
    path.write_bytes(b"not HDF5")
    with pytest.raises(InputError, match="at byte 0"):
        read_sofa(path)
    whole = sofa_file(tmp_path / "y.sofa", rng.standard_normal((1, 1, 9000))).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError) as caught:
        read_sofa(path)
    assert caught.value.fault == "RC-318"
    bomb = np.zeros((1, 1, 1))
    sofa_file(tmp_path / "z.sofa", bomb)
    with netCDF4.Dataset(tmp_path / "bomb.sofa", "w") as file:
        file.SOFAConventions, file.DataType = "GeneralFIR", "FIR"
        for name, n in zip("MRN", (1000, 1000, 1000), strict=True):
            file.createDimension(name, n)
        file.createVariable("Data.IR", "f8", ("M", "R", "N"), zlib=True)
    with pytest.raises(InputError, match="would take 8000000000 bytes"):
        read_sofa(tmp_path / "bomb.sofa")


def java_object(name, **fields):
    """Write an object whose fields are floats, strings, or objects that are written already."""
    codes, values = [], b""
    for key, value in fields.items():
        if isinstance(value, float):
            codes.append(("D", key))
            values += struct.pack(">d", value)
        elif isinstance(value, str):
            codes.append(("L", key))
            values += b"\x74" + utf(value)
        else:
            codes.append(("L", key))
            values += value
    # Primitive fields come first in a stream, as Java sorts them.
    assert codes == sorted(codes, key=lambda c: c[0] == "L")
    return b"\x73" + class_of(name, *codes) + values


def mdat(*measurements):
    return MAGIC + b"\x74" + utf("REW Measurement Data File V2") + b"".join(measurements)


def measurement(samples, *, step_s=1 / 96000, name="L"):
    stored = java_object("x.SampledData", T=step_s, startTime=-0.001, data=floats(samples))
    ir = java_object("x.IRData", splOffset=120.5, ir=stored)
    return java_object("x.MeasData", sampleRate=48000.0, shortDesc=name, irData=ir)


def test_an_mdat_gives_each_response_at_the_rate_of_its_own_step(tmp_path, rng):
    x = rng.standard_normal(64).astype(np.float32)
    path = tmp_path / "two.mdat"
    path.write_bytes(mdat(measurement(x, name="L"), measurement(-x, name="R")))

    left, right = read_responses(path)

    assert (left.name, right.name, left.fs) == ("L", "R", 96000)
    np.testing.assert_array_equal(left.samples, x)
    np.testing.assert_array_equal(right.samples, -x)
    assert left.time_reference == "none"
    assert left.full_scale_db_spl == pytest.approx(120.5 - 3.0 + 3.0103, abs=1e-4)


def test_an_mdat_without_a_usable_response_is_refused(tmp_path):
    path = tmp_path / "x.mdat"
    cases = {
        mdat(): "no impulse response",
        MAGIC + b"\x74" + utf("something else"): "not one of REW's",
        mdat(measurement([0.0, 0.0])): "is silent",
        mdat(measurement([1.0, np.nan])): "sample 1 is no number",
        mdat(measurement([1.0, 0.0], step_s=1.0)): "time step of 1 s",
        mdat(measurement([1.0, 0.0])[:-3]): "at byte",
        mdat(measurement([1.0, 0.0])) + END: "at byte",
    }
    for data, message in cases.items():
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_responses(path)


def test_several_responses_become_positions_or_speakers(runner, rng):
    with open("two.mdat", "wb") as file:  # noqa: PTH123 - the runner's own folder
        file.write(mdat(*(measurement(rng.standard_normal(4000), name=n) for n in "AB")))

    unnamed = runner.invoke(cli, ["import", "two.mdat"])
    positions = runner.invoke(cli, ["import", "two.mdat", "--speaker", "L", "--session", "a"])
    speakers = runner.invoke(cli, ["import", "two.mdat", "--speaker", "L,R", "--session", "b"])

    assert unnamed.exit_code == 3
    assert "holds 2 responses: A, B" in unnamed.output
    assert "L at p2" in positions.output
    assert "R at p1" in speakers.output


def test_a_rate_that_contradicts_the_file_is_refused(tmp_path, rng):
    path = tmp_path / "L.wav"
    soundfile.write(path, rng.uniform(-0.5, 0.5, 100), FS)

    with pytest.raises(InputError, match="has 48000 Hz, not 44100 Hz"):
        read_responses(path, fs=44100)


def test_calibration_that_is_not_there_cannot_be_taken_out(runner, rng):
    soundfile.write("L-p1.wav", rng.uniform(-0.5, 0.5, 4000), FS)

    done = runner.invoke(cli, ["import", "L-p1.wav", "--calibrate"])

    assert done.exit_code == 3
    assert "RC-315" in done.output


def test_every_kind_of_response_is_documented():
    page = (Path(__file__).parents[1] / "docs" / "measuring.md").read_text(encoding="utf-8")

    assert [k for k, v in RESPONSE_KINDS.items() if v.description not in page] == []

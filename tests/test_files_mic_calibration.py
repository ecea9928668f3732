"""Microphone calibrations in the dialects of their makers; what is odd is said, with its line."""

import numpy as np
import pytest

from roomcal.errors import InputError
from roomcal.files.mic_calibration import (
    read_mic_calibration,
    refuse_other_microphone,
    sparkline,
)
from roomcal.model.curve import Curve
from roomcal.model.studio import Microphone

# Twelve points, so that nothing but what a test is about is odd.
F_HZ = [10.0 * 2.0**n for n in range(12)]
LEVEL_DB = [-6.5, -3.25, -1.5, -0.5, 0.0, 0.0, 0.25, 0.0, 0.5, 1.25, -0.5, -3.0]


def rows(template="{:g} {:g}", *, end="\n"):
    return "".join(template.format(f, level) + end for f, level in zip(F_HZ, LEVEL_DB, strict=True))


UMIK = '"Sens Factor =-13.47dB, AGain =18dB, SERNO: 8105623"'
DIALECTS = {
    "miniDSP": UMIK + "\r\n" + rows("{:g}\t{:g}", end="\r\n"),
    "miniDSP 90 degrees": UMIK
    + '\n"Auto-generated 90-degree calibration file"\n'
    + rows("{:g}\t{:g}"),
    "miniDSP unquoted": UMIK.strip('"') + "\n" + rows("{:g}\t{:g}"),
    "OmniMic": '"Sens Factor =-.6162dB, SERNO: 123"\n' + rows("{:g} {:g} 0.0"),
    "Dayton": "*1000Hz\t-37.4\n\n" + rows("{:g}\t{:g}"),
    "Cross-Spectrum": rows("{:g} {:g} 0"),
    "Earthworks": '"Transfer Function Mag - dB volts/volts"\n"Hz" "Data"\n' + rows("{:>9g}, {:g}"),
    "ARTA": "* ARTA\n; a comment\n" + rows("{:g}  {:g}  12.5"),
    "REW sound card": "Sample Rate: 48000\n0 -9.38\n" + rows(),
    "old Macintosh line ends": rows(end="\r"),
    "a title that begins with a number": "2 inch microphone\n" + rows(),
    "semicolons": rows("{:g};{:g}"),
    "byte order mark": "\ufeff" + rows(),
}


@pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS.keys())
def test_every_maker_says_the_same(tmp_path, text):
    path = tmp_path / "mic.txt"
    path.write_bytes(text.encode())

    read = read_mic_calibration(path)

    np.testing.assert_array_equal(read.curve.f_hz, F_HZ)
    np.testing.assert_array_equal(read.curve.level_db, LEVEL_DB)
    assert read.warnings == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
def test_text_is_read_in_the_encodings_of_windows(tmp_path, encoding):
    path = tmp_path / "mic.txt"
    path.write_bytes(("* für MÜLLER\n" + rows()).encode(encoding))

    np.testing.assert_array_equal(read_mic_calibration(path).curve.level_db, LEVEL_DB)


@pytest.mark.parametrize("template", ["{:g};{:g}", "{:g}\t{:g}", "{:g} {:g}"])
def test_a_decimal_comma_is_a_decimal_point(tmp_path, template):
    text = "".join(
        template.format(f, level).replace(".", ",") + "\n"
        for f, level in zip(F_HZ, LEVEL_DB, strict=True)
    )
    path = tmp_path / "mic.txt"
    path.write_text(text)

    np.testing.assert_array_equal(read_mic_calibration(path).curve.level_db, LEVEL_DB)


def test_what_the_maker_says_beside_the_data_is_kept(tmp_path):
    path = tmp_path / "8105623.txt"
    path.write_text(DIALECTS["miniDSP 90 degrees"])

    read = read_mic_calibration(path)

    assert (read.sens_factor_db, read.again_db) == (-13.47, 18.0)
    assert (read.serial, read.incidence_deg) == ("8105623", 90)
    assert (read.sensitivity_hz, read.sensitivity_db) == (None, None)


def test_a_sensitivity_of_dayton_is_kept(tmp_path):
    path = tmp_path / "imm6_0deg.txt"
    path.write_text(DIALECTS["Dayton"])

    read = read_mic_calibration(path)

    assert (read.sensitivity_hz, read.sensitivity_db) == (1000.0, -37.4)
    assert read.incidence_deg == 0  # the file's name says it
    assert read.sens_factor_db is None


def test_a_value_without_a_leading_zero_is_a_number(tmp_path):
    path = tmp_path / "mic.txt"
    path.write_text('"Sens Factor =-.6162dB, SERNO: 7047870"\n' + rows())

    assert read_mic_calibration(path).sens_factor_db == -0.6162


BAD = {
    "words in the middle": ("20 0\n40 0\nhello\n80 0\n", "line 3: 'hello'"),
    "twice the same frequency": ("20 0\n40 1\n20 2\n", "line 3: 20 Hz stands in line 1 already"),
    "no level": ("20 0\n40\n", "line 2: a level is missing"),
    "below 0 Hz": ("0 0\n20 0\n-40 0\n80 0\n", "line 3: there is no frequency of -40 Hz"),
    "not finite": ("20 0\n40 nan\n", "line 2"),
    "a phase for a level": ("20 0\n40 -173.2\n", "line 2: -173.2 dB.*phase in degrees"),
    "more than a microphone can be": ("20 0\n40 41\n", "line 2: 41 dB"),
    "a pressure for a level": ("20 0\n40 9400\n", "line 2: 9400 dB"),
    "one comma for two things": ("20,5,-1,2\n40,0,0,3\n", "line 1.*same comma"),
    "points and commas": ("20.0 -1,5\n", "line 1.*mixes"),
    "one point": ("* title\n20 0\n", "1 usable points"),
    "nothing": ("", "0 usable points"),
}


@pytest.mark.parametrize(("text", "gist"), BAD.values(), ids=BAD.keys())
def test_a_line_that_cannot_be_used_is_named(tmp_path, text, gist):
    path = tmp_path / "mic.txt"
    path.write_text(text)

    with pytest.raises(InputError, match=gist) as caught:
        read_mic_calibration(path)

    assert caught.value.fault == "RC-307"
    assert "--no-cal" in caught.value.hint


def test_a_file_that_is_not_there_can_be_done_without(tmp_path):
    with pytest.raises(InputError, match=r"mic\.txt") as caught:
        read_mic_calibration(tmp_path / "mic.txt")

    assert caught.value.fault == "RC-301"
    assert "--no-cal" in caught.value.hint


ODD = {
    "unsorted": ("\n".join(reversed(rows().splitlines())), "line 2: 10240 Hz comes after 20480 Hz"),
    "few points": ("20 0\n1000 0\n20000 0\n", "3 points only"),
    "not 0 dB at 1 kHz": (rows().replace("0.25\n", "0.25\n900 3\n1100 3\n"), "3.0 dB at 1 kHz"),
    "a part of the range": ("".join(f"{n * 10} 0\n" for n in range(1, 30)), "from 10 Hz to 290 Hz"),
}


@pytest.mark.parametrize(("text", "gist"), ODD.values(), ids=ODD.keys())
def test_what_is_odd_can_be_used_and_is_said(tmp_path, text, gist):
    path = tmp_path / "mic.txt"
    path.write_text(text)

    read = read_mic_calibration(path)

    assert any(gist in warning for warning in read.warnings)
    assert (np.diff(read.curve.f_hz) > 0).all()


CONTRADICTIONS = [
    (Microphone(serial="7000001"), "is for the microphone 8105623; studio.toml names 7000001"),
    (Microphone(incidence_deg=0), "is for 90 degrees .*studio.toml says 0 degrees"),
]


@pytest.mark.parametrize(("own", "gist"), CONTRADICTIONS)
def test_the_file_of_another_microphone_is_refused(tmp_path, own, gist):
    path = tmp_path / "mic.txt"
    path.write_text(DIALECTS["miniDSP 90 degrees"])
    read = read_mic_calibration(path)

    with pytest.raises(InputError, match=gist):
        refuse_other_microphone(read, own, path=path)


@pytest.mark.parametrize("own", [Microphone(), Microphone(serial="8105623", incidence_deg=90)])
def test_what_the_studio_leaves_open_or_repeats_is_fine(tmp_path, own):
    path = tmp_path / "mic.txt"
    path.write_text(DIALECTS["miniDSP 90 degrees"])

    refuse_other_microphone(read_mic_calibration(path), own, path=path)


def test_a_curve_is_drawn_from_low_to_high():
    drawing = sparkline(Curve([20.0, 20480.0], [-5.0, 5.0]))

    assert drawing == "20 Hz ▁▂▂▃▄▄▅▆▇▇█ 20 kHz, -5.0 to +5.0 dB"

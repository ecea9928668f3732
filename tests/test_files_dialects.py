"""The same numbers in every dialect, encoding and line end that programs print them in."""

import numpy as np
import pytest
import scipy.signal

from roomcal.errors import InputError
from roomcal.files.bank_files import filter_bank, read_filter_text
from roomcal.files.mic_calibration import read_mic_calibration
from roomcal.files.rew_text import read_text_measurement

POINTS = [(20.0, -1.5), (100.5, 0.25), (1000.0, 0.0), (10000.0, 0.5), (20000.0, -2.25)]


def points(separator=" ", decimal=".", *, extra="", form="{:.3f}", end="\n"):
    rows = []
    for numbers in POINTS:
        fields = [form.format(number).replace(".", decimal) for number in numbers]
        rows.append(separator.join([*fields, *([extra] if extra else [])]) + end)
    return "".join(rows)


MICROPHONES = {
    "UMIK, line ends of Windows": '"Sens Factor =-12.07dB, AGain =18dB, SERNO: 8108494"\r\n'
    + points("\t", end="\r\n"),
    "UMIK without quotes": "Sens Factor =-.6162dB, SERNO: 8108494\n" + points("\t"),
    "UMIK at 90 degrees": '"Sens Factor =-1dB"\n"Auto-generated 90-degree calibration file"\n'
    + points("\t"),
    "numbers that begin with a point": "20 -1.5\n100.5 .25\n1000 0\n10000 .5\n20000 -2.25\n",
    "decimal commas, tabs": points("\t", ","),
    "decimal commas, semicolons": points("; ", ","),
    "decimal commas, blanks": points("  ", ","),
    "decimal commas, semicolons at the end": points(";", ",", end=";\n"),
    "Dayton": "*1000Hz\t-37.4\r\n" + points("\t", end="\r\n"),
    "Dayton with a comma": "*1000 Hz  -37,4 dB\n" + points("\t", ","),
    "Cross-Spectrum": points(extra="0.0"),
    "Earthworks": '"Transfer Function Mag - dB volts/volts"\n"Hz" "Data"\n'
    "     20.000,   -1.500\n    100.500,    0.250\n   1000.000,    0.000\n"
    "  10000.000,    0.500\n  20000.000,   -2.250\n",
    "comma-separated with a title": '"Freq (Hz)","Mag (dB)"\n' + points(","),
    "REW sound card, from 0 Hz": "Sample Rate: 48000\n0 -9.38\n" + points(),
    "line ends of old Macs": points(end="\r"),
    "falling": "".join(reversed(points().splitlines(keepends=True))),
    "exponents": points(form="{:.4E}"),
    "exponents with decimal commas": points("\t", ",", form="{:.4E}"),
    "a title that begins with a number": "90 degree calibration\n" + points(),
    "comments behind the numbers": points(extra="; as measured"),
    "a comment at the end": points() + "\n* end of file\n",
    "empty lines between": "\n\n" + points(end="\n\n"),
    "the end mark of old systems": points() + "\x1a",
    "zeros at the end": points() + "\0\0\0",
    "the minus sign of typesetters": points().replace("-", "\u2212"),
    "blanks in thousands": points(";", ",", form="{:,.3f}")
    .replace("1,000", "1\u00a0000")
    .replace("10,000", "10\u00a0000")
    .replace("20,000,", "20\u00a0000,"),
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")


@pytest.mark.parametrize("name", MICROPHONES)
def test_a_microphone_has_the_same_response_in_every_dialect(tmp_path, name):
    path = tmp_path / "mic.txt"
    tried = 0
    for encoding in ENCODINGS:
        try:
            path.write_bytes(MICROPHONES[name].encode(encoding))
        except UnicodeEncodeError:
            continue
        curve = read_mic_calibration(path).curve
        np.testing.assert_allclose(curve.f_hz, [f for f, _ in POINTS], rtol=1e-4)
        np.testing.assert_allclose(curve.level_db, [level for _, level in POINTS], atol=1e-3)
        tried += 1
    assert tried >= 5


ROWS = [(20.616, 63.613, -12.5), (100.25, 70.125, 170.25), (1000.5, 65.0, -179.0)]
ROWS += [(12345.678, 60.0, 0.0)]
REW_HEADER = (
    "* Measurement data measured by REW V5.19\n* Source: x, y; z\n"
    "* Format: 256k Log Swept Sine, 1 sweep at -12.0 dBFS with no timing reference\n"
    "* Dated: 1. Okt. 2020 08:33:03\n* REW Settings:\n*  C-weighting compensation: Off\n"
    "*  Target level: 75.0 dB\n* Note: 20 30 40\n* Measurement: L: Jan 5; 3,4\n"
    "* Smoothing: None\n* Frequency Step: 0.25 Hz\n* Start Frequency: 20.0 Hz\n*\n"
    "* Freq(Hz) SPL(dB) Phase(degrees)\n"
)


def rows(separator, decimal=".", *, thousands="", end="\n"):
    text = []
    for f, level, phase in ROWS:
        frequency = f"{f:,.3f}".replace(",", "T").replace(".", decimal).replace("T", thousands)
        rest = [f"{level:.3f}".replace(".", decimal), f"{phase:.4f}".replace(".", decimal)]
        text.append(separator.join([frequency, *rest]) + end)
    return "".join(text)


EXPORTS = {
    "blanks": rows(" "),
    "tabs": rows("\t"),
    "commas": rows(","),
    "commas and blanks": rows(", "),
    "semicolons": rows(";"),
    "semicolons, decimal commas": rows(";", ","),
    "tabs, decimal commas": rows("\t", ","),
    "blanks, decimal commas": rows(" ", ","),
    "no-break thousands": rows(";", ",", thousands="\u00a0"),
    "narrow thousands": rows("\t", ",", thousands="\u202f"),
    "points in thousands": rows("\t", ",", thousands="."),
    "commas in thousands": rows("\t", thousands=","),
    "blanks in thousands": rows(";", ",", thousands=" "),
    "apostrophes in thousands": rows("\t", thousands="'"),
    "tabs at the end": rows("\t", end="\t\n"),
    "the minus sign of typesetters": rows("\t", ",").replace("-", "\u2212"),
    "fields in quotes": "".join(f'"{line}"\n' for line in rows('","').splitlines()),
}


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_measurement_has_the_same_numbers_in_every_dialect(tmp_path, name, end):
    path = tmp_path / "m.txt"
    for encoding in ENCODINGS:
        text = (REW_HEADER + EXPORTS[name]).replace("\n", end)
        try:
            path.write_bytes(text.encode(encoding))
        except UnicodeEncodeError:
            continue
        read = read_text_measurement(path)
        got = np.array([read.curve.f_hz, read.curve.level_db, read.curve.phase_deg]).T
        np.testing.assert_allclose(got, ROWS)
        assert (read.smoothing, read.name) == ("None", "L: Jan 5; 3,4")
        assert read.is_spl


F_POINTS = np.geomspace(20.0, 20000.0, 1000)
FILTERS = {
    "without a number": "Filter: ON PK Fc 100 Hz Gain -3.0 dB Q 1.41\n",
    "without blanks": "Filter 1: ON PK Fc 100Hz Gain -3dB Q 1.41\n",
    "small letters": "filter 1: on pk fc 100 hz gain -3.0 db q 1.41\n",
    "a plus": "Preamp: +2 dB\r\nFilter 1: ON PK Fc 100 Hz Gain -5.0 dB Q 1.41\r\n",
    "for a channel": "Channel: L R\nPreamp: 0dB\nFilter 1: ON PK Fc 100 Hz Gain -3 dB Q 1.41\n",
    "FBQ2496": "Filter Settings file\n\nRoom EQ V5,01\n\nEqualiser: FBQ2496\nx\n"
    "Filter  1: ON  PEQ      Fc   100,0 Hz  Gain  -3,0 dB  BW Oct 1,000\nFilter  2: ON  None\n",
    "DSP1124P": "Filter Settings file\n\nEqualiser: DSP1124P\n"
    "Filter  1: ON  PA       Fc   100.0 Hz ( 100 +0)  Gain  -3.0 dB  BW/60 60.0\n",
    "graphic": "GraphicEQ: 20 0.0; 90 -3.0; 110 -3.0; 140 0.0\n",
    "graphic with decimal commas": "GraphicEQ: 140 0,0; 20 0,0; 90 -3,0; 110 -3,0\n",
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_cut_of_3_db_at_100_hz_is_one_in_every_dialect(tmp_path, name, encoding):
    path = tmp_path / "filters.txt"
    path.write_bytes(FILTERS[name].encode(encoding))

    bank, _ = filter_bank(path, read_filter_text(path), 48000)

    H = scipy.signal.freqz(bank.taps[0, 0], worN=[100.0], fs=48000)[1]
    assert 20 * np.log10(np.abs(H[0])) == pytest.approx(-3.0, abs=0.02)


def test_a_graphic_equaliser_has_its_level_between_its_points_at_every_rate(tmp_path):
    path = tmp_path / "GraphicEQ.txt"
    path.write_text("GraphicEQ: 100 2.0; 400 -4.0; 1600 0.0\n")
    f = np.array([50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 8000.0])
    wanted = [2.0, 2.0, -1.0, -4.0, -2.0, 0.0, 0.0]  # straight over the octaves
    for fs in (44100, 48000, 96000):
        bank, _ = filter_bank(path, read_filter_text(path), fs)
        H = scipy.signal.freqz(bank.taps[0, 0], worN=f, fs=fs)[1]
        np.testing.assert_allclose(20 * np.log10(np.abs(H)), wanted, atol=0.05)
        energy = np.cumsum(bank.taps[0, 0] ** 2)
        assert energy[round(0.001 * fs)] > 0.5 * energy[-1]  # the least phase: nothing waits


@pytest.mark.parametrize(
    "text", ["20 1.0; x 2.0", "20", "", "20 900.0", "0 1.0; 5 1.0", "20 1 2.0"]
)
def test_a_damaged_graphic_equaliser_is_refused_with_its_line(tmp_path, text):
    path = tmp_path / "GraphicEQ.txt"
    path.write_text(f"# made elsewhere\nGraphicEQ: {text}\n")

    with pytest.raises(InputError, match="line 2"):
        read_filter_text(path)


def test_a_graphic_equaliser_may_have_a_thousand_points(tmp_path):
    path = tmp_path / "GraphicEQ.txt"
    points = "; ".join(f"{f:.2f} {-3.0 if 80.0 < f < 125.0 else 0.0:.1f}" for f in F_POINTS)
    path.write_text(f"GraphicEQ: {points}\n")

    bank, _ = filter_bank(path, read_filter_text(path), 48000)

    H = scipy.signal.freqz(bank.taps[0, 0], worN=[100.0], fs=48000)[1]
    assert 20 * np.log10(np.abs(H[0])) == pytest.approx(-3.0, abs=0.02)


def test_many_graphic_equalisers_are_refused_before_they_cost_anything(tmp_path):
    path = tmp_path / "GraphicEQ.txt"
    path.write_text("GraphicEQ: 20 1.0; 30 2.0\n" * 300)

    with pytest.raises(InputError, match="line 5: more than 4 graphic"):
        read_filter_text(path)

"""Every type of filter that REW prints, as a line and in the table of its newer versions."""

import numpy as np
import pytest
import scipy.signal

from roomcal.errors import InputError
from roomcal.files.bank_files import filter_bank, read_filter_text

FS = 48000
EXACT_DB = 0.01  # taps end 140 dB below their peak
HEADER = (
    "Filter Settings file\n\nRoom EQ V5.31.3\nDated: May 18, 2025\n\nNotes:\n\n"
    "Equaliser: Generic\nFL\n"
)

# Line as REW prints it, then frequencies in Hz and the level there in dB.
LINES = {
    "PK       Fc   53.90 Hz  Gain  -6.00 dB  Q 10.000": {53.9: -6.0, 2000.0: 0.0},
    "Modal    Fc   89.40 Hz  Gain  -9.00 dB  Q 12.197  T60 target   300 ms": {89.4: -9.0},
    "LP       Fc   145.5 Hz ": {145.5: -3.01},
    "HP       Fc   166.0 Hz ": {166.0: -3.01},
    "LP1      Fc   300.0 Hz ": {300.0: -3.01, 10.0: -0.005},
    "HP1      Fc   370.0 Hz ": {370.0: -3.01, 3.7: -40.0},
    "LP Q     Fc   100.0 Hz  Q  2.000": {100.0: 6.02},
    "HP Q     Fc   100.0 Hz  Q  0.500": {100.0: -6.02},
    "LS Q     Fc   500.0 Hz  Gain   8.00 dB Q  0.707": {500.0: 4.0, 1.0: 8.0},
    "HS Q     Fc   630.0 Hz  Gain  -6.00 dB  Q  0.707": {630.0: -3.0, 20000.0: -6.0},
    "LS 12dB  Fc   315.0 Hz  Gain   6.00 dB": {1.0: 6.0, 20000.0: 0.0},
    "HS 6dB   Fc   250.0 Hz  Gain  -4.00 dB": {1.0: 0.0, 20000.0: -4.0},
    "Notch Q  Fc   100.0 Hz  Q  0.707": {10.0: -0.09},
    "All pass  Fc   100.0 Hz  Q  0.707": {50.0: 0.0, 100.0: 0.0, 5000.0: 0.0},
    "LSC 10.8 dB Fc     300 Hz  Gain   5.0 dB": {300.0: 2.5, 1.0: 5.0},
    "PK       Fc   2.00 kHz  Gain   3.00 dB  Q  1.00": {2000.0: 3.0},
    "PK       Fc   200 Hz  Gain   3.00 dB  BW 0.5 oct": {200.0: 3.0},
}


def level_db(path, f):
    bank, _ = filter_bank(path, read_filter_text(path), FS)
    return 20 * np.log10(np.abs(scipy.signal.freqz(bank.taps[0, 0], worN=f, fs=FS)[1]))


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_line_of_each_type_has_its_level(tmp_path, line, ends):
    path = tmp_path / "eq.txt"
    path.write_bytes(f"{HEADER}Filter  1: ON  {line}\n".replace("\n", ends).encode())

    f, wanted = np.array(list(LINES[line])), np.array(list(LINES[line].values()))

    np.testing.assert_allclose(level_db(path, f), wanted, atol=EXACT_DB + 0.02)


def test_a_notch_without_a_width_is_narrow_and_silent_at_its_centre(tmp_path):
    path = tmp_path / "eq.txt"
    path.write_text(f"{HEADER}Filter 17: ON  Notch    Fc   800.0 Hz \n")

    at, beside = level_db(path, np.array([800.0, 700.0]))

    assert at < -60.0
    assert beside > -0.2


def test_a_type_that_is_not_known_is_refused(tmp_path):
    path = tmp_path / "eq.txt"
    path.write_text(f"{HEADER}Filter 20: ON  L-T      Fc   50.00 Hz  Q   1.20 Fp 30 Qp 0.50\n")

    with pytest.raises(InputError, match="line 10: 'L-T' is no type"):
        read_filter_text(path)


TABLES = {
    "blanks": (
        "Notes:\nGeneric\nNumber Enabled Control Type Frequency(Hz) Gain(dB) Q Bandwidth(Hz)\n"
        "1 True Auto PK 63.50 -5.00 4.000 15.88\n2 False Auto PK 80.00 -3.00 2.000 40.00\n"
        "3 True Auto None\n4 True Manual PK 1000.00 2.50 1.410 709.2\n\nCompound_filters\n"
    ),
    "commas": (
        "Generic\nNumber, Enabled, Control, Type, Frequency(Hz), Gain(dB), Q, Bandwidth(Hz)\n"
        "1, True, Auto, PK, 63.50, -5.00, 4.000, 15.88\n"
        "2, True, Auto, PK, 1000.00, 2.50, 1.410, 709.2\n"
    ),
    "semicolons and decimal commas": (
        "Generic\r\nNumber;Enabled;Control;Type;Frequency(Hz);Gain(dB);Q;Bandwidth(Hz)\r\n"
        "1;True;Auto;PK;63,50;-5,00;4,000;15,88\r\n2;True;Auto;PK;1000,00;2,50;1,410;709,2\r\n"
    ),
    "tabs": (
        "Generic\nNumber\tEnabled\tControl\tType\tFrequency(Hz)\tGain(dB)\tQ\n"
        "1\tTrue\tAuto\tPK\t63.50\t-5.00\t4.000\n2\tTrue\tAuto\tPK\t1000.00\t2.50\t1.410\n"
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_by_its_columns(tmp_path, name):
    path = tmp_path / "filters.txt"
    path.write_bytes(TABLES[name].encode())

    found = read_filter_text(path, ("L",)).channels["L"].filters

    assert [(f.kind, f.f_hz, f.gain_db, f.width) for f in found] == [
        ("peak", 63.5, -5.0, 4.0),
        ("peak", 1000.0, 2.5, 1.41),
    ]


def test_a_table_with_a_damaged_row_is_refused_with_its_line(tmp_path):
    path = tmp_path / "filters.txt"
    path.write_text(TABLES["commas"].replace("63.50", "x"))

    with pytest.raises(InputError, match="line 3"):
        read_filter_text(path)


def test_a_row_without_a_type_is_refused_with_its_line(tmp_path):
    path = tmp_path / "filters.txt"
    path.write_text(TABLES["commas"].replace("1, True, Auto, PK", "1, True, Auto, "))

    with pytest.raises(InputError, match="line 3"):
        read_filter_text(path)

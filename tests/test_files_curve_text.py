"""Level curves in the dialects that people have on disk."""

import numpy as np
import pytest

from roomcal.errors import InputError
from roomcal.files.curve_text import read_curve

DIALECTS = {
    "blanks": b"20 -1.5\n1000   0\n20000 2\n",
    "tabs and CRLF": b"20\t-1.5\r\n1000\t0\r\n20000\t2\r\n",
    "commas": b"20,-1.5\n1000,0\n20000,2\n",
    "semicolons and decimal commas": b"20,0;-1,5\n1000;0,0\n20000;2\n",
    "title line": b"frequency,raw\n20,-1.5\n1000,0\n20000,2\n",
    "quoted header": b'"Sens Factor =-.8643dB, SERNO: 7047870"\n20\t-1.5\n1000\t0\n20000\t2\n',
    "comments between": b"* REW\n20 -1.5 # low\n* middle\n1000 0\n20000 2\n",
    "UTF-8 with a mark": b"\xef\xbb\xbf20 -1.5\n1000 0\n20000 2\n",
    "UTF-16": "20 -1.5\n1000 0\n20000 2\n".encode("utf-16"),
    "0 Hz row": b"0 -96\n20 -1.5\n1000 0\n20000 2\n",
    "old Windows title": b"M\xfcller microphone\n20 -1.5\n1000 0\n20000 2\n",
}


@pytest.mark.parametrize("data", DIALECTS.values(), ids=DIALECTS.keys())
def test_every_dialect_says_the_same(tmp_path, data):
    path = tmp_path / "curve.txt"
    path.write_bytes(data)

    curve = read_curve(path)

    np.testing.assert_array_equal(curve.f_hz, [20, 1000, 20000])
    np.testing.assert_array_equal(curve.level_db, [-1.5, 0, 2])


def test_a_third_column_is_the_phase(tmp_path):
    path = tmp_path / "mic.frd"
    path.write_text("20 -1.5 10\n1000 0 0\n20000 2 -30\n")

    np.testing.assert_array_equal(read_curve(path).phase_deg, [10, 0, -30])


BAD = {
    "wrong order": ("20 0\n200 0\n100 0\n", "line 3.*100 Hz comes after 200 Hz"),
    "twice the same": ("20 0\n20 1\n", "line 2"),
    "no level": ("20 0\n30\n", "line 2.*missing"),
    "words in the middle": ("20 0\nhello\n30 1\n", "line 2.*hello"),
    "not finite": ("20 0\n30 nan\n", "line 2"),
    "one point": ("20 0\n", "1 usable points"),
    "nothing": ("", "0 usable points"),
}


@pytest.mark.parametrize(("text", "gist"), BAD.values(), ids=BAD.keys())
def test_a_bad_line_is_named(tmp_path, text, gist):
    path = tmp_path / "target.txt"
    path.write_text(text)

    with pytest.raises(InputError, match=gist) as caught:
        read_curve(path)

    assert caught.value.fault == "RC-307"
    assert caught.value.exit_code == 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.txt") as caught:
        read_curve(tmp_path / "nowhere.txt")

    assert caught.value.fault == "RC-301"

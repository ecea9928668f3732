"""studio.toml: strict to read, and back again."""

import pytest

from roomcal.errors import InputError
from roomcal.files.studio_toml import read_studio, write_studio
from roomcal.model.studio import Loopback, Microphone, Position, Speaker, Studio

GOOD = """
name = "attic"
fs = 96000
output_device = "Interface"

[[speakers]]
name = "L"
output_channel = 1

[[speakers]]
name = "R"
output_channel = 2
gain_db = -1.5
position_m = [0.5, 1.0, 1.2]

[microphone]
input_channel = 2
"""


def test_a_studio_is_read(tmp_path):
    path = tmp_path / "studio.toml"
    path.write_text(GOOD)

    studio = read_studio(path)

    assert (studio.name, studio.fs) == ("attic", 96000)
    assert studio.speakers[1] == Speaker(
        "R", output_channel=2, gain_db=-1.5, position_m=(0.5, 1.0, 1.2)
    )
    assert studio.microphone.input_channel == 2
    assert [p.name for p in studio.positions] == [f"p{i}" for i in range(1, 10)]


def test_what_is_written_is_read_back(tmp_path):
    studio = Studio(
        name='quotes " and \\ and ü',
        speakers=(Speaker("L", 1), Speaker("Sub", 3, role="LFE")),
        microphone=Microphone(2, calibration="mic.txt", full_scale_db_spl=118.5),
        loopback=Loopback(4, 1),
        positions=(Position("main", (1.0, 2.0, 1.2)), Position("sofa")),
    )
    path = tmp_path / "studio.toml"

    write_studio(path, studio)

    assert read_studio(path) == studio


BAD = {
    "misspelt key": (GOOD.replace("fs =", "fps ="), "unknown key 'fps'", "did you mean 'fs'"),
    "misspelt key in a list": (
        GOOD.replace("gain_db", "gain"),
        r"unknown key 'speakers\[2\]\.gain'",
        "did you mean 'gain_db'",
    ),
    "misspelt table": (GOOD.replace("[microphone]", "[mic]"), "unknown key 'mic'", "microphone"),
    "wrong type": (
        GOOD.replace("output_channel = 2", 'output_channel = "two"'),
        r"speakers\[2\]\.output_channel",
        "",
    ),
    "a number for text": (
        GOOD.replace('name = "attic"', "name = 5"),
        "toml: name: must be text, not a number$",
        "correct the value",
    ),
    "a list for a number": (
        GOOD.replace("output_channel = 2", "output_channel = [2]"),
        r"speakers\[2\]\.output_channel: must be a whole number, not a list$",
        "correct the value",
    ),
    "channel 0": (GOOD.replace("output_channel = 1", "output_channel = 0"), "counts from 1", ""),
    "same output": (
        GOOD.replace("output_channel = 2", "output_channel = 1"),
        "share an output",
        "",
    ),
    "same name": (GOOD.replace('name = "R"', 'name = "l"'), "same name", ""),
    "no name": (GOOD.replace('name = "attic"\n', ""), "toml: the key 'name' is missing", ""),
    "no name of a speaker": (
        GOOD.replace('name = "R"\n', ""),
        r"speakers\[2\]: the key 'name' is missing",
        "",
    ),
    "no speakers": ('name = "x"\n', "speakers", ""),
    "full scale that is no number": (GOOD + "full_scale_db_spl = nan\n", "dB SPL, got nan", ""),
    "full scale without a limit": (GOOD + "full_scale_db_spl = -inf\n", "dB SPL, got -inf", ""),
    "full scale of no microphone": (GOOD + "full_scale_db_spl = 1.0\n", "60 and 200 dB", ""),
    "place that is no number": (GOOD.replace("[0.5,", "[nan,"), "three finite numbers", ""),
    "not TOML": ("name = attic\n", "line 1", ""),
}


@pytest.mark.parametrize(("text", "gist", "hint"), BAD.values(), ids=BAD.keys())
def test_a_mistake_is_named_with_its_path(tmp_path, text, gist, hint):
    path = tmp_path / "studio.toml"
    path.write_text(text)

    with pytest.raises(InputError, match=gist) as caught:
        read_studio(path)

    assert caught.value.fault == "RC-308"
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["con", "AUX.wav", "a/b", "..", "", "x" * 65, "ü", "a b", "a."])
def test_a_speaker_cannot_have_a_name_that_no_file_can_have(name):
    with pytest.raises(InputError) as caught:
        Speaker(name, 1)

    assert caught.value.fault == "RC-313"

"""Wrong input: one line that says what, where and what to do; the right exit code; nothing lost."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from roomcal.cli.main import cli

FS = 48000


def wav(path, x, fs=FS, subtype="FLOAT"):
    soundfile.write(path, np.asarray(x).T, fs, subtype=subtype)
    return path


def a_response(seed=0, n=24000):
    rng = np.random.default_rng(seed)
    h = 0.1 * rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / FS / 0.3)
    h[200] = 1.0
    return h


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A studio folder with a session of two speakers, and good and bad files beside it."""
    folder = tmp_path_factory.mktemp("template")
    with contextlib.chdir(folder):
        fill(CliRunner())
    return folder


@pytest.fixture
def here(template, studio_folder):
    """A copy of the template, and the working folder."""
    shutil.copytree(template, studio_folder, dirs_exist_ok=True)
    return studio_folder


def fill(runner):
    for seed, name in enumerate(("L-p1", "R-p1", "L-p2", "R-p2")):
        wav(Path(f"{name}.wav"), a_response(seed))
    files = [f"{n}.wav" for n in ("L-p1", "R-p1", "L-p2", "R-p2")]
    assert runner.invoke(cli, ["import", *files, "--session", "before"]).exit_code == 0
    assert (
        runner.invoke(cli, ["design", "mix", "--from", "before", "--taps", "4096"]).exit_code == 0
    )
    other = ["import", "L-p2.wav", "--position", "q9", "--speaker", "L", "--session", "other"]
    assert runner.invoke(cli, other).exit_code == 0
    wav(Path("other-rate.wav"), a_response(), fs=44100)
    wav(Path("stereo.wav"), np.stack([a_response(), a_response(1)]))
    wav(Path("quad.wav"), np.zeros((4, 100)))
    wav(Path("nan.wav"), np.where(np.arange(1000) == 812, np.nan, 0.1))
    wav(Path("no-samples.wav"), np.zeros((1, 0)))
    wav(Path("noise.wav"), 0.1 * np.random.default_rng(5).standard_normal((1, 2 * FS)))
    sweep = 0.5 * np.sin(2 * np.pi * 10 * 0.13 * np.exp(np.arange(FS) / FS / 0.13))
    wav(Path("sweep.wav"), sweep)
    wav(Path("recording.wav"), np.concatenate([np.zeros(4000), sweep, np.zeros(20000)]))
    whole = Path("L-p1.wav").read_bytes()
    Path("truncated.wav").write_bytes(whole[: len(whole) // 2])
    Path("empty.wav").write_bytes(b"")
    Path("text.wav").write_text("this is no sound")
    Path("order.txt").write_text("20 0\n200 1\n100 2\n")
    Path("half").mkdir()
    Path("measurements/half").mkdir()
    shutil.copytree("measurements/before", "measurements/garbage")
    Path("measurements/garbage/session.json").write_text("{")
    Path("typo").mkdir()
    Path("typo/studio.toml").write_text(
        'name = "x"\noutput_device = "virtual"\n[[speekers]]\nname = "L"\noutput_channel = 1\n'
    )


def snapshot(folder):
    """Content of every file."""
    return {
        p: p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and ".cache" not in p.parts
    }


# command, exit code, fault, what the message names
CASES = {
    "truncated WAV": (
        "import truncated.wav --speaker C",
        3,
        "RC-302",
        ["truncated.wav", "of 24000"],
    ),
    "empty file": ("import empty.wav --speaker C", 3, "RC-302", ["empty.wav"]),
    "no samples": ("import no-samples.wav --speaker C", 3, "RC-302", ["no-samples.wav"]),
    "no WAV at all": ("import text.wav --speaker C", 3, "RC-302", ["text.wav"]),
    "NaN": ("import nan.wav --speaker C", 3, "RC-303", ["nan.wav", "812"]),
    "stereo where mono is needed": ("import stereo.wav --speaker C", 3, "RC-305", ["2 channels"]),
    "missing file": ("import nowhere.wav --speaker C", 3, "RC-301", ["nowhere.wav"]),
    "whose response is it": ("import noise.wav", 3, "RC-309", ["noise.wav", "--speaker"]),
    "a speaker no file can be called": ("import L-p1.wav --speaker CON", 3, "RC-313", ["CON"]),
    "wrong rate in a session": (
        "import other-rate.wav --speaker C --session before",
        3,
        "RC-304",
        ["44100", "48000"],
    ),
    "path is there already": (
        "import L-p1.wav --session before",
        6,
        "RC-602",
        ["L at p1", "--force"],
    ),
    "one bad file among good ones": (
        "import R-p1.wav nan.wav --position p9 --speaker C --session fresh",
        3,
        "RC-303",
        ["nan.wav"],
    ),
    "sweep not in the recording": (
        "import noise.wav --sweep sweep.wav --speaker C",
        3,
        "RC-306",
        ["noise.wav"],
    ),
    "fewer sweeps than speakers": (
        "import recording.wav --sweep sweep.wav --speaker C,D",
        3,
        "RC-306",
        ["recording.wav", "1", "2"],
    ),
    "sweep at another rate": (
        "import other-rate.wav --sweep sweep.wav --speaker C",
        3,
        "RC-304",
        ["44100", "48000"],
    ),
    "target in the wrong order": (
        "design new --from before --target order.txt",
        3,
        "RC-307",
        ["order.txt line 3", "100 Hz"],
    ),
    "unknown target": ("design new --from before --target harmann", 3, "RC-309", ["'harman'"]),
    "missing target file": ("design new --from before --target my.txt", 3, "RC-301", ["my.txt"]),
    "unknown session": ("design new --from befor", 3, "RC-309", ["'before'"]),
    "half-written session": ("analyze half", 3, "RC-310", ["session.json"]),
    "damaged session": ("analyze garbage", 3, "RC-310", ["session.json"]),
    "unknown speaker": ("analyze before --speaker Q", 3, "RC-309", ["'Q'", "L, R"]),
    "unknown speaker to measure": (
        "measure m --device virtual --speakers Q",
        3,
        "RC-309",
        ["'Q'", "L, R"],
    ),
    "bank exists": ("design mix --from before", 6, "RC-602", ["mix", "--force"]),
    "boost out of range": ("design new --from before --max-boost 40", 3, "RC-316", ["40 dB"]),
    "rate out of range": ("design new --from before --fs 12", 3, "RC-316", ["12 Hz"]),
    "rate is no number": ("design new --from before --fs fast", 2, None, ["fast"]),
    "unknown bank": ("export mixx --to json", 3, "RC-309", ["'mix'"]),
    "unknown format": ("export mix --to camila", 3, "RC-309", ["camila", "daw-wav"]),
    "apply at the wrong rate": (
        "apply mix other-rate.wav out.wav",
        3,
        "RC-311",
        ["44100", "48000"],
    ),
    "apply to too many channels": ("apply mix quad.wav out.wav", 3, "RC-305", ["4 channels"]),
    "apply to a truncated file": ("apply mix truncated.wav out.wav", 3, "RC-302", ["truncated"]),
    "apply to NaN": ("apply mix nan.wav out.wav", 3, "RC-303", ["nan.wav"]),
    "apply onto an existing file": ("apply mix stereo.wav L-p1.wav", 6, "RC-602", ["L-p1.wav"]),
    "apply onto itself": ("apply mix stereo.wav stereo.wav --force", 6, "RC-602", ["stereo.wav"]),
    "apply to no WAV": ("apply mix stereo.wav out.mp3", 3, "RC-314", ["out.mp3"]),
    "typo in studio.toml": (
        "-C typo measure m",
        3,
        "RC-308",
        ["studio.toml", "'speekers'", "'speakers'"],
    ),
    "no studio.toml": ("measure m", 3, "RC-301", ["studio.toml", "roomcal init"]),
    "unknown device": ("measure m --device virtual:bedrom", 4, "RC-401", ["bedroom"]),
    "unknown sound card": ("measure m --device Scarlett", 4, "RC-401", ["Scarlett"]),
    "too loud": ("measure m --device virtual --level 0", 2, None, ["0 dBFS"]),
    "no such position": ("measure m --device virtual --positions 0", 3, "RC-316", ["0 positions"]),
    "a session no folder can be called": (
        "measure aux --device virtual --positions 1",
        3,
        "RC-313",
        ["aux"],
    ),
    "demo into a full folder": ("demo --out half/..", 6, "RC-602", ["not empty"]),
    "a misspelt command": ("analyse before", 2, None, ["'analyze'"]),
    "plot of another kind of file": ("plot before decay -o x.gif", 3, "RC-314", ["x.gif"]),
    "report against another session": (
        "report before --bank mix --against other",
        3,
        "RC-309",
        ["before", "other", "in common"],
    ),
    "promise without a bank": ("report before --against x", 2, None, ["--bank"]),
    "verify an import": ("verify mix", 3, None, ["--device"]),
}


@pytest.mark.parametrize(("command", "code", "fault", "gist"), CASES.values(), ids=CASES.keys())
def test_one_message_the_right_code_and_nothing_lost(runner, here, command, code, fault, gist):
    before = snapshot(here)

    result = runner.invoke(cli, command.split())

    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert "bug" not in result.output
    for text in gist:
        assert text in result.output
    if fault:
        assert f"Error {fault}" in result.stderr
        message = [line for line in result.stderr.splitlines() if line.startswith("Error")]
        assert len(message) == 1
    assert snapshot(here) == before, "a failed command changed something on disk"


@pytest.mark.usefixtures("here")
def test_with_json_the_fault_is_a_document(runner):
    result = runner.invoke(cli, ["analyze", "befor", "--json"])

    document = json.loads(result.stdout)
    assert result.exit_code == 3
    assert set(document) == {"id", "exit", "message", "hint", "evidence"}
    assert (document["id"], document["exit"]) == ("RC-309", 3)

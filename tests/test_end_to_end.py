"""The first evening through the command line, in the virtual studio."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from roomcal.cli.main import cli


@pytest.fixture
def run(runner):
    def run(command):
        result = runner.invoke(cli, command.split())
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.mark.slow
def test_the_first_evening(run):
    run("measure before --device virtual:control-room --positions 2 --sweeps 1 --length 2")
    analysis = json.loads(run("analyze before --json").stdout)
    assert [(r["speaker"], r["position"]) for r in analysis["responses"]] == [
        ("L", "p1"),
        ("R", "p1"),
        ("L", "p2"),
        ("R", "p2"),
    ]
    # The speakers stand about 1.7 m from the listener: 5 ms at 343 m/s.
    assert 0.004 < analysis["responses"][0]["arrival_s"] < 0.007
    assert "T30" in run("analyze before").stdout

    design = json.loads(run("design mix --from before --fs 44100,48000 --json").stdout)
    assert design["fs"] == [44100, 48000]
    assert design["headroom_db"] > 0
    fs, taps = wavfile.read("filters/mix/48000/L-L.wav")
    assert (fs, taps.shape) == (48000, (65536,))
    assert np.abs(np.fft.rfft(taps, 4 * taps.size)).max() <= 1.0 + 1e-6

    rng = np.random.default_rng(1)
    soundfile.write("song.wav", rng.uniform(-0.9, 0.9, (44100, 2)), 44100, subtype="PCM_16")
    run("apply mix song.wav song-corrected.wav")
    assert soundfile.info("song-corrected.wav").samplerate == 44100

    verdict = json.loads(run("verify mix --sweeps 1 --length 2 --json").stdout)
    assert verdict["passed"] is True
    assert all(s["predicted_error_db"] < 0.5 for s in verdict["speakers"])

    exported = json.loads(run("export mix --to all -o out --json").stdout)
    assert {e["format"] for e in exported["exports"]} >= {"daw-wav", "json"}
    run("report before --bank mix --against mix.verify -o page.html")
    page = Path("page.html").read_text()
    assert "keeps its promise" in page
    run("plot before response -o response.png")
    assert Path("response.png").read_bytes().startswith(b"\x89PNG")
    for command in ("sessions", "banks", "targets", "devices", "export --list"):
        assert run(command).stdout.strip()
    names = {s["session"] for s in json.loads(run("sessions --json").stdout)["sessions"]}
    assert names == {"before", "mix.verify"}


@pytest.mark.slow
def test_the_demo_ends_with_the_path_of_its_page(run):
    result = run("demo --out evening")

    page = Path(result.stdout.splitlines()[-1])
    assert page == Path("evening/report.html")
    text = page.read_text()
    assert "Passed." in text
    # Names of standards and of what the page is made with; nobody visits them.
    for known in ("http-equiv", "http://www.w3.org", "https://github.com/leeoniya/uPlot"):
        text = text.replace(known, "")
    assert "http" not in text
    for name in ("Before", "Predicted", "Verified"):
        assert name in result.stdout


def test_init_makes_a_studio_that_measures(run):
    run("init --output-device virtual:bedroom --name attic --layout stereo")

    plan = json.loads(run("measure before --dry-run --positions 2 --json").stdout)
    assert plan["device"] == "virtual:bedroom"
    assert plan["speakers"] == ["L", "R"]
    assert plan["positions"] == ["p1", "p2"]


def test_without_arguments_help_is_printed(run):
    assert "Examples:" in run("").stdout

"""`roomcal run` and `roomcal ctl` in a virtual studio: what they answer, refuse and survive."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from roomcal.cli.main import cli
from roomcal.cli.run_screen import line_of_key, screen
from roomcal.devices.port_audio import Card
from roomcal.errors import RoomcalError
from roomcal.files.bank_store import save_bank
from roomcal.files.feedback_mark import read_mark
from roomcal.files.studio_toml import write_studio
from roomcal.jobs.run import LiveRun
from roomcal.jobs.run_plan import RunChoices, plan_run
from roomcal.jobs.run_status import METER_BOTTOM_DBFS, ChannelMeter, RunStatus, dbfs
from roomcal.live.card_place import CardPlace
from roomcal.live.request import Route, RunRequest
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.model.studio import Loopback, Microphone, Source, Speaker, Studio

FS = 48000
PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
# A cold start compiles, on a machine that runs other tests.
DEADLINE_S = 240.0
PINK_DBFS = -20.0  # rms of the virtual programme
# Peaks of pink noise with random phases lie 10 to 15 dB above its rms.
CREST_DB = (8.0, 18.0)


def bank(name, gain, *, rates=(FS,), n_taps=64, names=("L", "R")):
    taps = np.zeros((len(names), len(names), n_taps))
    for n in range(len(names)):
        taps[n, n, 0] = gain
    return Bank(name, {fs: FilterBank(taps, fs, names, names) for fs in rates})


@pytest.fixture
def banks(studio_folder):
    save_bank(studio_folder, bank("one", 1.0, rates=(FS, 96000)))
    save_bank(studio_folder, bank("less", 0.5))
    save_bank(studio_folder, bank("third", 0.25))
    return studio_folder


def invoke(runner, command):
    result = runner.invoke(cli, command.split())
    return result.exit_code, result.output


# --- refused before any sound ---


@pytest.mark.parametrize(
    ("command", "exit_code", "said"),
    [
        ("run --device virtual", 2, "Missing argument"),
        ("run nix --device virtual", 3, "no bank is called 'nix'"),
        ("run one one --device virtual", 3, "named twice"),
        ("run one --device virtual --source virtual:pinc", 3, "virtual:pink"),
        ("run one --device virtual --source virtual:1,2,3", 3, "3 channels"),
        ("run one --device virtual --source virtual:0,1", 3, "count from 1"),
        ("run one --device virtual --source :1,2", 3, "names no source"),
        ("run one --device virtual --source BlackHole:1,2", 3, "does not go with"),
        ("run one --device virtual --block 8", 2, "16<=x<=8192"),
        ("run one", 3, "cannot read studio.toml"),
        ("ctl status", 4, "no engine is running"),
        ("ctl", 2, "Missing argument"),
    ],
)
def test_wrong_input_is_refused_with_a_cure(runner, banks, command, exit_code, said, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(banks))

    code, output = invoke(runner, command)

    assert code == exit_code, output
    assert said in " ".join(output.split())


def studio(**changes):
    speakers = (Speaker("L", 1), Speaker("R", 2))
    return Studio("s", speakers, output_device="card", input_device="card", **changes)


def plan(folder, *names, **choices):
    return plan_run(folder, RunChoices(banks=names, **choices))


def refusal(call):
    with pytest.raises(RoomcalError) as refused:
        call()
    return refused.value


def test_without_a_source_nothing_is_guessed(banks):
    write_studio(banks / "studio.toml", studio())

    error = refusal(lambda: plan(banks, "one"))

    assert error.fault == "RC-331"
    assert "--source" in error.hint


def test_the_source_of_the_studio_is_taken(banks):
    write_studio(banks / "studio.toml", studio(source=Source("DAW", (3, 4))))

    route = plan(banks, "one").request.route

    assert (route.source_device, route.source_channels) == ("DAW", (3, 4))
    assert (route.output_device, route.output_channels) == ("card", (1, 2))


def test_an_option_wins_over_the_studio(banks):
    write_studio(banks / "studio.toml", studio(source=Source("DAW", (3, 4))))

    route = plan(banks, "one", source="Other card:7,8", device="monitors").request.route

    assert (route.source_device, route.source_channels) == ("Other card", (7, 8))
    assert route.output_device == "monitors"


@pytest.mark.parametrize("channels", ["1,2", "2,1", "5,6"])
def test_inputs_that_hear_the_monitors_are_no_source(banks, channels):
    changes = {"microphone": Microphone(input_channel=2), "loopback": Loopback(3, 6)}
    write_studio(banks / "studio.toml", studio(**changes))

    error = refusal(lambda: plan(banks, "one", source=f"card:{channels}"))

    assert error.fault == "RC-332"
    plan(banks, "one", source="card:3,4")  # next to them is fine


def test_a_studio_whose_source_is_the_microphone_is_none():
    with pytest.raises(ValueError, match="microphone"):
        studio(source=Source("card", (1, 2)))


def test_a_bank_for_speakers_that_are_not_there_is_refused(banks):
    save_bank(banks, bank("surround", 1.0, names=("L", "R", "C")))
    write_studio(banks / "studio.toml", studio(source=Source("DAW", (3, 4))))

    assert refusal(lambda: plan(banks, "surround", source="DAW:1,2,3")).fault == "RC-309"
    assert refusal(lambda: plan(banks, "one", "surround")).fault == "RC-334"


# --- one engine, many wishes ---


def hear_ctrl_c():
    """Undo what a shell does to its jobs in the background: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Engine:
    """`roomcal run` as a process, and `ctl` beside it."""

    def __init__(self, folder, command, **environment):
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOMCAL_")}
        self.environment |= {"XDG_RUNTIME_DIR": str(folder), "NO_COLOR": "1", **environment}
        self.out, self.err = folder / "out.txt", folder / "err.txt"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "roomcal", *command.split()],
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=hear_ctrl_c if sys.platform != "win32" else None,
            )

    @property
    def lines(self):
        return [
            json.loads(line)
            for line in self.out.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def until(self, condition):
        until_s = time.monotonic() + DEADLINE_S
        while True:
            found = [line for line in self.lines if condition(line)]
            if found:
                return found[-1]
            assert self.process.poll() is None, self.err.read_text()
            assert time.monotonic() < until_s, self.err.read_text()
            time.sleep(0.05)

    def wait(self):
        return self.process.wait(timeout=DEADLINE_S)

    def child(self):
        """Number of the process that plays; Linux tells."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if not children.exists():
            pytest.skip("no /proc here")
        return int(children.read_text().split()[0])

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def start(banks):
    made = []

    def start(command, **environment):
        made.append(Engine(banks, command, **environment))
        return made[-1]

    yield start
    for engine in made:
        engine.end()


def keys(document):
    if isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from keys(value)
    elif isinstance(document, list):
        for value in document:
            yield from keys(value)


@pytest.mark.slow
def test_an_engine_obeys_and_shows_what_it_does(runner, banks, start, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(banks))
    engine = start("run one less --device virtual --json")
    engine.until(lambda s: s["state"] == "running")

    def ctl(line):
        code, output = invoke(runner, f"ctl {line} --json")
        return code, json.loads(output)

    def heard(condition):
        until_s = time.monotonic() + DEADLINE_S
        while True:
            _, status = ctl("status")
            if condition(status):
                return status
            assert time.monotonic() < until_s, status
            time.sleep(0.1)

    # A filter of one tap is a gain: what goes in comes out, once the start ramp is over.
    status = heard(
        lambda s: (
            s["load"] is not None
            and s["outputs"][0]["peak_dbfs"] == pytest.approx(s["inputs"][0]["peak_dbfs"], abs=0.1)
        )
    )
    documented = set(re.findall(r'"([^"]+)"', PAGE.read_text("utf-8").split("## JSON")[1]))
    assert set(keys(status)) - {"L", "R"} <= documented
    low, high = (PINK_DBFS + crest for crest in CREST_DB)
    assert all(low < meter["peak_dbfs"] < high for meter in status["inputs"])
    assert status["bank"] == "one"
    assert status["latency_s"] == 0.0
    assert status["xruns"] == status["counters"]["host_events"]

    assert ctl("less")[1]["wanted"] == "less"
    status = heard(lambda s: s["bank"] == "less")
    assert ctl("dim")[1]["dim"] is True
    assert ctl("gain R -6")[1]["gains_db"] == {"R": -6.0}
    assert ctl("polarity L")[1]["inverted"] == ["L"]
    assert ctl("solo R")[1]["solo"] == "R"
    heard(lambda s: s["outputs"][0]["peak_dbfs"] is None)  # L is silent now
    assert ctl("load third")[1]["banks"] == ["one", "less", "third"]
    heard(lambda s: s["bank"] == "third")
    assert ctl("load third")[0] == 0  # again, from disk, while it is heard
    heard(lambda s: s["bank"] == "third")

    code, answer = ctl("lss")
    assert (code, answer["id"]) == (3, "RC-309")
    assert "did you mean less" in answer["hint"]
    assert ctl("load nix")[1]["id"] == "RC-309"
    assert ctl("load")[1]["id"] == "RC-333"
    assert ctl("gain R 1")[1]["id"] == "RC-333"
    assert ctl("status --device Focusrite")[1]["id"] == "RC-411"
    code, output = invoke(runner, "ctl status")
    assert code == 0
    assert "third, running, dim, solo R, inverted L, R -6 dB" in output

    assert ctl("stop")[0] == 0
    assert engine.wait() == 0
    assert ctl("status")[1]["id"] == "RC-411"
    assert list((banks / "roomcal").glob("*")) == []


@pytest.mark.slow
def test_row_34_a_killed_child_is_replaced_and_plays_as_before(start):
    engine = start("run one less --device virtual --json")
    engine.until(lambda s: s["state"] == "running")

    os.kill(engine.child(), signal.SIGKILL)

    status = engine.until(lambda s: s["restarts"] == 1 and s["state"] == "running")
    assert status["bank"] == "one"
    assert any(line["state"] == "waiting" for line in engine.lines)
    engine.process.send_signal(signal.SIGTERM)
    assert engine.wait() == 0


@pytest.mark.slow
def test_row_34_without_reconnecting_a_dead_child_is_the_end(start):
    engine = start("run one --device virtual --no-reconnect --json")
    engine.until(lambda s: s["state"] == "running")

    os.kill(engine.child(), signal.SIGKILL)

    assert engine.wait() == 4
    assert engine.lines[-1]["id"] == "RC-403"  # the error is a document on a line too


@pytest.mark.parametrize(
    ("rate", "banks_named", "have"),
    [("44100", "one", "48000, 96000"), ("96000", "one less", "48000")],
)
def test_row_35_a_rate_without_filters_is_refused_with_the_list(start, rate, banks_named, have):
    engine = start(f"run {banks_named} --device virtual --fs {rate}")

    assert engine.wait() == 3
    assert "RC-311" in engine.err.read_text()
    assert f"for {rate} Hz; it has {have}" in " ".join(engine.err.read_text().split())


@pytest.mark.slow
def test_row_35_the_filters_for_the_rate_are_taken(start):
    engine = start("run one --device virtual --fs 96000 --json")

    assert engine.until(lambda s: s["state"] == "running")["fs"] == 96000


@pytest.mark.slow
def test_the_delay_of_a_limiter_that_looks_ahead_is_counted(start):
    engine = start("run one --device virtual --lookahead-ms 1.5 --json")

    playing = engine.until(lambda s: s["state"] == "running")

    assert playing["engine_latency_s"] == pytest.approx(0.0015, abs=0.5 / FS)  # whole samples


@pytest.mark.slow
def test_row_38_dc_is_muted_with_a_warning(start):
    engine = start("run one --device virtual --source virtual:dc --json")

    status = engine.until(lambda s: s["state"] == "muted")

    assert status["reason"] == "DC"
    assert status["counters"]["dc_mutes"] == 1
    engine.process.send_signal(signal.SIGTERM)
    assert engine.wait() == 0
    assert "DC at the input" in engine.err.read_text()


@pytest.mark.slow
def test_row_40_feedback_ends_the_run_and_has_to_be_rearmed(start, banks):
    engine = start("run one --device virtual --source virtual:feedback")
    assert engine.wait() == 7
    assert "RC-711" in engine.err.read_text()
    assert read_mark(banks)

    again = start("run one --device virtual")
    assert again.wait() == 7
    assert "--rearm" in again.err.read_text()

    rearmed = start("run one --device virtual --rearm --json")
    rearmed.until(lambda s: s["state"] == "running")
    assert not read_mark(banks)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 0)])
def test_a_signal_fades_out_and_ends(start, name, code):
    engine = start("run one --device virtual --json")
    engine.until(lambda s: s["state"] == "running")
    child = engine.child()
    asked_s = time.monotonic()

    engine.process.send_signal(getattr(signal, name))

    assert engine.wait() == code
    assert time.monotonic() - asked_s < 10.0
    with contextlib.suppress(FileNotFoundError):
        assert Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.slow
def test_a_signal_while_it_prepares_ends_it_too(start, banks):
    engine = start("run one --device virtual")
    until_s = time.monotonic() + DEADLINE_S
    while not list((banks / "roomcal").glob("*.sock")):
        assert time.monotonic() < until_s
        time.sleep(0.01)

    engine.process.send_signal(signal.SIGINT)

    assert engine.wait() == 130


def test_a_dry_run_says_where_it_would_play_and_plays_nothing(start):
    engine = start("run one less --device virtual --dry-run")

    assert engine.wait() == 0
    assert "one, less: virtual to virtual, 48000 Hz, block 256" in engine.out.read_text()


def step_for_ever(run):
    until_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < until_s:
        run.step(0.05)


def test_one_engine_plays_on_a_device(banks, monkeypatch):
    """A device that is locked is left alone; the virtual one is free, so a name stands in."""
    from roomcal.errors import BusyError
    from roomcal.jobs.alone import alone_on_device

    run = LiveRun(lambda _level, _text: None)
    monkeypatch.setattr("roomcal.jobs.run.lock_name", lambda _plan, _output: "card")
    try:
        with alone_on_device("card"):
            run.start(banks, plan(banks, "one", device="virtual"))
            with pytest.raises(BusyError) as busy:
                step_for_ever(run)
    finally:
        run.end()

    assert busy.value.fault == "RC-802"


# --- the screen ---


def status(**changes):
    values = {
        "state": "running",
        "reason": "",
        "bank": "mix",
        "wanted": "mix",
        "banks": ("mix", "flat"),
        "bypass": False,
        "mute": False,
        "dim": False,
        "solo": "",
        "inverted": (),
        "gains_db": {},
        "source": "BlackHole 2ch, Core Audio",
        "device": "Scarlett 2i2 USB, Core Audio",
        "fs": FS,
        "block": 256,
        "latency_s": 0.0174,
        "filter_latency_s": 0.005,
        "engine_latency_s": 0.0,
        "system_latency_s": 0.0124,
        "bypass_gain_db": -4.2,
        "inputs": (ChannelMeter("L", -12.0), ChannelMeter("R", None)),
        "outputs": (ChannelMeter("L", -18.0, -6.1), ChannelMeter("R", -1.0, -0.31)),
        "load": 0.006,
        "load_worst": 0.04,
        "limiter_gain_db": -1.0,
        "xruns": 2,
        "restarts": 0,
        "counters": {"limited": 12, "clipped": 0, "late": 1},
        "routing": {},
        "try_number": 0,
        "message": "playing mix",
    }
    return RunStatus(**(values | changes))


def drawn(status, width):
    from rich.console import Console

    console = Console(width=width, color_system=None, force_terminal=True, legacy_windows=False)
    with console.capture() as capture:
        console.print(screen(status, width))
    return capture.get()


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_fits_and_shows_the_numbers(width):
    text = drawn(status(), width)

    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert len(text.splitlines()) <= 20
    for number in ("-12.0 dBFS", "silent", "-0.3 dBTP", "limited 12", "xruns 2", "0.6 %"):
        assert number in text
    assert "17.4 ms end to end" in text
    assert "filters 5.0 ms, engine 0.0 ms, audio system 12.4 ms" in text


def test_many_channels_fit_on_a_screen_as_numbers():
    meters = tuple(ChannelMeter(f"S{n}", -float(n), -0.5) for n in range(1, 13))

    text = drawn(status(inputs=meters, outputs=meters), 80)

    assert len(text.splitlines()) <= 20
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert all(f"{m.name} {m.peak_dbfs:.1f} dBFS" in text for m in meters)


def test_the_screen_shows_every_switch_and_why_nothing_is_heard():
    text = drawn(
        status(
            bypass=True, dim=True, mute=True, solo="L", inverted=("R",), state="muted", reason="DC"
        ),
        80,
    )

    for word in ("MUTED", "(DC)", "BYPASS", "DIM", "MUTE", "SOLO L", "INVERTED R", "-4.2 dB"):
        assert word in text


def test_a_name_in_brackets_is_no_markup():
    assert "[red]x" in drawn(status(banks=("mix",), source="[red]x"), 80)


@pytest.mark.parametrize(
    ("key", "line"),
    [("1", "bank 1"), ("9", "bank 9"), ("b", "bypass"), ("d", "dim"), ("m", "mute"), ("q", "stop"),
     ("n", "next"), ("0", ""), ("x", ""), ("s", "solo L")],
)  # fmt: skip
def test_a_key_stands_for_a_line(key, line):
    assert line_of_key(key, status()) == line


def test_solo_goes_through_the_speakers_and_back_to_all():
    assert line_of_key("s", status(solo="L")) == "solo R"
    assert line_of_key("s", status(solo="R")) == "solo off"


def test_a_meter_reaches_from_its_bottom_to_full_scale():
    assert ChannelMeter("L", 0.0).fill == 1.0
    assert ChannelMeter("L", METER_BOTTOM_DBFS / 2).fill == pytest.approx(0.5)
    assert ChannelMeter("L", METER_BOTTOM_DBFS - 1).fill == 0.0
    assert ChannelMeter("L", None).fill == 0.0
    assert dbfs(0.5) == pytest.approx(-6.02)
    assert dbfs(0.0) is None


# --- sound cards, without one ---


def card(number, name, api, *, n_inputs=8, n_outputs=8, fs=FS):
    return Card(number, name, api, n_inputs, n_outputs, fs, 0.01, 0.01)


@pytest.fixture
def place(monkeypatch):
    """Give the place of a sound card for a source and a device among some cards."""

    def place(known, *, source, device, channels=(3, 4), **changes):
        monkeypatch.setattr("roomcal.live.port_audio_stream.cards", lambda: known)
        route = Route("port-audio", source, channels, device, (1, 2), "Scarlett", (1,))
        request = RunRequest(route, ".", ("one",), ("L", "R"), ("L", "R"), fallback_fs=FS)
        return CardPlace(dataclasses.replace(request, **changes))

    return place


SCARLETT = card(0, "Scarlett", "Core Audio")
BLACKHOLE = card(1, "BlackHole 2ch", "Core Audio", n_inputs=2, n_outputs=2)


def test_one_card_is_found_with_the_channels_that_are_used(place):
    found = place([SCARLETT, BLACKHOLE], source="scarlett", device="scarlett").find()

    assert (found.host_inputs, found.host_outputs) == (4, 2)
    assert (found.inputs, found.outputs) == ((2, 3), (0, 1))
    assert (found.source, found.fs) == ("Scarlett, Core Audio", FS)


def test_two_clocks_are_warned_of(place):
    two = place([SCARLETT, BLACKHOLE], source="BlackHole", device="Scarlett", channels=(1, 2))
    two.find()
    one = place([SCARLETT], source="Scarlett", device="Scarlett")
    one.find()

    assert "two clocks" in two.warnings()[0]
    assert one.warnings() == []


@pytest.mark.parametrize(
    ("known", "choices", "fault"),
    [
        ([SCARLETT], {"source": "BlackHole", "device": "Scarlett"}, "RC-401"),
        ([SCARLETT], {"source": "Scarlett", "device": "Scarlett", "channels": (1, 2)}, "RC-332"),
        ([SCARLETT], {"source": "Scarlett", "device": "Scarlett", "channels": (8, 9)}, "RC-402"),
        (
            [SCARLETT, card(1, "Cable", "MME")],
            {"source": "Cable", "device": "Scarlett"},
            "RC-402",
        ),
        (
            [SCARLETT, card(1, "Cable", "Core Audio", fs=44100)],
            {"source": "Cable", "device": "Scarlett"},
            "RC-402",
        ),
    ],
)
def test_cards_that_cannot_play_are_refused(place, known, choices, fault):
    assert refusal(place(known, **choices).find).fault == fault


def test_row_35_the_rate_is_that_at_which_the_device_runs_where_it_says_so(place):
    slow = card(0, "Scarlett", "Windows WASAPI", fs=44100)
    alsa = card(0, "Scarlett", "ALSA", fs=44100)

    assert place([slow], source="Scarlett", device="Scarlett").find().fs == 44100
    assert place([alsa], source="Scarlett", device="Scarlett").find().fs == FS  # the studio's
    assert place([alsa], source="Scarlett", device="Scarlett", fs=96000).find().fs == 96000


def test_row_34_only_the_very_same_device_is_played_on_again(place, monkeypatch):
    monkeypatch.setattr("roomcal.live.card_place.look_again", lambda: None)
    lost = {"found_source": "Scarlett, Core Audio", "found_output": "Scarlett, Core Audio"}
    speakers = card(0, "MacBook Speakers", "Core Audio")
    other = card(2, "Scarlett 18i8", "Core Audio")

    away = place([speakers, other], source="Scarlett", device="Scarlett", **lost)
    assert not away.is_there()
    assert refusal(away.find).fault == "RC-401"
    back = place([other, SCARLETT], source="Scarlett", device="Scarlett", **lost)
    assert back.is_there()
    assert back.find().output == "Scarlett, Core Audio"

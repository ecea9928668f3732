"""`roomcal level` in the virtual studio: what it stores, and sound pressure against the truth."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from roomcal.cli.level import level
from roomcal.cli.main import cli
from roomcal.devices import registry
from roomcal.devices.virtual.fault import Fault
from roomcal.devices.virtual.microphone import FLAT_MICROPHONE, MicrophoneModel, calibration_curve
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.speaker import Peak
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.dsp.pink_noise import pink_noise_period
from roomcal.files.level_store import load_level
from roomcal.files.session_store import SessionStore
from roomcal.files.studio_toml import write_studio
from roomcal.jobs.pink_noise import REFERENCE_DBFS, TARGETS_DB_SPL

FS = 48000
ROOM = ROOMS["control-room"]  # its microphone reads full scale at 118 dB SPL
FULL_SCALE_DB = 118.0
# The noise of the room and the converters, 45 dB and more below; C weighting is below 0.2 dB.
SPL_TOLERANCE_DB = 0.3


@dataclasses.dataclass(frozen=True)
class Tone(Fault):
    """A calibrator on the microphone."""

    level_dbfs: float = -24.0  # rms
    f_hz: float = 1000.0

    def on_input(self, inputs, moment):
        t = np.arange(inputs.shape[1]) / moment.fs
        tone = np.sqrt(2) * 10 ** (self.level_dbfs / 20) * np.sin(2 * np.pi * self.f_hz * t)
        inputs = inputs.copy()
        inputs[moment.microphone] += tone
        return inputs


@dataclasses.dataclass(frozen=True)
class MicrophoneGain(Fault):
    """Somebody has turned the gain of the microphone."""

    gain_db: float = -12.0

    def on_input(self, inputs, moment):
        inputs = inputs.copy()
        inputs[moment.microphone] *= 10 ** (self.gain_db / 20)
        return inputs


@pytest.fixture
def run(runner, monkeypatch):
    def run(command, *faults, room=ROOM):
        monkeypatch.setattr(
            registry, "VirtualStudio", lambda _room, **k: VirtualStudio(room, faults=faults, **k)
        )
        result = runner.invoke(cli, command.split())
        assert result.exit_code == 0, result.output
        return result

    return run


def unknown(room=ROOM):
    return dataclasses.replace(room, full_scale_db_spl=None)


def confirmation():
    """What is stored of the only microphone."""
    (only,) = json.loads(Path("sensitivity.json").read_text())["confirmations"]
    return only


def true_spl_of_noise(speaker):
    return true_spl_of_noise_in(ROOM, speaker)


def true_spl_of_noise_in(room, speaker):
    """Sound pressure of pink noise of -20 dBFS, 500 to 2000 Hz, in dB; C weighting is 0 there."""
    h = VirtualStudio(room).true_response(speaker, "p1", FS).samples
    x = pink_noise_period(4 * FS, FS, low_hz=500, high_hz=2000, level_dbfs=-20.0, seed=9)
    y = scipy.signal.oaconvolve(np.concatenate([x, x]), h)[4 * FS : 8 * FS]
    return 10 * np.log10(np.mean(y**2)) + room.full_scale_db_spl


def test_measure_takes_the_level_that_was_found(run):
    run("level --device virtual")
    run("measure a --device virtual --sweeps 1 --length 1 --positions 1")

    found = load_level(Path()).level_dbfs
    take = SessionStore.open(Path(), "a").session.takes[0]
    assert found != -20.0
    assert take.plan.sweep.level_dbfs == found


def test_a_level_of_another_device_is_not_taken(run):
    run("level --device virtual:bedroom")
    plan = run("measure a --device virtual --dry-run")

    assert "at -20 dBFS" in plan.stdout


LEVEL = (
    '{"schema": 1, "device": "virtual", "input_channel": 1, "position": "p1", "level_dbfs": %s, '
    '"speakers": [], "profiles": []}'
)


@pytest.mark.parametrize(
    "text", ["", '{"schema": 1, "device": 3}', "garbage", LEVEL % "0", LEVEL % "5", LEVEL % "-121"]
)
def test_a_damaged_level_is_named_and_the_cure_helps(runner, text):
    Path("level.json").write_text(text)

    for command in ("measure a --device virtual --positions 1", "level --device virtual"):
        result = runner.invoke(cli, command.split())

        assert result.exit_code == 3
        assert "RC-310" in result.stderr
        # `roomcal level` reads the file too: to run it again is no cure while the file is there.
        assert "remove level.json, then run `roomcal level` again" in result.stderr
    assert not list(Path().rglob("*.wav"))  # nothing was played


CONFIRMED = (
    '{"schema": 1, "confirmations": [{"microphone": {"device": "virtual", "input_device": "", '
    '"input_channel": 1}, "full_scale_db_spl": %s, "source": "a calibrator of 94 dB"}]}'
)


@pytest.mark.parametrize("text", ["", "garbage", '{"schema": 1}', CONFIRMED % "400"])
def test_a_damaged_sensitivity_is_named_and_the_cure_helps(runner, text):
    Path("sensitivity.json").write_text(text)

    for command in ("measure a --device virtual --positions 1", "level --device virtual"):
        result = runner.invoke(cli, command.split())

        assert result.exit_code == 3
        assert "RC-310" in result.stderr
        assert "remove sensitivity.json, then confirm the sensitivity again" in result.stderr
    assert not list(Path().rglob("*.wav"))  # nothing was played


@pytest.mark.parametrize("level_dbfs", ["-3", "-120", "null"])
def test_a_level_within_what_may_be_played_is_taken(runner, level_dbfs):
    Path("level.json").write_text(LEVEL % level_dbfs)

    result = runner.invoke(cli, ["measure", "a", "--device", "virtual", "--dry-run"])

    assert result.exit_code == 0, result.output


def test_trims_lead_to_the_target(run):
    found = json.loads(run("level --device virtual --target-spl 79 --json").stdout)

    for noise in found["noise"]:
        truth_db = true_spl_of_noise(noise["speaker"])
        assert noise["at_reference_c_db_spl"] == pytest.approx(truth_db, abs=SPL_TOLERANCE_DB)
        assert noise["trim_db"] == pytest.approx(79.0 - truth_db, abs=SPL_TOLERANCE_DB)

    studio = VirtualStudio(ROOM).default_studio()
    trims = {n["speaker"]: n["trim_db"] for n in found["noise"]}
    assert max(trims.values()) < 0.0
    speakers = tuple(dataclasses.replace(s, gain_db=trims[s.name]) for s in studio.speakers)
    write_studio(
        Path("studio.toml"),
        dataclasses.replace(studio, speakers=speakers, output_device="virtual"),
    )
    after = json.loads(run("level --device virtual --target-spl 79 --json").stdout)
    for noise in after["noise"]:
        assert noise["at_reference_c_db_spl"] == pytest.approx(79.0, abs=SPL_TOLERANCE_DB)


def test_the_command_offers_every_target():
    (option,) = [p for p in level.params if p.name == "target_spl"]

    assert list(option.type.choices) == list(TARGETS_DB_SPL)


def test_the_k_system_wants_83_db_for_its_own_zero():
    """Katz: 83 dB(C) from one speaker for pink noise at the zero of the scale, -20 to -12 dBFS."""
    for headroom_db in (20, 14, 12):
        at_reference_db = TARGETS_DB_SPL[f"k-{headroom_db}"]
        assert at_reference_db + (-headroom_db - REFERENCE_DBFS) == 83.0


@pytest.mark.parametrize(("target", "wanted_db"), [("85", 85.0), ("k-14", 77.0)])
def test_every_target_is_what_the_trims_lead_to(run, target, wanted_db):
    command = f"level --device virtual --speakers L --target-spl {target} --json"
    (noise,) = json.loads(run(command).stdout)["noise"]

    assert noise["at_reference_c_db_spl"] + noise["trim_db"] == pytest.approx(wanted_db)


def test_without_a_sensitivity_no_sound_pressure_is_told(run):
    found = json.loads(run("level --device virtual --target-spl 79 --json", room=unknown()).stdout)

    assert found["sensitivity"] == "unknown"
    assert found["full_scale_db_spl"] is None
    assert found["leq_a_db_spl"] is None
    assert all(s["c_db_spl"] is None for s in found["speakers"])
    assert all(n["trim_db"] is None for n in found["noise"])
    text = run("level --device virtual", room=unknown()).stdout
    assert "dB(C)" not in text
    assert "not known" in text


def test_a_calibrator_confirms_the_sensitivity(run):
    run(
        "level --device virtual --calibrator 94",
        Tone(level_dbfs=94.0 - FULL_SCALE_DB),
        room=unknown(),
    )
    told = confirmation()["full_scale_db_spl"]

    assert told == pytest.approx(FULL_SCALE_DB, abs=0.05)
    found = json.loads(run("level --device virtual --json", room=unknown()).stdout)
    assert found["sensitivity"] == "confirmed"
    assert max(s["c_db_spl"] for s in found["speakers"]) == pytest.approx(85.0, abs=0.6)
    assert load_level(Path()).full_scale_db_spl == told  # kept


def test_without_a_calibrator_there_is_nothing_to_confirm(runner):
    result = runner.invoke(cli, ["level", "--device", "virtual", "--calibrator", "94"])

    assert result.exit_code == 5
    assert "no calibrator" in result.stderr
    assert not Path("level.json").exists()


def test_a_reading_confirms_the_sensitivity(run):
    run("level --device virtual --noise 2", room=unknown())
    played_dbfs = load_level(Path()).level_dbfs - 13.0
    reading = true_spl_of_noise("L") + 20.0 + played_dbfs

    run(f"level --device virtual --reading {reading:.2f}", room=unknown())

    assert confirmation()["full_scale_db_spl"] == pytest.approx(FULL_SCALE_DB, abs=SPL_TOLERANCE_DB)


def test_a_reading_needs_its_noise(runner):
    result = runner.invoke(cli, ["level", "--device", "virtual", "--reading", "80"])

    assert result.exit_code == 3
    assert "--noise" in result.stderr


def test_a_sens_factor_is_an_estimate_and_is_marked(run):
    f_hz = np.geomspace(20, 20000, 50)
    rows = "\n".join(f"{f:.2f}\t0.0" for f in f_hz)
    Path("umik.txt").write_text(f'"Sens Factor =-6.0dB, SERNO: 7000001"\n{rows}\n')
    room = unknown()
    studio = VirtualStudio(room).default_studio()
    microphone = dataclasses.replace(studio.microphone, calibration="umik.txt", incidence_deg=0)
    write_studio(
        Path("studio.toml"),
        dataclasses.replace(studio, microphone=microphone, output_device="virtual"),
    )

    found = json.loads(run("level --device virtual --json", room=room).stdout)
    text = " ".join(run("level --device virtual", room=room).stdout.split())

    assert found["sensitivity"] == "estimated"
    assert found["full_scale_db_spl"] == pytest.approx(118.0)  # 112 + 6
    # 6 dB more are assumed: the ramp ends at an estimated 79 dB(C).
    assert max(s["c_db_spl"] for s in found["speakers"]) == pytest.approx(79.0, abs=0.6)
    assert "est." in text
    assert "may be 6 dB more" in text


def test_the_dose_is_shown(run):
    found = json.loads(run("level --device virtual --json").stdout)

    assert 60.0 < found["leq_a_db_spl"] < 85.0
    # NIOSH: half the time for each 3 dB above 85 dB(A).
    expected_s = 8 * 3600 * 2 ** ((85.0 - found["leq_a_db_spl"]) / 3)
    assert found["daily_dose_after_s"] == pytest.approx(expected_s)


def confirmed_and_levelled(run):
    run(
        "level --device virtual --calibrator 94",
        Tone(level_dbfs=94.0 - FULL_SCALE_DB),
        room=unknown(),
    )
    return json.loads(run("level --device virtual --json", room=unknown()).stdout)


def test_a_confirmed_sensitivity_does_not_outlive_a_turned_gain(run):
    before = confirmed_and_levelled(run)
    turned = json.loads(
        run("level --device virtual --json", MicrophoneGain(), room=unknown()).stdout
    )

    assert before["sensitivity"] == "confirmed"
    assert turned["sensitivity"] == "unknown"
    assert turned["full_scale_db_spl"] is None
    assert all(s["c_db_spl"] is None for s in turned["speakers"])
    assert "--calibrator" in turned["warnings"][0]
    # Still no louder than allowed: 12 dB less at the input may be 12 dB more in the room.
    assert turned["level_dbfs"] <= before["level_dbfs"] + 0.5
    again = json.loads(
        run("level --device virtual --json", MicrophoneGain(), room=unknown()).stdout
    )
    assert again["sensitivity"] == "unknown"  # doubt is not forgotten
    back = json.loads(run("level --device virtual --json", room=unknown()).stdout)
    assert back["sensitivity"] == "confirmed"
    assert back["full_scale_db_spl"] == pytest.approx(FULL_SCALE_DB, abs=0.05)


def test_a_gain_that_creeps_is_held_against_the_confirmation(run):
    confirmed_and_levelled(run)
    for gain_db, sensitivity in ((-2.0, "confirmed"), (-4.0, "unknown")):
        found = run("level --device virtual --json", MicrophoneGain(gain_db), room=unknown())
        assert json.loads(found.stdout)["sensitivity"] == sensitivity


def test_a_gain_turned_after_a_ramp_that_failed_is_noticed(run, runner, monkeypatch):
    """The cure of an overload is to turn the gain: what it was is kept before the ramp."""
    run(
        "level --device virtual --calibrator 94",
        Tone(level_dbfs=94.0 - FULL_SCALE_DB),
        room=unknown(),
    )
    monkeypatch.setattr(registry, "VirtualStudio", lambda _room, **k: VirtualStudio(unknown(), **k))
    refused = runner.invoke(cli, ["level", "--device", "virtual", "--max-spl", "40"])
    assert refused.exit_code == 5, refused.output

    found = run("level --device virtual --json", MicrophoneGain(-12.0), room=unknown())
    assert json.loads(found.stdout)["sensitivity"] == "unknown"


def test_the_volume_of_the_monitors_is_no_gain_of_the_microphone(run, monkeypatch):
    confirmed_and_levelled(run)
    asked = []
    monkeypatch.setattr(
        "roomcal.cli.terminal.Terminal.confirm", lambda _self, text: asked.append(text) or False
    )

    found = run("level --device virtual --json", MicrophoneGain(-9.0), room=unknown())

    assert "9 dB quieter" in asked[0]
    assert json.loads(found.stdout)["sensitivity"] == "confirmed"
    assert confirmation()["probe_gain_db"]["L"] == load_level(Path()).speakers[0].probe_gain_db


MEASURE = "measure {} --device virtual --sweeps 1 --length 1 --positions 1"


def full_scales(name):
    return {
        r.speaker: r.full_scale_db_spl for r in SessionStore.open(Path(), name).load_responses()
    }


def test_measuring_after_a_turned_gain_tells_no_db_spl(run):
    confirmed_and_levelled(run)

    turned = run(MEASURE.format("a"), MicrophoneGain(-9.0), room=unknown())
    back = run(MEASURE.format("b"), room=unknown())

    assert "every speaker -9 dB" in " ".join(turned.stderr.split())
    assert set(full_scales("a").values()) == {None}
    assert "not known" not in back.stderr
    assert set(full_scales("b").values()) == {FULL_SCALE_DB}


def test_measuring_binds_a_calibrator_to_the_gain(run):
    """Without any `level` between them."""
    run("level --device virtual --calibrator 94", Tone(94.0 - FULL_SCALE_DB), room=unknown())
    run(MEASURE.format("a"), room=unknown())
    run(MEASURE.format("b"), MicrophoneGain(-20.0), room=unknown())

    assert set(full_scales("a").values()) == {FULL_SCALE_DB}
    assert set(full_scales("b").values()) == {None}


def test_a_session_that_goes_on_after_a_turned_gain_keeps_its_sound_pressure(run):
    confirmed_and_levelled(run)
    run(MEASURE.format("a") + " --speakers L", room=unknown())
    run(MEASURE.format("a"), MicrophoneGain(-5.0), room=unknown())
    both = json.loads(run("analyze a --json").stdout)["noise"]["a_db_spl"]
    run(MEASURE.format("b"), room=unknown())

    assert full_scales("a") == {"L": FULL_SCALE_DB, "R": None}
    assert both == pytest.approx(
        json.loads(run("analyze b --json").stdout)["noise"]["a_db_spl"], abs=0.5
    )


@pytest.mark.parametrize("command", ["level --device virtual", MEASURE])
def test_speakers_that_were_not_heard_before_hide_no_turned_gain(run, command):
    run("level --device virtual --speakers L --noise 4", room=unknown())
    played_dbfs = load_level(Path()).level_dbfs - 13.0
    reading = true_spl_of_noise("L") + 20.0 + played_dbfs
    run(f"level --device virtual --reading {reading:.2f}", room=unknown())

    run(f"{command.format('a')} --speakers R", MicrophoneGain(-20.0), room=unknown())
    after = json.loads(
        run("level --device virtual --json", MicrophoneGain(-20.0), room=unknown()).stdout
    )

    assert after["sensitivity"] == "unknown"


def test_a_doubt_knows_how_far_the_gain_fell_after_a_ramp_that_failed(run, runner, monkeypatch):
    """The limit of loudness assumes the worst, also in `measure`, and if it falls further."""
    confirmed_and_levelled(run)

    def studio(gain_db):
        faults = (MicrophoneGain(gain_db),)
        monkeypatch.setattr(
            registry,
            "VirtualStudio",
            lambda _room, **k: VirtualStudio(unknown(), faults=faults, **k),
        )

    studio(-20.0)
    assert runner.invoke(cli, ["level", "--device", "virtual", "--max-spl", "40"]).exit_code == 5
    first = runner.invoke(cli, [*MEASURE.format("a").split(), "--level", "-12"])
    studio(-30.0)
    second = runner.invoke(cli, [*MEASURE.format("b").split(), "--level", "-12"])

    for result, session in ((first, "a"), (second, "b")):
        assert result.exit_code == 0, result.output
        level_dbfs = SessionStore.open(Path(), session).session.takes[0].plan.sweep.level_dbfs
        assert level_dbfs <= -19.0  # 95 dB(C) at -12 dBFS, the limit is 85
        assert "at worst" in " ".join(result.stderr.split())


def test_a_reading_belongs_to_the_noise_of_the_last_check(run, runner):
    run("level --device virtual --noise 2", room=unknown())
    runner.invoke(cli, ["level", "--device", "virtual", "--max-spl", "40"])

    assert (
        "--noise" in runner.invoke(cli, ["level", "--device", "virtual", "--reading", "80"]).stderr
    )


def test_a_number_that_cannot_be_is_refused(run, runner):
    run("level --device virtual --noise 2", MicrophoneGain(-39.0), room=unknown())

    result = runner.invoke(cli, ["level", "--device", "virtual", "--reading", "120"])

    assert result.exit_code == 3
    assert "RC-315" in result.stderr


def test_another_device_leaves_a_confirmation_alone(run):
    confirmed_and_levelled(run)
    run("level --device virtual:bedroom --json", room=unknown(ROOMS["bedroom"]))

    back = json.loads(run("level --device virtual --json", room=unknown()).stdout)

    assert back["sensitivity"] == "confirmed"


def test_a_new_figure_in_the_studios_description_ends_a_doubt(run):
    confirmed_and_levelled(run)
    run("level --device virtual", MicrophoneGain(-20.0), room=unknown())
    told = dataclasses.replace(ROOM, full_scale_db_spl=138.0)

    found = json.loads(
        run("level --device virtual --json", MicrophoneGain(-20.0), room=told).stdout
    )

    assert (found["sensitivity"], found["full_scale_db_spl"]) == ("confirmed", 138.0)


def test_an_offset_of_the_calibration_file_is_no_sound_pressure(run):
    """All of a calibration counts re 1 kHz: an offset belongs to the sensitivity."""
    rows = "".join(f"{f:.2f} 4.0\n" for f in np.geomspace(20, 20000, 50))
    Path("mic.txt").write_text(rows)
    studio = VirtualStudio(ROOM).default_studio()
    plain = json.loads(run("level --device virtual --json").stdout)
    microphone = dataclasses.replace(studio.microphone, calibration="mic.txt", incidence_deg=0)
    write_studio(
        Path("studio.toml"),
        dataclasses.replace(studio, microphone=microphone, output_device="virtual"),
    )

    found = json.loads(run("level --device virtual --json").stdout)

    for old, new in zip(plain["speakers"], found["speakers"], strict=True):
        assert new["c_db_spl"] - new["level_dbfs"] == pytest.approx(
            old["c_db_spl"] - old["level_dbfs"], abs=0.5
        )


def test_the_noise_to_read_a_meter_by_is_no_bass(run):
    """Also where a sub is listed first."""
    room = ROOMS["control-room-2.1"]
    studio = VirtualStudio(room).default_studio()
    write_studio(
        Path("studio.toml"),
        dataclasses.replace(studio, speakers=studio.speakers[::-1], output_device="virtual"),
    )
    run("level --device virtual --noise 2", room=room)
    (first, *_) = [s for s in studio.speakers[::-1] if not s.is_sub]
    expected_db = true_spl_of_noise_in(room, first.name)
    found = load_level(Path())

    heard_db = found.noise_c_dbfs - (found.level_dbfs - 13.0) - 20.0 + room.full_scale_db_spl
    assert heard_db == pytest.approx(expected_db, abs=SPL_TOLERANCE_DB)


def test_a_figure_in_the_studios_description_may_be_mended_by_hand(run):
    """The stored one does not win over a new one."""
    run("level --device virtual")
    louder = dataclasses.replace(ROOM, full_scale_db_spl=124.0)

    found = json.loads(run("level --device virtual --json", room=louder).stdout)

    assert found["full_scale_db_spl"] == 124.0


BASS_SHY = MicrophoneModel(highpass_hz=45.0, peaks=())
SUB_ROOM = dataclasses.replace(ROOMS["control-room-2.1"], microphone=BASS_SHY)


def test_the_microphones_own_response_is_taken_out_of_the_sound_pressure(run):
    """Truth: the same room with a microphone that adds nothing."""
    flat = VirtualStudio(dataclasses.replace(SUB_ROOM, microphone=FLAT_MICROPHONE))
    h = flat.true_response("Sub", "p1", FS).samples
    x = pink_noise_period(4 * FS, FS, low_hz=40, high_hz=80, level_dbfs=-20.0, seed=9)
    y = scipy.signal.oaconvolve(np.concatenate([x, x]), h)[4 * FS : 8 * FS]
    f_hz = np.fft.rfftfreq(y.size, 1 / FS)
    # Analogue C weighting, IEC 61672-1: two poles at 20.6 Hz and two at 12194 Hz.
    c = f_hz**2 * 12194.2**2 / ((f_hz**2 + 20.6**2) * (f_hz**2 + 12194.2**2)) * 1.00715
    power = np.abs(np.fft.rfft(y)) ** 2
    truth_db = 10 * np.log10(2 * np.sum(power * c**2) / y.size**2) + SUB_ROOM.full_scale_db_spl

    command = "level --device virtual --speakers Sub --target-spl 79 --json"
    (noise,) = json.loads(run(command, room=SUB_ROOM).stdout)["noise"]

    assert noise["at_reference_c_db_spl"] == pytest.approx(truth_db, abs=SPL_TOLERANCE_DB)


def test_a_calibrator_at_250_hz_is_corrected_by_the_calibration(run):
    dip = MicrophoneModel(highpass_hz=0.0, peaks=(Peak(250.0, -6.0, 1.0),))
    room = dataclasses.replace(unknown(), microphone=dip)
    own_db = calibration_curve(dip).level_at(np.array([250.0]))[0]

    run("level --device virtual --calibrator 94", Tone(-30.0, 250.0), room=room)

    # What reads -30 dBFS there would read -30 - own_db at 1 kHz.
    assert confirmation()["full_scale_db_spl"] == pytest.approx(94.0 + 30.0 + own_db, abs=0.05)
    assert own_db < -5.0


def test_only_one_way_to_confirm_at_a_time_and_a_dry_run_confirms_nothing(run, runner):
    run("level --device virtual --noise 2", room=unknown())
    there = {p: p.read_bytes() for p in Path().glob("*.json")}

    for options in (
        "--dry-run --reading 83",
        "--reading 83 --calibrator 94",
        "--noise 2 --reading 8",
    ):
        result = runner.invoke(cli, f"level --device virtual {options}".split())
        assert result.exit_code == 2, result.output

    assert {p: p.read_bytes() for p in Path().glob("*.json")} == there


def test_the_noise_says_when_it_plays_and_what_comes_next(run):
    told = " ".join(run("level --device virtual --noise 2", room=unknown()).stderr.split())

    assert "pink noise from L now, 2 s: read the meter" in told
    assert "next: roomcal level --reading" in told


def test_a_number_that_is_hardly_true_is_warned_of(run):
    run("level --device virtual --noise 2", room=unknown())

    told = " ".join(run("level --device virtual --reading 31", room=unknown()).stderr.split())
    again = run("level --device virtual --reading 75", room=unknown()).stderr

    assert "Is the number right?" in told
    assert "Is the number right?" not in again


def test_a_limit_below_the_first_sound_is_no_level(run, runner):
    """After a reading that is far too high everything would be too loud."""
    run("level --device virtual --noise 2", room=unknown())
    run("level --device virtual --reading 115", room=unknown())

    for command in ("level --device virtual", MEASURE.format("a")):
        result = runner.invoke(cli, command.split())
        told = " ".join(result.stderr.split())
        assert (result.exit_code, "RC-548" in told) == (5, True), told
        assert "after a reading of 115 dB(C)" in told


def test_a_dry_run_is_a_document_with_json_and_says_the_limit(run):
    known = json.loads(run("level --device virtual --dry-run --json").stdout)
    text = run("level --device virtual --dry-run --noise 2", room=unknown()).stdout

    assert (known["highest_dbfs"], known["max_c_db_spl"]) == (-12.0, 85.0)
    assert "at most -20 dBFS" in text
    assert "pink noise" in text


def test_a_trim_counts_on_top_of_the_gain_that_is_there(run):
    studio = VirtualStudio(ROOM).default_studio()
    speakers = tuple(dataclasses.replace(s, gain_db=-5.0) for s in studio.speakers)
    write_studio(
        Path("studio.toml"),
        dataclasses.replace(studio, speakers=speakers, output_device="virtual"),
    )
    found = json.loads(run("level --device virtual --target-spl 79 --json").stdout)
    text = run("level --device virtual --target-spl 79").stdout

    for noise in found["noise"]:
        assert f"{-5.0 + noise['trim_db']:.1f}" in text


@dataclasses.dataclass(frozen=True)
class NoCable(Fault):
    """Nobody has plugged the loopback cable in."""

    def on_input(self, inputs, moment):
        inputs = inputs.copy()
        inputs[1 - moment.microphone] *= 1e-6
        return inputs


def test_a_loopback_cable_that_is_not_there_is_named_by_the_quiet_sounds(runner, monkeypatch):
    monkeypatch.setattr(
        registry, "VirtualStudio", lambda _room, **k: VirtualStudio(ROOM, faults=(NoCable(),), **k)
    )
    result = runner.invoke(cli, MEASURE.format("a").split())

    assert result.exit_code == 5
    assert "nothing comes back over the loopback cable from output 3 to input 2" in " ".join(
        result.stderr.split()
    )
    assert not list(Path().glob("measurements/a/*.wav"))

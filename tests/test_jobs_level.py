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
from roomcal.devices.virtual.rooms import ROOMS
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


def true_spl_of_noise(speaker):
    """Sound pressure of pink noise of -20 dBFS, 500 to 2000 Hz, in dB; C weighting is 0 there."""
    h = VirtualStudio(ROOM).true_response(speaker, "p1", FS).samples
    x = pink_noise_period(4 * FS, FS, low_hz=500, high_hz=2000, level_dbfs=-20.0, seed=9)
    y = scipy.signal.oaconvolve(np.concatenate([x, x]), h)[4 * FS : 8 * FS]
    return 10 * np.log10(np.mean(y**2)) + FULL_SCALE_DB


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


def test_a_damaged_level_is_named(runner):
    Path("level.json").write_text('{"schema": 1, "device": 3}')

    result = runner.invoke(cli, ["measure", "a", "--device", "virtual", "--positions", "1"])

    assert result.exit_code == 3
    assert "level.json" in result.stderr


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
    check = load_level(Path())

    assert check.sensitivity == "confirmed"
    assert check.full_scale_db_spl == pytest.approx(FULL_SCALE_DB, abs=0.05)
    found = json.loads(run("level --device virtual --json", room=unknown()).stdout)
    assert found["sensitivity"] == "confirmed"
    assert max(s["c_db_spl"] for s in found["speakers"]) == pytest.approx(85.0, abs=0.6)
    assert load_level(Path()).full_scale_db_spl == check.full_scale_db_spl  # kept


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

    assert load_level(Path()).full_scale_db_spl == pytest.approx(
        FULL_SCALE_DB, abs=SPL_TOLERANCE_DB
    )


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

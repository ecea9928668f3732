"""FAULTS.md, row 26: a limiter or a protection on the way out, told by two levels."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from roomcal.cli.main import cli
from roomcal.devices import registry
from roomcal.devices.virtual.faults_input import Slam
from roomcal.devices.virtual.faults_output import SpeakerLimiter
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.files.level_store import load_level
from roomcal.measure.detectors.compression import compression
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.units import band_centres_hz

FS = 48000
TAKE = "--length 2 --positions 1 --speakers L"
# The limiter acts on the rms over 20 ms, in which a slow sweep is not quite a sine; a third octave
# lies within what is limited.
LIMITED_TOLERANCE_DB = 0.15


@pytest.fixture
def run(runner, monkeypatch):
    def run(command, *faults, room="bedroom-treated"):
        monkeypatch.setattr(
            registry,
            "VirtualStudio",
            lambda _room, **k: VirtualStudio(ROOMS[room], faults=faults, **k),
        )
        return runner.invoke(cli, command.split())

    return run


def limited_db(peak_dbfs, limiter):
    """What a limiter takes away from a sine of this peak, by its own law."""
    excess_db = peak_dbfs - 20 * np.log10(np.sqrt(2)) - limiter.threshold_dbfs
    return max(excess_db, 0.0) * (1 - 1 / limiter.ratio)


@pytest.mark.parametrize("sweeps", [1, 3])
def test_row_26_a_limiter_is_told_by_the_quiet_sounds_before_the_take(run, sweeps):
    limiter = SpeakerLimiter(threshold_dbfs=-32.0)
    result = run(f"measure a --device virtual --sweeps {sweeps} --json {TAKE}", limiter)

    said = json.loads(result.stdout)
    assert result.exit_code == said["exit"] == 5
    assert said["id"] == "RC-524"
    gave_db = float(re.search(r"drive gave \+([0-9.]+) dB at [0-9.]+ Hz", said["message"])[1])
    truth_db = 30.0 - limited_db(-20.0, limiter)  # from the first -50 dBFS to the take's -20
    assert gave_db == pytest.approx(truth_db, abs=LIMITED_TOLERANCE_DB)
    assert re.search("measure at least 1[23] dB lower", said["hint"])  # twice what is missing


def test_row_26_the_level_check_goes_down_until_nothing_compresses(run):
    limiter = SpeakerLimiter(threshold_dbfs=-30.0, ratio=1.3)
    result = run("level --device virtual --json", limiter)

    found = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert {s["stopped_by"] for s in found["speakers"]} == {"it compresses"}
    level_dbfs = found["level_dbfs"]
    # MEASURING.md: equal within 0.2 dB from one level to one 6 dB lower.
    assert limited_db(level_dbfs, limiter) <= 0.2
    gave_db = 6.0 - limited_db(level_dbfs + 6.0, limiter)
    told = re.search(r"\+6.0 dB drive gave \+([0-9.]+) dB at", found["warnings"][0])
    assert float(told[1]) == pytest.approx(gave_db, abs=LIMITED_TOLERANCE_DB)
    assert f"going back from {level_dbfs + 6:.1f} to {level_dbfs:.1f} dBFS" in found["warnings"][0]

    again = run(f"measure a --device virtual {TAKE}", limiter)
    assert again.exit_code == 0, again.output
    assert "compresses" not in again.output


def test_row_26_a_slam_is_no_limiter(run):
    slam = Slam(at_s=2.1, takes=(2,))  # the probe, the survey, the first take
    result = run(f"measure a --device virtual --sweeps 1 {TAKE}", slam)

    assert result.exit_code == 0, result.output
    assert "taking it again" in result.stderr


@pytest.mark.parametrize("room", ["bedroom", "control-room-2.1"])
def test_row_26_a_linear_chain_keeps_its_level(run, room):
    result = run("level --device virtual --json", room=room)

    assert result.exit_code == 0
    assert "compresses" not in result.stdout
    assert load_level(Path()).level_dbfs > -35.0


# --- the detector by itself ---


def a_response(h, snr_db=60.0):
    f_hz = band_centres_hz(20.0, 20000.0, bands_per_octave=3)
    return ImpulseResponse(h, FS, "L", "p1", snr=BandSnr(f_hz, np.full(f_hz.size, snr_db)))


def a_room(rng):
    t = np.arange(FS // 2) / FS
    h = rng.standard_normal(t.size) * 10 ** (-3 * t / 0.3) * 0.05
    h[0] = 1.0
    return np.pad(h, (2000, 0))


@pytest.mark.parametrize(
    ("missing_db", "severity"),
    [(0.0, None), (0.15, None), (0.35, "warning"), (0.8, "warning"), (1.3, "rejection")],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_row_26_what_is_missing_between_two_levels_decides(rng, missing_db, severity, sign):
    h = a_room(rng)
    loud = h * 10 ** (-sign * missing_db / 20)

    found = compression(a_response(loud), a_response(h))

    assert [v.severity for v in found] == ([severity] if severity else [])
    assert all(("compresses" if sign > 0 else "expands") in v.message for v in found)


def test_row_26_one_band_is_enough(rng):
    h = a_room(rng)
    n_fft = 2 * h.size
    f = np.fft.rfftfreq(n_fft, 1 / FS)
    cut = 1 - (1 - 10 ** (-2 / 20)) * np.exp(-((np.log2(np.maximum(f, 1) / 63) / 0.5) ** 2))
    loud = np.fft.irfft(np.fft.rfft(h, n_fft) * cut, n_fft)[: h.size]

    (verdict,) = compression(a_response(loud), a_response(h))

    assert verdict.evidence["f_hz"] == pytest.approx(63.0, rel=0.3)
    assert verdict.severity == "rejection"


@pytest.mark.parametrize("snr_db", [15.0, 30.0, 45.0])
def test_row_26_noise_is_no_compression(snr_db):
    for seed in range(10):
        rng = np.random.default_rng((26, seed))
        h = a_room(rng)
        noisy = [
            a_response(h + rng.standard_normal(h.size) * spread(h, snr_db), snr_db)
            for _ in range(2)
        ]

        assert compression(*noisy) == []


def spread(h, snr_db):
    """Standard deviation of a white noise with that ratio in every band, on the average."""
    return np.sqrt(np.sum(h**2) / h.size) * 10 ** (-snr_db / 20)


def test_row_26_without_a_noise_figure_nothing_can_be_compared(rng):
    h = a_room(rng)
    with pytest.raises(ValueError, match="signal-to-noise"):
        compression(dataclasses.replace(a_response(h), snr=None), a_response(h))

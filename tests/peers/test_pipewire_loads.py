"""PipeWire loads the exported filter-chain: a private daemon without sound card or session bus."""

import contextlib
import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from roomcal.jobs.export import export_bank
from roomcal.model.filter_bank import Bank, FilterBank

pytestmark = pytest.mark.peers

RATES = (44100, 48000, 96000)
# A module that fails ends the client at once with a status of its own; one that loads stays.
STAYS_S = 2.0


@pytest.fixture
def room(tmp_path):
    """A private PipeWire."""
    if shutil.which("pipewire") is None:
        pytest.skip("pipewire is not installed: apt install pipewire")
    spec = importlib.util.spec_from_file_location(
        "private_pipewire", Path(__file__).with_name("private_pipewire.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.PrivatePipeWire(tmp_path / "pw")
    yield made
    made.close()


def run_chain(conf, room):
    """Load a drop-in as the service does; return the exit status, or None if it stays."""
    process = room.load(conf)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=STAYS_S)
        listed = subprocess.run(
            ["pw-cli", "ls", "Node"],
            env=room.env,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        assert '"effect_input.roomcal"' in listed.stdout
        assert '"effect_output.roomcal"' in listed.stdout
        return None
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(params=[False, True], ids=["stereo", "true stereo"])
def bank(request, rng):
    filters = {}
    for fs in RATES:
        taps = rng.standard_normal((2, 2, 600)) * np.exp(-np.arange(600) / 50) / 20
        if not request.param:
            taps *= np.eye(2)[:, :, np.newaxis]
        filters[fs] = FilterBank(taps, fs, ("L", "R"), ("L", "R"))
    return Bank("mix", filters)


def test_every_drop_in_loads(tmp_path, bank, room):
    folder = export_bank(bank, "pipewire", tmp_path / "out").folder

    for fs in RATES:
        assert run_chain(folder / f"roomcal_{fs}.conf", room) is None


def test_a_port_that_does_not_exist_is_noticed(tmp_path, bank, room):
    folder = export_bank(bank, "pipewire", tmp_path / "out").folder
    conf = folder / "roomcal_48000.conf"
    conf.write_text(conf.read_text().replace('conv1:Out"', 'conv1:Nowhere"'))

    assert run_chain(conf, room) not in (None, 0)

"""PipeWire loads the exported filter-chain: a private daemon without sound card or session bus."""

import contextlib
import os
import shutil
import subprocess
import time

import numpy as np
import pytest

from roomcal.jobs.export import export_bank
from roomcal.model.filter_bank import Bank, FilterBank

pytestmark = pytest.mark.peers

RATES = (44100, 48000, 96000)
STARTED_S = 20.0
# A module that fails ends the client at once with a status of its own; one that loads stays.
STAYS_S = 2.0
DAEMON = """
context.properties = { core.daemon = true core.name = pipewire-0 support.dbus = false }
context.spa-libs = {
  support.* = support/libspa-support
  audio.convert.* = audioconvert/libspa-audioconvert
}
context.modules = [
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-metadata }
  { name = libpipewire-module-spa-node-factory }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-access }
  { name = libpipewire-module-adapter }
  { name = libpipewire-module-link-factory }
]
"""
CLIENT = """
context.properties = { support.dbus = false }
context.spa-libs = {
  support.* = support/libspa-support
  audio.convert.* = audioconvert/libspa-audioconvert
}
"""
NEEDED = """
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-adapter }
"""


@pytest.fixture
def daemon(tmp_path):
    """A private PipeWire: its environment."""
    if shutil.which("pipewire") is None:
        pytest.skip("pipewire is not installed: apt install pipewire")
    home = tmp_path / "pw"
    home.mkdir(mode=0o700)
    (home / "daemon.conf").write_text(DAEMON)
    env = {**os.environ, "XDG_RUNTIME_DIR": str(home), "HOME": str(home)}
    process = subprocess.Popen(
        ["pipewire", "-c", str(home / "daemon.conf")],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + STARTED_S
    while not (home / "pipewire-0").exists():
        assert process.poll() is None, "the daemon ended"
        assert time.monotonic() < end, "the daemon gave no socket"
        time.sleep(0.05)
    yield env
    process.terminate()
    process.wait(timeout=10)


def run_chain(conf, env, tmp_path):
    """Load a drop-in as the service does; return the exit status, or None if it stays."""
    text = conf.read_text().replace("context.modules = [", f"context.modules = [ {NEEDED} ", 1)
    full = tmp_path / "full.conf"
    full.write_text(CLIENT + text.replace("flags = [ nofail ]", ""))
    process = subprocess.Popen(["pipewire", "-c", str(full)], env=env, stderr=subprocess.PIPE)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=STAYS_S)
        listed = subprocess.run(
            ["pw-cli", "ls", "Node"],
            env=env,
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
        process.communicate(timeout=10)


@pytest.fixture(params=[False, True], ids=["stereo", "true stereo"])
def bank(request, rng):
    filters = {}
    for fs in RATES:
        taps = rng.standard_normal((2, 2, 600)) * np.exp(-np.arange(600) / 50) / 20
        if not request.param:
            taps *= np.eye(2)[:, :, np.newaxis]
        filters[fs] = FilterBank(taps, fs, ("L", "R"), ("L", "R"))
    return Bank("mix", filters)


def test_every_drop_in_loads(tmp_path, bank, daemon):
    folder = export_bank(bank, "pipewire", tmp_path / "out").folder

    for fs in RATES:
        assert run_chain(folder / f"roomcal_{fs}.conf", daemon, tmp_path) is None


def test_a_port_that_does_not_exist_is_noticed(tmp_path, bank, daemon):
    folder = export_bank(bank, "pipewire", tmp_path / "out").folder
    conf = folder / "roomcal_48000.conf"
    conf.write_text(conf.read_text().replace('conv1:Out"', 'conv1:Nowhere"'))

    assert run_chain(conf, daemon, tmp_path) not in (None, 0)

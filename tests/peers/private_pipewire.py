"""A PipeWire of its own: no sound card, no session bus, a sink that only keeps the time."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import soundfile

STARTED_S = 20.0
PLAYED_S = 30.0
LEAD_S = 1.0
LIBRARIES = """
context.spa-libs = {
  support.* = support/libspa-support
  audio.convert.* = audioconvert/libspa-audioconvert
}
"""
DAEMON = """
context.properties = {
  core.daemon = true core.name = pipewire-0 support.dbus = false
  default.clock.rate = %(fs)d default.clock.allowed-rates = [ %(fs)d ]
  default.clock.quantum = 1024 default.clock.min-quantum = 1024
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
context.objects = [
  { factory = adapter args = {
    factory.name = support.null-audio-sink node.name = ci-sink media.class = Audio/Sink
    object.linger = true audio.position = "FL,FR" audio.rate = %(fs)d
  } }
]
"""
NEEDED = """
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-adapter }
"""


class PrivatePipeWire:
    """The daemon and its clients; all of them end with `close`."""

    def __init__(self, home: Path, fs: int = 48000) -> None:
        self.home = home
        self.fs = fs
        home.mkdir(mode=0o700)
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(home), "HOME": str(home)}
        self.processes: list[subprocess.Popen[bytes]] = []
        (home / "daemon.conf").write_text(LIBRARIES + DAEMON % {"fs": fs})
        daemon = self.start("pipewire", "-c", str(home / "daemon.conf"))
        end = time.monotonic() + STARTED_S
        while not (home / "pipewire-0").exists():
            assert daemon.poll() is None, "the daemon ended"
            assert time.monotonic() < end, "the daemon gave no socket"
            time.sleep(0.05)

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a program within it."""
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, env=self.env, stdout=quiet, stderr=quiet)
        self.processes.append(process)
        return process

    def load(self, drop_in: Path) -> "subprocess.Popen[bytes]":
        """Load a drop-in as the filter-chain service does."""
        text = drop_in.read_text().replace(
            "context.modules = [", f"context.modules = [ {NEEDED} ", 1
        )
        full = self.home / "full.conf"
        properties = "context.properties = { support.dbus = false }\n"
        full.write_text(properties + LIBRARIES + text.replace("flags = [ nofail ]", ""))
        return self.start("pipewire", "-c", str(full))

    def play(self, x: np.ndarray) -> np.ndarray:
        """Play frames through the loaded chain; return what comes out, late by some periods."""
        # The player begins with its first link: silence, until the links of all channels are made.
        lead = np.zeros((round(LEAD_S * self.fs), x.shape[1]), dtype=x.dtype)
        soundfile.write(self.home / "in.wav", np.concatenate([lead, x]), self.fs, subtype="FLOAT")
        what = ("--target", "0", "--format", "f32", "--rate", str(self.fs), "--channels", "2")
        record = self.start("pw-cat", "-r", *what, str(self.home / "out.wav"))
        player = self.start("pw-cat", "-p", *what, str(self.home / "in.wav"))
        wanted = {
            "sink": ("ci-sink", "Audio/Sink", "Input"),
            "into": ("effect_input.roomcal", "Audio/Sink", "Input"),
            "out of": ("effect_output.roomcal", "Stream/Output/Audio", "Output"),
            "record": ("pw-cat", "Stream/Input/Audio", "Input"),
            "player": ("pw-cat", "Stream/Output/Audio", "Output"),
        }
        ids = self._nodes({name: (node, kind) for name, (node, kind, _) in wanted.items()})
        for name, (_, _, direction) in wanted.items():
            self._configure(ids[name], direction)
        ports = self._ports(5 * 2)
        for source, sink in (("out of", "record"), ("out of", "sink"), ("player", "into")):
            for channel in ("FL", "FR"):
                self._link(ports[ids[source], "out", channel], ports[ids[sink], "in", channel])
        assert player.wait(timeout=PLAYED_S) == 0
        time.sleep(0.3)
        record.send_signal(signal.SIGINT)
        record.wait(timeout=10)
        return soundfile.read(self.home / "out.wav")[0]

    def close(self) -> None:
        """End every process, the daemon last."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=10)

    def _dump(self, kind: str) -> list[dict[str, object]]:
        done = subprocess.run(
            ["pw-dump"], env=self.env, capture_output=True, text=True, timeout=20, check=True
        )
        return [o for o in json.loads(done.stdout) if o["type"] == f"PipeWire:Interface:{kind}"]

    def _nodes(self, wanted: dict[str, tuple[str, str]]) -> dict[str, int]:
        end = time.monotonic() + STARTED_S
        while True:
            there = {
                (o["info"]["props"].get("node.name"), o["info"]["props"].get("media.class")): o[
                    "id"
                ]
                for o in self._dump("Node")
            }
            if set(wanted.values()) <= set(there):
                return {name: there[key] for name, key in wanted.items()}
            assert time.monotonic() < end, f"only {sorted(map(str, there))} came"
            time.sleep(0.1)

    def _ports(self, n: int) -> dict[tuple[int, str, str], int]:
        end = time.monotonic() + STARTED_S
        while True:
            found = {}
            for o in self._dump("Port"):
                p = o["info"]["props"]
                if "monitor" not in p["port.name"]:
                    found[p["node.id"], p["port.direction"], p["port.name"][-2:]] = o["id"]
            if len(found) >= n:
                return found
            assert time.monotonic() < end, f"{len(found)} ports of {n} came"
            time.sleep(0.1)

    def _configure(self, node: int, direction: str) -> None:
        """Ports are the session manager's work, and there is none."""
        form = {"mediaType": "audio", "mediaSubtype": "raw", "format": "F32P", "rate": self.fs}
        form |= {"channels": 2, "position": ["FL", "FR"]}
        text = json.dumps({"direction": direction, "mode": "dsp", "format": form})
        self._run("pw-cli", "set-param", str(node), "PortConfig", text)

    def _link(self, source: int, sink: int) -> None:
        self._run("pw-link", str(source), str(sink))

    def _run(self, *command: str) -> None:
        subprocess.run(command, env=self.env, capture_output=True, timeout=20, check=True)

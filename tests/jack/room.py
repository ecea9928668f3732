"""A room that is a JACK client: two speakers go in, one microphone comes out.

Run as a program by the fixtures of `conftest.py`; PortAudio sees an ordinary device. Its truth is
in the file of taps: it convolves with them exactly (overlap-save, double precision) and shares no
code with roomcal.
"""

import argparse
import sys
import threading
import time
from collections import deque
from pathlib import Path

import numpy as np

import jack

NOISE_DBFS = -110.0  # a microphone is never digitally silent
SEED = 3
LOUD = 0.02  # sweeps and marks, not the quiet sounds before them (-50 dBFS)


class Room:
    """Uniformly partitioned overlap-save of every speaker into one microphone.

    Parameters
    ----------
    taps : (n_speakers, n_taps) float array
    block : int
        Frames of a JACK period.
    """

    def __init__(self, taps: np.ndarray, block: int) -> None:
        n_speakers, n_taps = taps.shape
        n_parts = -(-n_taps // block)
        padded = np.zeros((n_speakers, n_parts * block))
        padded[:, :n_taps] = taps
        parts = padded.reshape(n_speakers, n_parts, block)
        self.block = block
        self.spectra = np.fft.rfft(parts, 2 * block)
        self.history = np.zeros_like(self.spectra)
        self.last = np.zeros((n_speakers, block))
        self.noise = np.random.default_rng(SEED).standard_normal(1 << 20)
        self.noise *= 10.0 ** (NOISE_DBFS / 20.0)
        self.at = 0

    def __call__(self, speakers: np.ndarray) -> np.ndarray:
        """One block of the microphone, (block,), for one block of the speakers."""
        X = np.fft.rfft(np.concatenate([self.last, speakers], axis=1))
        self.last = speakers
        self.history = np.roll(self.history, 1, axis=1)
        self.history[:, 0] = X
        Y = np.einsum("spf,spf->f", self.history, self.spectra)
        self.at = (self.at + self.block) % (self.noise.size - self.block)
        return np.fft.irfft(Y)[self.block :] + self.noise[self.at : self.at + self.block]


def main() -> None:
    """Play the room until stdin is closed; a number there is a stall in seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("taps", help="file of numpy.save: (n_speakers, n_taps)")
    parser.add_argument("--server", required=True)
    parser.add_argument("--output", default="room", help="device that plays")
    parser.add_argument("--input", default="room", help="device that records")
    parser.add_argument("--log", required=True, help="what the speakers played, at the end")
    parser.add_argument("--loud", required=True, help="file to make when it gets loud")
    arguments = parser.parse_args()
    taps = np.load(arguments.taps)

    def client(name: str) -> jack.Client:
        return jack.Client(name, servername=arguments.server, no_start_server=True)

    clients = {name: client(name) for name in {arguments.output, arguments.input}}
    speakers, microphone = clients[arguments.output], clients[arguments.input]
    room = Room(taps, speakers.blocksize)
    speaker_ports = [speakers.inports.register(f"speaker_{i + 1}") for i in range(len(taps))]
    microphone_port = microphone.outports.register("microphone_1")
    # Two clients of one server run in any order within a period: one block waits between them.
    log: list[tuple[float, np.ndarray]] = []  # (clock, block (n_speakers, n_frames))
    loud = Path(arguments.loud)
    stalls: list[float] = []  # seconds by which the next period comes too late
    waiting = deque([np.zeros(room.block)] if speakers is not microphone else [])
    lock = threading.Lock()

    def play(_frames: int) -> None:
        time.sleep(stalls.pop() if stalls else 0.0)
        played = np.stack([port.get_array() for port in speaker_ports])
        log.append((time.monotonic(), played))
        if np.abs(played).max() > LOUD and not loud.exists():
            loud.touch()
        heard = room(played.astype(np.float64))
        if speakers is microphone:
            microphone_port.get_array()[:] = heard
            return
        with lock:
            waiting.append(heard)

    def record(_frames: int) -> None:
        with lock:
            block = waiting.popleft() if waiting else None
        microphone_port.get_array()[:] = 0.0 if block is None else block

    speakers.set_process_callback(play)
    if speakers is not microphone:
        microphone.set_process_callback(record)
    for each in clients.values():
        each.activate()
    print("ready", flush=True)  # noqa: T201 - the fixture waits for it
    for line in sys.stdin:
        stalls.append(float(line))  # a client that is late makes an xrun
    for each in clients.values():
        each.close()
    np.savez(
        arguments.log,
        clock_s=np.array([at_s for at_s, _ in log]),
        played=np.concatenate([block for _, block in log], axis=1),
    )


if __name__ == "__main__":
    main()

"""A tape deck at a JACK server: a player and a recorder, two clients that count the same cycles.

Run as a program by the tests of the live engine. The player plays a file of samples, round and
round; the recorder keeps what arrives. Each cycle is known by the server's frame time, so that what
was played and what came back in the same cycle lie side by side: a client in between that adds no
period adds no delay. With `--loop` what is recorded is played again in the next cycle, 1 dB louder,
on top of the samples: a feedback loop.
"""

import argparse
import sys

import numpy as np

import jack

LOOP_GAIN = 10.0 ** (1.0 / 20.0)  # FAULTS 40
FULL_SCALE = 1.0  # what no converter exceeds


def main() -> None:
    """Play and record until stdin is closed, then write both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("samples", help="file of numpy.save: (n_channels, n_frames)")
    parser.add_argument("result", help="file of numpy.savez to write")
    parser.add_argument("--server", required=True)
    parser.add_argument("--loop", action="store_true")
    arguments = parser.parse_args()
    samples = np.load(arguments.samples).astype(np.float32)
    n_channels, n_frames = samples.shape

    def client(name: str) -> jack.Client:
        return jack.Client(name, servername=arguments.server, no_start_server=True)

    player, recorder = client("player"), client("recorder")
    outs = [player.outports.register(f"out_{n + 1}") for n in range(n_channels)]
    ins = [recorder.inports.register(f"in_{n + 1}") for n in range(n_channels)]
    played: list[tuple[int, np.ndarray]] = []
    recorded: list[tuple[int, np.ndarray]] = []
    state = {"at": 0}

    def play(frames: int) -> None:
        places = (state["at"] + np.arange(frames)) % n_frames
        state["at"] += frames
        block = samples[:, places]
        if arguments.loop and recorded:
            block = np.clip(block + LOOP_GAIN * recorded[-1][1], -FULL_SCALE, FULL_SCALE)
        played.append((player.last_frame_time, block))
        for port, row in zip(outs, block, strict=True):
            port.get_array()[:] = row

    def record(_frames: int) -> None:
        block = np.stack([port.get_array() for port in ins])
        recorded.append((recorder.last_frame_time, block))

    player.set_process_callback(play)
    recorder.set_process_callback(record)
    recorder.activate()
    player.activate()
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    sys.stdin.read()
    # Cycles are written once nobody adds to them any more.
    player.deactivate()
    recorder.deactivate()
    player.close()
    recorder.close()
    np.savez(
        arguments.result,
        played_at=np.array([at for at, _ in played]),
        played=np.concatenate([block for _, block in played], axis=1),
        recorded_at=np.array([at for at, _ in recorded]),
        recorded=np.concatenate([block for _, block in recorded], axis=1),
    )


if __name__ == "__main__":
    main()

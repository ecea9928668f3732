"""The live engine around the convolver: what its callback costs, and how soon it can play."""

import os
import subprocess
import sys
import tempfile
import time

import numba
import numpy as np

from roomcal.live import callback
from roomcal.live.prepare import prepare
from roomcal.model.filter_bank import FilterBank

# What `roomcal run` does before there can be sound, but for finding and opening a device.
START = """
import time
import numpy as np
from roomcal.live.prepare import prepare
from roomcal.model.filter_bank import FilterBank
taps = np.zeros((2, 2, 65_536))
taps[[0, 1], [0, 1], 100:40_000] = 1e-5
bank = FilterBank(taps, 48_000, ("L", "R"), ("L", "R"), latency_samples=100)
prepared = prepare([bank, bank], block=64)
prepared.call(np.zeros((64, 2), np.float32))
print(time.process_time())
"""


class LiveCallback:
    """The whole callback, as PortAudio calls it: guards, limiter, envelope and meters too."""

    def __init__(self, case, folder, dtype):  # noqa: ARG002 - all engines get the same
        matrix = np.zeros((case.n_channels, case.n_channels, case.n_taps))
        for (output, source), h in zip(case.paths, case.taps, strict=True):
            matrix[output, source] = h
        names = tuple(f"S{i}" for i in range(case.n_channels))
        bank = FilterBank(matrix, case.fs, names, names)
        self.prepared = prepare([bank], block=case.block, dtype=dtype, n_spare=0)
        self.x = np.ascontiguousarray(case.x.T)
        self.y = np.zeros_like(self.x)
        run = callback.PORT_AUDIO_TYPE(self.prepared.port_audio_address)
        user, block, step = (
            self.prepared.userdata_address,
            case.block,
            case.block * self.x.strides[0],
        )

        @numba.njit(nogil=True)
        def play(x_at, y_at, n_blocks):
            for number in range(n_blocks):
                run(x_at + number * step, y_at + number * step, block, 0, 0, user)

        self._play, self._n_blocks = play, case.n_blocks

    def run(self):
        """Play the signal once; return the processor time."""
        start = time.process_time()
        self._play(self.x.ctypes.data, self.y.ctypes.data, self._n_blocks)
        return time.process_time() - start

    def close(self):
        """Nothing to end."""


def start_seconds(*, quick):
    """Return the seconds of processor time up to the first block, without cached code and with it.

    From an empty interpreter. The clock shows as much on a machine that has nothing else to do.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}

        def start():
            done = subprocess.run(
                [sys.executable, "-c", START],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            return float(done.stdout)

        cold_s = start()
        return cold_s, min(start() for _ in range(1 if quick else 5))

"""Mute what is louder than predicted, while it plays.

Before anything loud is played, a soft survey has shown what each speaker gives at the microphone
at every frequency. So the loudness of every block of a take is predicted from what is sent, and a
block that is far above means that somebody turned an amplifier, or that a cable went elsewhere.
A slammed door must not end an evening: only bands that are playing are compared.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from roomcal.errors import SafetyStop
from roomcal.model.level_check import SpeakerProfile
from roomcal.units import FloatArray, db_from_power, power_from_db

LOUDER_DB = 6.0  # above the prediction: mute
# What is judged at a time, and how often: with a device's block of 20 ms and a fade of 20 ms sound
# ends within 50 ms.
_BLOCK_S = 0.02
_HOPS = 4  # a block
# Octaves; everything below the first edge is one band, everything above the last another.
_EDGES_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
# A profile stands for one place of the microphone and for one moment of the sweep. Half an octave
# to either side its highest peak counts, and another place may be louder still: modes of the bass
# differ most.
_SPREAD_OCTAVES = 0.5
_ELSEWHERE_DB = (7.0, 7.0, 6.0, 4.0, 4.0, 4.0, 4.0, 4.0)
_CREST_DB = 3.0  # a block shorter than a period may hold only its crest
_PLAYING_DB = -15.0  # a band this far below the loudest one is not playing
# Sound is late by flight, decay and what the latency of a device varies; or early by the latter.
_LATE_S, _EARLY_S = 0.5, 0.1
# Where what is sent lies this far below the loudest of the take, a room still rings of what was
# louder; and 30 dB more would be no louder than what is meant to be heard.
_NEGLIGIBLE_DB = -30.0
_NOISE_DB = 10.0  # how far a block of noise may stand above the mean of the noise
_LIMIT = 0.98  # of full scale: samples beyond belong to an input that is driven into its limit
_LIMITED_SHARE = 0.25  # of a block; a sine that just reaches the limit has 0.13


class LoudnessGuard:
    """Watches the blocks of one playback; give its `watch` to `Device.play_record`.

    Parameters
    ----------
    played : mapping of str to (n_frames,) float array
        What each speaker plays, trims and filters included.
    profiles : sequence of SpeakerProfile
    noise : (n,) float array
        The microphone while nothing played.
    fs : int
    delay : int
        From output to input, in samples.

    Notes
    -----
    `watch` works on one row, the microphone, which is the first input. It allocates little and
    takes some tens of microseconds a block.
    """

    def __init__(
        self,
        played: Mapping[str, FloatArray],
        profiles: Sequence[SpeakerProfile],
        *,
        noise: FloatArray,
        fs: int,
        delay: int,
    ) -> None:
        self._block = round(_BLOCK_S * fs)
        self._fs = fs
        self._window = np.hanning(self._block + 2)[1:-1]
        f = np.asarray(np.fft.rfftfreq(self._block, 1.0 / fs), dtype=np.float64)
        self._bands = np.searchsorted(_EDGES_HZ, f, side="right")
        by_name = {p.speaker: p for p in profiles}
        n_frames = max(x.size for x in played.values())
        n_blocks = -(-n_frames // self._block)
        ceiling = np.zeros((n_blocks, len(_EDGES_HZ) + 1))
        expected = np.zeros_like(ceiling)
        for name, x in played.items():
            power = self._powers(np.pad(x, (0, n_blocks * self._block - x.size)))
            likely_db, highest_db = _gains_db(by_name[name], f, self._bands)
            expected += self._sums(power * power_from_db(likely_db))
            ceiling += self._sums(power * power_from_db(highest_db))
        silence = noise[: noise.size // self._block * self._block]
        noise_power = self._sums(self._powers(silence)).mean(axis=0)
        self._playing = self._highest(ceiling, delay, late_s=_LATE_S, early_s=_EARLY_S)
        negligible = self._playing.max() * power_from_db(_NEGLIGIBLE_DB)
        self._playing[self._playing.max(axis=1) < negligible] = 0.0
        self._expected = self._highest(expected, delay, late_s=0.0, early_s=0.0)
        self._expected += noise_power
        self._ceiling = self._playing * power_from_db(LOUDER_DB) + noise_power * power_from_db(
            _NOISE_DB
        )
        self._hop = self._block // _HOPS
        self._recent = np.zeros(self._block)  # the last block
        self._pending = np.zeros(0)
        self._heard = 0  # samples that were judged
        self.stop: SafetyStop | None = None

    def watch(self, block: FloatArray) -> bool:
        """Judge a recorded block, (n_inputs, n_frames); False asks the device to fade out."""
        self._pending = np.concatenate([self._pending, block[0]])
        while self._pending.size >= self._hop and self.stop is None:
            new, self._pending = self._pending[: self._hop], self._pending[self._hop :]
            self._recent = np.concatenate([self._recent[self._hop :], new])
            self._heard += self._hop
            self._judge(self._recent)
        return self.stop is None

    def _judge(self, x: FloatArray) -> None:
        """Compare one block with its ceiling, in the bands that are playing."""
        index = round((self._heard - self._block) / self._block)
        index = min(max(index, 0), len(self._ceiling) - 1)
        at_s = self._heard / self._fs
        limited = bool(np.mean(np.abs(x) >= _LIMIT) >= _LIMITED_SHARE)
        playing = self._playing[index]
        bands = playing >= playing.max() * power_from_db(_PLAYING_DB)
        measured = self._sums(self._powers(x))[0]
        if playing.any() and np.any((measured > self._ceiling[index])[bands]):
            expected = float(np.sum(self._expected[index, bands]))
            louder_db = float(db_from_power(np.sum(measured[bands]) / expected))
            at_least = "at least " if limited else ""
            self.stop = louder_than_predicted(f"{at_least}{louder_db:.0f} dB", at_s, louder_db)
        elif limited:
            self.stop = louder_than_predicted("beyond the limit of the input", at_s, float("nan"))

    def _powers(self, x: FloatArray) -> FloatArray:
        """Power per bin of consecutive blocks, (n_blocks, n_bins): the sum is the mean square."""
        blocks = x.reshape(-1, self._block) * self._window
        power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
        power[:, 1:] *= 2.0
        return power / (self._block * np.sum(self._window**2))

    def _sums(self, power: FloatArray) -> FloatArray:
        """Sum of the bins of each band, (n_blocks, n_bands)."""
        total = np.zeros((len(power), len(_EDGES_HZ) + 1))
        for band in range(total.shape[1]):
            total[:, band] = power[:, self._bands == band].sum(axis=1)
        return total

    def _highest(
        self, power: FloatArray, delay: int, *, late_s: float, early_s: float
    ) -> FloatArray:
        """Highest power sent around the time at which a recorded block was sent."""
        late = round((delay + late_s * self._fs) / self._block)
        early = round((early_s * self._fs - delay) / self._block)
        n = len(power)
        zeros = np.zeros((1, power.shape[1]))
        padded = np.concatenate([zeros.repeat(late, 0), power, zeros.repeat(max(early, 0), 0)])
        padded = padded[: n + late + early]
        windows = np.lib.stride_tricks.sliding_window_view(padded, late + early + 1, axis=0)
        return np.asarray(windows.max(axis=-1))


def _gains_db(
    profile: SpeakerProfile, f_hz: FloatArray, bands: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """Likely and highest gain of a speaker at the bins of a block."""
    at = np.log2(np.array(profile.f_hz))
    gain_db = np.array(profile.gain_db)
    steps = round(_SPREAD_OCTAVES * (at.size - 1) / (at[-1] - at[0]))
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(gain_db, steps, mode="edge"), 2 * steps + 1
    )
    peaks_db = around.max(axis=1)
    f = np.log2(np.maximum(f_hz, 1.0))
    highest_db = np.interp(f, at, peaks_db) + np.array(_ELSEWHERE_DB)[bands]
    return np.interp(f, at, gain_db), highest_db + np.where(bands == 0, _CREST_DB, 0.0)


def louder_than_predicted(how_much: str, at_s: float, louder_db: float) -> SafetyStop:
    """Say by how much, when, and what to do."""
    return SafetyStop(
        "RC-701",
        f"{how_much} louder than predicted at {at_s:.2f} s: muted",
        hint="was an amplifier or a volume control turned up since the quiet sounds at the start? "
        "Turn it back, then run `roomcal level` again",
        at_s=round(at_s, 3),
        louder_db=round(louder_db, 1),
    )

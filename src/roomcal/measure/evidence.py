"""What the detectors of a take share, each worked out once and only when it is asked for."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft

from roomcal.dsp.delay import refined_delay
from roomcal.dsp.short_time import block_samples, short_time_spectra
from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.dsp.sweep_signal import mark_band_hz, mark_samples
from roomcal.measure.disturbances import (
    BLOCK_S,
    Disturbance,
    band_slices,
    continued,
    find_disturbances,
    overlapping,
)
from roomcal.measure.low_edge import deconvolve_for_noise
from roomcal.measure.masking import CleanMean, clean_mean
from roomcal.measure.repeats import COMPARED_HZ, Repeats, compare_repeats
from roomcal.measure.responses import PRE_S
from roomcal.measure.snr import band_energies
from roomcal.measure.sweep_model import SweepModel, sweep_model
from roomcal.measure.time_base import TimeBase
from roomcal.model.capture import Capture
from roomcal.model.impulse_response import BandSnr
from roomcal.units import FloatArray, db_from_power, db_from_ratio

_MARK_ROOM_S = 0.06  # of the room's answer, when a mark is predicted
AUDIBLE_HZ = (20.0, 20000.0)
# Sweeps are moved onto each other when they are this far apart: moving air.
_ALIGNED_ABOVE_SAMPLES = 0.005


@dataclass(frozen=True, eq=False)
class Evidence:
    """One take under examination."""

    capture: Capture
    full_scale_known: bool = True  # False: a DAW may have scaled it, and 1 is no limit

    @property
    def fs(self) -> int:
        """Sample rate."""
        return self.capture.fs

    @cached_property
    def time(self) -> TimeBase:
        """When everything happened."""
        return TimeBase(self.capture)

    @property
    def microphone(self) -> FloatArray:
        """The recording without hum, (n_samples,)."""
        return self.time.microphone

    @cached_property
    def noise(self) -> FloatArray:
        """Recorded before the first mark, without hum, (n_noise,)."""
        return self.microphone[self.time.silences[0]]

    @cached_property
    def block(self) -> int:
        """Length of a block of the short-time spectra."""
        return block_samples(self.fs, BLOCK_S)

    @cached_property
    def noise_power(self) -> FloatArray:
        """Mean short-time power of the noise, (n_bins,)."""
        power = np.abs(short_time_spectra(self.noise, self.block)) ** 2
        inner = power[2:-2] if len(power) > 5 else power
        mean = np.convolve(np.pad(inner.mean(axis=0), 1, mode="edge"), (0.25, 0.5, 0.25), "valid")
        # Without any noise the blocks are weighed alike, far below everything that plays.
        least = 1e-15 * float(np.max(np.abs(self.microphone))) ** 2 * self.block
        return np.maximum(mean, least)

    @cached_property
    def segments_and_zero(self) -> tuple[FloatArray, float]:
        """Sweeps on the player's clock, (n_repeats, n_samples), and where they were sent."""
        plan, clock = self.capture.plan, self.time.clock
        pre = self.pre_samples
        n = pre + plan.sweep.n_samples + plan.tail_samples
        if clock.needs_correction:
            rows = [self.time.read(self.microphone, s - pre, n) for s in plan.sweep_starts]
            return np.stack(rows), float(pre)
        starts = [self.time.recorded_at(s) for s in plan.sweep_starts]
        first = round(starts[0])
        moved = [first + round(s - starts[0]) - pre for s in starts]
        rows = [_cut(self.microphone, s + np.arange(n)) for s in moved]
        return np.stack(rows), pre + starts[0] - first

    @property
    def segments(self) -> FloatArray:
        """Sweeps on the player's clock, (n_repeats, n_samples)."""
        return self.segments_and_zero[0]

    @cached_property
    def model(self) -> SweepModel:
        """What belongs to the sweep of this take."""
        plan = self.capture.plan
        return sweep_model(plan.sweep, self.segments.shape[1], plan.tail_samples)

    @property
    def pre_samples(self) -> int:
        """Index in a segment at which the sweep was sent, to a sample."""
        return round(PRE_S * self.fs)

    @cached_property
    def sweep_responses(self) -> FloatArray:
        """Circular response of each sweep, harmonics included, (n_repeats, n_fft)."""
        return np.stack([self.model.response(s, self.pre_samples) for s in self.segments])

    @cached_property
    def repeats(self) -> Repeats:
        """How the sweeps of the take compare with each other."""
        return compare_repeats(
            self.sweep_responses,
            self.fs,
            pre_samples=self.pre_samples // 2,
            tail_samples=self.capture.plan.tail_samples,
            left_out=self._damaged,
        )

    @property
    def _damaged(self) -> tuple[int, ...]:
        """Sweeps that are damaged for certain, if there are others."""
        sweep = self.time.damaged_sweep
        return () if sweep is None or len(self.segments) == 1 else (sweep,)

    @cached_property
    def residuals(self) -> FloatArray:
        """What each sweep holds beyond its own response, (n_repeats, n_samples)."""
        predictions = [self.model.prediction(h, self.pre_samples) for h in self.sweep_responses]
        return np.asarray(self.segments - np.stack(predictions))

    @cached_property
    def residual_power(self) -> FloatArray:
        """Short-time power of the residuals, (n_repeats, n_blocks, n_bins)."""
        return np.stack([np.abs(short_time_spectra(r, self.block)) ** 2 for r in self.residuals])

    @cached_property
    def sweep_power(self) -> float:
        """Mean square of the recorded sweep."""
        n = self.capture.plan.sweep.n_samples
        return float(np.median(np.mean(self.segments[:, self.pre_samples :][:, :n] ** 2, axis=1)))

    @cached_property
    def own_events(self) -> list[list[Disturbance]]:
        """What stands out of the residual of each sweep."""
        return [self._events(power, sweep=k) for k, power in enumerate(self.residual_power)]

    def _events(self, power: FloatArray, *, sweep: int) -> list[Disturbance]:
        return find_disturbances(
            power,
            self.noise_power,
            self.fs,
            sweep=sweep,
            sweep_power=self.sweep_power,
            allowed_db=self.mark_decay_db,
        )

    @cached_property
    def mark_decay_db(self) -> FloatArray:
        """What the decay of a mark leaves in the first blocks of a segment, (n_bands, n_blocks).

        After the last mark no sweep plays: there it is heard alone, until the recording ends; from
        then on it falls as it did.
        """
        plan = self.capture.plan
        after = self.time.all_marks.recorded_at(
            plan.mark_starts[-1] + plan.sweep_starts[0] - plan.mark_starts[0] - self.pre_samples
        )
        decay = self.microphone[round(after) : self.time.end_of_sound]
        n_bands = len(band_slices(self.fs, self.block))
        if decay.size < 2 * self.block:
            return np.zeros((n_bands, 0))
        power = np.abs(short_time_spectra(decay, self.block)) ** 2
        rows = [
            db_from_power(np.mean(power[:-2, band] / self.noise_power[band], axis=1))
            for band in band_slices(self.fs, self.block)
        ]
        return np.maximum(continued(np.stack(rows), len(self.residual_power[0])), 0.0)

    @cached_property
    def systematic_events(self) -> list[Disturbance]:
        """Events that every sweep shows at the same moment: the equipment, not the room."""
        if len(self.own_events) == 1:
            return []
        return [
            e for e in self.own_events[0] if all(overlapping(e, o) for o in self.own_events[1:])
        ]

    @cached_property
    def combined(self) -> CleanMean:
        """The mean of the good sweeps, disturbances left out."""
        good = self.repeats.kept
        own = [
            [e for e in self.own_events[k] if not overlapping(e, self.systematic_events)]
            for k in good
        ]
        found = clean_mean(
            _aligned(self.segments[list(good)], self.repeats.delays_samples[list(good)]),
            self.fs,
            noise_power=self.noise_power,
            sweep_power=self.sweep_power,
            own=own,
        )
        return found.renumbered(good)

    @cached_property
    def left_events(self) -> list[Disturbance]:
        """What still stands out after masking; systematic events are not among them."""
        if not self.combined.masked:
            return []
        h = self.model.response(self.combined.segment, self.pre_samples)
        left = self.combined.segment - self.model.prediction(h, self.pre_samples)
        events = self._events(np.abs(short_time_spectra(left, self.block)) ** 2, sweep=-1)
        known = [*self.systematic_events, *self.combined.common]
        return [e for e in events if not overlapping(e, known)]

    @cached_property
    def response(self) -> tuple[FloatArray, BandSnr]:
        """Response of the take, from `PRE_S` before it was sent, and its signal-to-noise ratio."""
        pre = self.pre_samples
        return deconvolve_for_noise(
            self.combined.segment,
            self.model.stimulus,
            self.fs,
            noise=self.noise,
            repeats=len(self.repeats.kept),
            start_sample=pre,
            pre_samples=pre,
            n_samples=pre + self.capture.plan.tail_samples,
        )

    @cached_property
    def broadband_snr_db(self) -> float:
        """Level of the sweep as it was heard, re the noise, 20 Hz to 20 kHz."""
        noise = self.noise
        window = np.hanning(noise.size)
        power = np.abs(scipy.fft.rfft((noise - noise.mean()) * window)) ** 2
        f = scipy.fft.rfftfreq(noise.size, 1.0 / self.fs)
        heard = (f >= AUDIBLE_HZ[0]) & (f <= AUDIBLE_HZ[1])
        mean_square = 2.0 * power[heard].sum() / (noise.size * np.sum(window**2))
        return float(db_from_power(self.sweep_power / max(mean_square, 1e-30)))

    @cached_property
    def expected_distance_db(self) -> float:
        """What noise alone makes of the distance between two sweeps, re the response."""
        h, snr = self.response
        inside = (snr.f_hz >= COMPARED_HZ[0]) & (snr.f_hz <= COMPARED_HZ[1])
        energy = band_energies(h, self.fs, snr.f_hz[inside])
        ratio = 10.0 ** (np.nan_to_num(snr.snr_db[inside], nan=400.0) / 10.0)
        noise = np.sum(energy / (1.0 + ratio)) * len(self.repeats.kept)
        return float(db_from_power(2.0 * noise / max(float(energy.sum()), 1e-300)))

    @cached_property
    def mark_gain_db(self) -> float:
        """Level of the marks re what the sweep's response predicts.

        NaN when another speaker plays the marks.
        """
        capture = self.capture
        if capture.speaker != capture.reference_speaker:
            return float("nan")
        mark = mark_samples(self.fs, level_dbfs=capture.plan.sweep.level_dbfs)
        h = self.response[0]
        n = mark.size + round(_MARK_ROOM_S * self.fs)
        n_fft = scipy.fft.next_fast_len(h.size + mark.size, real=True)
        predicted = scipy.fft.irfft(scipy.fft.rfft(mark, n_fft) * scipy.fft.rfft(h, n_fft), n_fft)
        predicted = predicted[self.pre_samples :][:n]
        f = scipy.fft.rfftfreq(n_fft, 1.0 / self.fs)
        low_hz, high_hz = mark_band_hz(self.fs)
        band = (f >= low_hz) & (f <= high_hz)
        P = np.where(band, scipy.fft.rfft(predicted, n_fft), 0.0)
        gains = []
        for k, start in enumerate(capture.plan.mark_starts):
            if k in self.time.covered_marks:
                continue
            heard = scipy.fft.rfft(self.time.read(self.microphone, start, n), n_fft)
            delay = refined_delay(heard * np.conj(P), 0.0)
            turn = np.exp(2j * np.pi * f / self.fs * delay)
            gains.append(np.real(np.vdot(P, heard * turn)) / np.real(np.vdot(P, P)))
        return float(db_from_ratio(np.median(gains))) if gains else float("nan")

    def level_at_db(self, f_hz: FloatArray) -> FloatArray:
        """Level of the response at frequencies, averaged over a sixth of an octave, (n,)."""
        return smoothed_level_db(self.response[0], self.fs, f_hz, 6)

    def time_s(self, event: Disturbance) -> float:
        """Time of an event in the recording."""
        in_sweep = 0.5 * event.peak_block * self.block - self.pre_samples
        start = self.capture.plan.sweep_starts[max(event.sweep, 0)]
        late = self.time.step_at(start)
        return (self.time.clock.recorded_at(start + in_sweep) + late) / self.fs


def _cut(x: FloatArray, index: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
    """Part of a recording; silence beyond its ends."""
    inside = (index >= 0) & (index < x.size)
    return np.where(inside, x[np.clip(index, 0, x.size - 1)], 0.0)


def _aligned(segments: FloatArray, late: FloatArray) -> FloatArray:
    """Sweeps moved onto each other; left alone when they are as good as aligned."""
    if np.abs(late).max(initial=0.0) < _ALIGNED_ABOVE_SAMPLES:
        return segments
    n_fft = scipy.fft.next_fast_len(segments.shape[1], real=True)
    w = 2.0 * np.pi * np.arange(n_fft // 2 + 1) / n_fft
    moved = scipy.fft.rfft(segments, n_fft) * np.exp(1j * w * late[:, None])
    return np.asarray(scipy.fft.irfft(moved, n_fft)[:, : segments.shape[1]])

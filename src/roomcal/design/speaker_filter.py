"""The filter of one speaker, step after step, before speakers are matched to each other."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet
from roomcal.design.assemble import CYCLES_PER_FILTER, joined_taps, linear_note, symmetric
from roomcal.design.average import spatial_level
from roomcal.design.cap import capped
from roomcal.design.direct_level import direct_level_db
from roomcal.design.excess_phase import SMALLEST_BUDGET_S, excess_phase
from roomcal.design.grid import (
    ANALYSIS_S,
    EXPLAINED_HZ,
    MIDDLE,
    Band,
    design_grid_hz,
    on_bins,
    transform_length,
)
from roomcal.design.guard import guarded_decay
from roomcal.design.ledger import TRANSITION_HZ, LedgerCurves, find_ledger
from roomcal.design.limits import Limits, find_limits
from roomcal.design.magnitude import (
    MANY_POSITIONS,
    MagnitudeCorrection,
    magnitude_correction,
    resolutions,
)
from roomcal.design.modal_decay import find_problem, modal_spectrum, solve, stiffness_matrix
from roomcal.design.parametric import parametric_taps
from roomcal.design.phase_plan import PhasePlan, plan_phase
from roomcal.design.targets_measured import MEASURED_TARGETS
from roomcal.design.touch_up import RESOLUTION, touched_up
from roomcal.dsp.minimum_phase import minimum_phase_spectrum
from roomcal.dsp.smoothing import smoothed_level_db, smoothed_power
from roomcal.model.biquad import Biquad
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.ledger import LedgerEntry
from roomcal.units import ComplexArray, FloatArray, db_from_power, frequency_text, ratio_from_db

# A response shorter than this cannot tell bass modes apart.
SHORT_S = 0.5
# Boost is said re the median gain in the middle, which is known only after a first design.
_MIDDLE_PASSES = 2
# Resolution at which the level of phase and modal correction counts against the limits.
_HELD_RESOLUTION = 12


@dataclass(frozen=True, eq=False)
class SpeakerFilter:
    """What was designed for one speaker, at its own level.

    Attributes
    ----------
    taps : (n_taps,) float array
        Time 0 of the filter is at `latency_samples`; the placement band keeps its level.
    power : (n_positions, n_bins) float array
        |H F|^2 of the aligned responses through the filter.
    curves : mapping of str to Curve
    notes : tuple of str
    ledger : tuple of LedgerEntry
    biquads : tuple of Biquad
        Bands that the taps contain.
    """

    taps: FloatArray
    latency_samples: int
    power: FloatArray
    curves: Mapping[str, Curve]
    notes: tuple[str, ...]
    ledger: tuple[LedgerEntry, ...]
    biquads: tuple[Biquad, ...] = ()


@dataclass(frozen=True, eq=False)
class _Magnitude:
    """Steps 1 and 4: everything about levels, on the design grid."""

    aligned: AlignedSet
    f: FloatArray
    target: Curve
    limits: Limits
    middle: Band
    cuts: int
    boosts: int
    direct_db: FloatArray | None
    touch_up: bool = True

    def first(self) -> tuple[MagnitudeCorrection, FloatArray, Limits]:
        """Correct the responses as they are; with the correction and the limits that it kept."""
        bounds = self.limits
        for _ in range(_MIDDLE_PASSES):
            first = magnitude_correction(
                self.aligned,
                self.aligned.power,
                self.f,
                target=self.target,
                limits=bounds,
                cuts=self.cuts,
                boosts=self.boosts,
                direct_db=self.direct_db,
            )
            correction_db = first.granted_db
            if self.touch_up:
                correction_db = self._touched(self.aligned, correction_db, bounds, None)
            bounds = self.limits.lowered(_middle_db(self.f, correction_db, self.middle))
        return first, correction_db, bounds

    def again(self, correction_db: FloatArray, others: ComplexArray) -> FloatArray:
        """Mend the level after other parts of the filter have changed it."""
        power = np.abs(others) ** 2
        through = replace(self.aligned, power=self.aligned.power * power)
        held_db = db_from_power(
            smoothed_power(power, self.aligned.bin_hz, self.f, _HELD_RESOLUTION)
        )
        bounds = self.limits.lowered(_middle_db(self.f, correction_db + held_db, self.middle))
        return self._touched(through, correction_db, bounds, held_db)

    def _touched(
        self,
        aligned: AlignedSet,
        correction_db: FloatArray,
        bounds: Limits,
        held_db: FloatArray | None,
    ) -> FloatArray:
        direct_db = self.direct_db
        if direct_db is not None and held_db is not None:
            direct_db = direct_db + held_db
        return touched_up(
            aligned,
            correction_db,
            self.f,
            target=self.target,
            limits=bounds,
            resolution=min(RESOLUTION, self.boosts),
            direct_db=direct_db,
            held_db=held_db,
        )


def speaker_filter(
    aligned: AlignedSet, target: Curve, spec: DesignSpec, *, n_taps: int
) -> SpeakerFilter:
    """Design the correction of one speaker: level, phase, modes, level again, limit."""
    fs, f = aligned.fs, design_grid_hz(aligned.fs)
    plan = plan_phase(spec, fs, n_taps)
    cuts, boosts = resolutions(len(aligned.positions))
    middle = aligned.band if aligned.is_sub else _below(MIDDLE, aligned.measured_high_hz)
    step = _Magnitude(
        aligned=aligned,
        f=f,
        target=target,
        limits=_limits(aligned, f, spec),
        middle=middle,
        cuts=cuts,
        boosts=boosts,
        direct_db=direct_level_db(aligned, f) if spec.direct_sound and not aligned.is_sub else None,
        # Looked at more coarsely, the fine structure of its own target would count as too loud.
        touch_up=spec.target != "match",
    )
    first, correction_db, bounds = step.first()
    notes = step.limits.notes
    others = None
    if spec.phase == "mixed" and spec.strength > 0.0 and not spec.peq:
        others, told = _other_parts(aligned, f, correction_db, first, spec=spec, plan=plan)
        notes += told
        if others is not None:
            correction_db = step.again(correction_db, others)
    biquads: tuple[Biquad, ...] = ()
    if spec.peq:
        taps, biquads, told = parametric_taps(
            f, correction_db, aligned, spec, n_taps=n_taps, middle=middle
        )
        notes += told
    else:
        taps = joined_taps(f, correction_db, others, aligned, plan=plan, n_taps=n_taps)
    if not biquads:
        taps = capped(
            taps,
            fs,
            max_boost_db=spec.max_boost_db,
            middle=middle,
            latency_samples=plan.latency_samples,
        )
    if spec.phase == "linear":
        taps = symmetric(taps, fs, plan.latency_samples)
        taps = capped(
            taps,
            fs,
            max_boost_db=spec.max_boost_db,
            middle=middle,
            latency_samples=plan.latency_samples,
        )
        notes += (linear_note(plan.latency_samples, fs),)
    n_fft = transform_length(fs, n_taps)
    gain = np.abs(scipy.fft.rfft(taps, n_fft)) ** 2
    power = aligned.power * gain[:: (gain.size - 1) // (aligned.power.shape[-1] - 1)]
    after = spatial_level(
        power, aligned.bin_hz, f, weights=aligned.weights, fine=cuts, coarse=boosts
    )
    before_db = spatial_level(
        aligned.power, aligned.bin_hz, f, weights=aligned.weights, fine=cuts, coarse=boosts
    ).fine_db
    level_db = float(aligned.weights @ aligned.level_db)
    gain_db = smoothed_level_db(taps, fs, f, 24, n_fft=n_fft)
    drawn = {
        "before": before_db + level_db,
        "asked": first.asked_db + level_db,
        "target": first.target_db + level_db,
        "wanted": first.wanted_db,
        "granted": first.granted_db,
        "boost limit": bounds.boost_db,
        "correction": gain_db,
        "predicted": after.fine_db + level_db,
        "spread": first.spread_db,
    }
    explained = EXPLAINED_HZ[f[-1] >= EXPLAINED_HZ]
    curves = {
        name: Curve(explained, Curve(f, values).level_at(explained), name=name)
        for name, values in drawn.items()
    }
    low_hz, high_hz = (
        (aligned.band.low_hz, aligned.band.high_hz) if aligned.is_sub else (20.0, 16000.0)
    )
    ledger = find_ledger(
        aligned,
        LedgerCurves(
            f_hz=f,
            before_db=before_db,
            target_db=first.target_db,
            correction_db=gain_db,
            predicted_db=after.fine_db,
            direct_db=_off_target(step, first),
        ),
        step.limits,
        range_hz=(max(low_hz, spec.low_hz), min(high_hz, spec.high_hz, 0.9 * f[-1])),
    )
    return SpeakerFilter(
        taps, plan.latency_samples, power, curves, _notes(aligned, notes, n_taps), ledger, biquads
    )


def _limits(aligned: AlignedSet, f: FloatArray, spec: DesignSpec) -> Limits:
    """Limits of the correction; a target that comes from the measurement rolls off by itself."""
    limits = find_limits(aligned, f, spec)
    return replace(limits, roll_off=None) if spec.target in MEASURED_TARGETS else limits


def _off_target(step: _Magnitude, first: MagnitudeCorrection) -> FloatArray | None:
    """Direct sound re the target, at the level of the average above the transition."""
    if step.direct_db is None:
        return None
    inside = (step.f > TRANSITION_HZ) & (step.f < 0.9 * step.aligned.measured_high_hz)
    off_db = step.direct_db - first.target_db
    return np.asarray(off_db - np.mean((step.direct_db - first.before_db)[inside]))


def _other_parts(
    aligned: AlignedSet,
    f: FloatArray,
    correction_db: FloatArray,
    first: MagnitudeCorrection,
    *,
    spec: DesignSpec,
    plan: PhasePlan,
) -> tuple[ComplexArray | None, tuple[str, ...]]:
    """Design steps 2 and 3 at the bins of the design, and say what was done."""
    F = minimum_phase_spectrum(ratio_from_db(on_bins(f, correction_db, aligned.n_fft, aligned.fs)))
    others = None
    notes: tuple[str, ...] = ()
    treble = min(spec.high_hz, aligned.measured_high_hz) > 4000.0
    if spec.excess_phase and not aligned.is_sub and treble and plan.excess_s >= SMALLEST_BUDGET_S:
        part = excess_phase(aligned, F, budget_s=plan.excess_s, strength=spec.strength)
        others = None if isinstance(part, str) else part.spectrum
        notes += (part if isinstance(part, str) else part.note,)
    if spec.modal_decay and spec.low_hz < 100.0 and spec.high_hz > 300.0:
        D = minimum_phase_spectrum(
            ratio_from_db(on_bins(f, first.target_db, aligned.n_fft, aligned.fs))
        )
        problem = find_problem(aligned, F, D, before_s=plan.modal_s, joint=not spec.guard)
        if spec.guard:
            guarded = guarded_decay(problem, aligned)
            g, told = guarded.g, guarded.notes
        else:
            R = stiffness_matrix(problem)
            g = solve(problem, np.ones(1), R, n_positions=len(aligned.positions))[0]
            told = ()
        notes += told
        if g is not None:
            modal = modal_spectrum(problem, spec.strength * g, aligned)
            others = modal if others is None else others * modal
    return others, notes


def _middle_db(f_hz: FloatArray, level_db: FloatArray, middle: Band) -> float:
    """Median of a level over evenly spaced frequencies of a band."""
    f = np.linspace(middle.low_hz, middle.high_hz, 1000)
    return float(np.median(Curve(f_hz, level_db).level_at(f)))


def _below(band: Band, high_hz: float) -> Band:
    """Keep a band below what was measured."""
    return Band(band.low_hz, min(band.high_hz, 0.9 * high_hz))


def _notes(aligned: AlignedSet, notes: tuple[str, ...], n_taps: int) -> tuple[str, ...]:
    """Add what the number and length of responses and taps mean for the design."""
    more = list(notes)
    n = len(aligned.positions)
    if n < MANY_POSITIONS:
        more.append(
            f"{n} position{'s' if n > 1 else ''} only: what looks like the room may be the place, "
            f"so the correction is coarser; measure at least {MANY_POSITIONS}, better 9"
        )
    if aligned.shortest_s < SHORT_S:
        more.append(
            f"the shortest response ends {aligned.shortest_s:.2f} s after its arrival: bass "
            f"below {frequency_text(CYCLES_PER_FILTER / aligned.shortest_s)} is known roughly, and "
            f"below {frequency_text(1.0 / aligned.shortest_s)} not at all: left as it is"
        )
    if n_taps < 0.2 * ANALYSIS_S * aligned.fs:
        lowest_hz = CYCLES_PER_FILTER * aligned.fs / n_taps
        more.append(
            f"{n_taps} taps last {1000.0 * n_taps / aligned.fs:.0f} ms: below "
            f"{frequency_text(lowest_hz)} the filter is only coarse"
        )
    return tuple(more)

"""From responses and a target to one filter bank, and the reasons for it."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from roomcal.design.align import AlignedSet, align
from roomcal.design.bank import build_bank
from roomcal.design.crossover import MAX_DELAY_S, SubJoin, join_sub, joined_responses
from roomcal.design.matching import match_delays, match_levels
from roomcal.design.phase_plan import plan_phase
from roomcal.design.polarity import inverted_speakers
from roomcal.design.speaker_filter import speaker_filter
from roomcal.design.targets import target_curve
from roomcal.design.targets_measured import (
    MEASURED_TARGETS,
    measured_targets,
    with_shelves,
)
from roomcal.dsp.fractional_delay import HALF_WIDTH
from roomcal.errors import InputError
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import Explanation, FilterBank
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio

BAND_TAPS = 65536  # that hold the ring of an equaliser's bands, at 48 kHz
# Speakers that are designed at once take 90 MB each with 65,536 taps; very long ones go one by one.
MOST_AT_ONCE, LONG_TAPS = 4, 1 << 18
REFERENCE_FS = 48000  # Hz: `DesignSpec.taps` are counted at this rate


@dataclass(frozen=True, eq=False)
class Design:
    """The filters for one sample rate and, for every speaker, why they are what they are."""

    name: str
    filters: FilterBank
    explanations: tuple[Explanation, ...]


def design(
    responses: Sequence[ImpulseResponse],
    target: Curve,
    spec: DesignSpec,
    *,
    name: str,
    fs: int,
    studio: Studio | None = None,
) -> Design:
    """Design one filter for every speaker, and match the speakers to each other.

    Parameters
    ----------
    responses : sequence of ImpulseResponse
        Any number of speakers and positions. The main position counts as five: the first of the
        studio, or without a studio the first by its name (p2 before p10).
    target : Curve
        A target without roll-off is limited to what the speakers can do. Where `spec.target` is
        one that comes from the measurement, that one counts.
    spec : DesignSpec
    name : str
        Of the bank.
    fs : int
        The rate to design for; responses at another rate are resampled.
    studio : Studio, optional
        Says which speakers are subs, and in which order they stand.

    Raises
    ------
    InputError
        RC-304 when the responses have several sample rates, RC-315 when there is none or one is
        silent, RC-316 when the taps cannot hold the delays.
    """
    main = _main_position(responses, studio)
    by_speaker = _by_speaker(responses, studio, main)
    n_taps = tap_count(spec, fs)
    subs = {s.name for s in studio.speakers if s.is_sub} if studio is not None else set()
    sets = [
        align(rs, fs, main_position=main, is_sub=speaker in subs)
        for speaker, rs in by_speaker.items()
    ]
    if spec.strength == 0.0:
        spec = replace(spec, phase="minimum")  # a correction of nothing takes no time
    if spec.target == "match":
        spec = replace(spec, direct_sound=False, excess_phase=False, modal_decay=False)
    measured = spec.target in MEASURED_TARGETS
    # A target from the measurement says nothing of a sub: it joins its mains at their level.
    target = _bent(target_curve("flat") if measured else target, spec)
    turned = _turned(sets, spec)
    by_speaker = {
        n: [replace(r, samples=-r.samples) for r in rs] if n in turned else rs
        for n, rs in by_speaker.items()
    }
    sets = [replace(s, h=-s.h) if s.speaker in turned else s for s in sets]
    join: SubJoin | None = None
    joined = _joined(by_speaker, sets, target, spec, fs=fs, n_taps=n_taps)
    if isinstance(joined, tuple):
        join, by_speaker = joined
        sets = [align(rs, fs, main_position=main) for rs in by_speaker.values()]
    targets = [target] * len(sets)
    said: tuple[str, ...] = ()
    if measured:
        own, said = measured_targets(sets, spec.target)
        targets = [_bent(curve, spec) for curve in own]
    at_once = min(len(sets), MOST_AT_ONCE) if n_taps <= LONG_TAPS else 1
    with ThreadPoolExecutor(max_workers=at_once) as speakers:  # FFTs let go of the interpreter
        parts = list(
            speakers.map(lambda s, t: speaker_filter(s, t, spec, n_taps=n_taps), sets, targets)
        )
    gain_db = dict.fromkeys(by_speaker, 0.0)
    delay_s = dict.fromkeys(by_speaker, 0.0)
    notes: dict[str, tuple[str, ...]] = {
        s.speaker: (
            ((join.note,) if join is not None else ())
            + ((turned[s.speaker],) if s.speaker in turned else ())
            + said
            + part.notes
        )
        for s, part in zip(sets, parts, strict=True)
    }
    if isinstance(joined, str):
        notes = {n: (*told, joined) for n, told in notes.items()}
    if spec.match_levels and len(sets) > 1:
        gain_db, told = match_levels(sets, [p.power for p in parts], target)
        notes = {n: notes[n] + told[n] for n in notes}
    if spec.match_delays and len(sets) > 1:
        delay_s, told = match_delays(by_speaker, sets, main_position=main)
        notes = {n: notes[n] + told[n] for n in notes}
    return Design(
        name=name,
        filters=build_bank(
            [part.taps for part in parts],
            fs,
            names=[s.speaker for s in sets],
            own_latency=plan_phase(spec, fs, n_taps).latency_samples,
            max_latency=None if spec.max_latency_s is None else int(spec.max_latency_s * fs),
            gain_db=gain_db,
            delay_s=delay_s,
            inverted=frozenset(turned),
            join=join,
            bands=[part.biquads for part in parts],
            fir_taps=fir_length(spec, fs),
        ),
        explanations=tuple(
            Explanation(
                speaker=s.speaker,
                curves=part.curves,
                gain_db=gain_db[s.speaker],
                delay_s=delay_s[s.speaker],
                inverted=s.speaker in turned,
                notes=notes[s.speaker],
                ledger=part.ledger,
            )
            for s, part in zip(sets, parts, strict=True)
        ),
    )


def _bent(target: Curve, spec: DesignSpec) -> Curve:
    return with_shelves(
        target, tilt_db=spec.tilt_db, bass_db=spec.bass_db, treble_db=spec.treble_db
    )


def tap_count(spec: DesignSpec, fs: int) -> int:
    """Taps at a sample rate: the same duration as `spec.taps` at 48 kHz."""
    # Bands ring as long as they ring, however short the FIR beside them is.
    taps = max(spec.taps, BAND_TAPS) if spec.peq else spec.taps
    return max(1, round(taps * fs / REFERENCE_FS))


def fir_length(spec: DesignSpec, fs: int) -> int | None:
    """Taps of the FIR beside the bands of a hybrid; None where there is no such thing."""
    return max(1, round(spec.taps * fs / REFERENCE_FS)) if spec.hybrid_hz else None


def _turned(sets: Sequence[AlignedSet], spec: DesignSpec) -> dict[str, str]:
    """Speakers whose polarity the filter turns over, with a note each."""
    phase = spec.phase == "mixed" and spec.excess_phase and spec.strength > 0.0 and not spec.peq
    if not phase and not spec.match_delays:
        return {}
    return inverted_speakers(sets, absolute=phase)


def _joined(
    by_speaker: dict[str, list[ImpulseResponse]],
    sets: Sequence[AlignedSet],
    target: Curve,
    spec: DesignSpec,
    *,
    fs: int,
    n_taps: int,
) -> tuple[SubJoin, dict[str, list[ImpulseResponse]]] | str | None:
    """Mains with their part of the sub, or why there are none; None without mains and one sub."""
    subs = [s.speaker for s in sets if s.is_sub]
    mains = {s.speaker: by_speaker[s.speaker] for s in sets if not s.is_sub}
    if not spec.crossover or not subs or not mains:
        return None
    if len(subs) > 1:
        return "several subs keep inputs of their own in this version"
    left_s = MAX_DELAY_S
    if spec.max_latency_s is not None:
        own_s = (plan_phase(spec, fs, n_taps).latency_samples + HALF_WIDTH) / fs
        left_s = max(spec.max_latency_s - own_s, 0.0)
    sub = by_speaker[subs[0]]
    join = join_sub(
        mains,
        sub,
        sets,
        target,
        crossover_hz=spec.crossover_hz,
        most_main_delay_s=left_s,
        match_level=spec.match_levels,
    )
    if isinstance(join, str):
        return join
    return join, joined_responses(mains, sub, join, fs)


def _by_speaker(
    responses: Sequence[ImpulseResponse], studio: Studio | None, main_position: str
) -> dict[str, list[ImpulseResponse]]:
    """Responses of every speaker, in an order of their own, after checking that they fit."""
    rates = sorted({r.fs for r in responses})
    if len(rates) > 1:
        odd = next(r for r in responses if r.fs != responses[0].fs)
        raise InputError(
            "RC-304",
            f"the responses have several sample rates: {responses[0].speaker} at "
            f"{responses[0].position} has {responses[0].fs} Hz, {odd.speaker} at {odd.position} "
            f"has {odd.fs} Hz",
            hint="measure or import them all at one rate",
            rates=rates,
        )
    first_seen = list(dict.fromkeys(r.speaker for r in responses))
    known = [s.name for s in studio.speakers] if studio is not None else []
    order = [n for n in known if n in first_seen] + [n for n in first_seen if n not in known]
    in_order = sorted(responses, key=lambda r: (r.position != main_position, r.position))
    return {n: [r for r in in_order if r.speaker == n] for n in order}


def _main_position(responses: Sequence[ImpulseResponse], studio: Studio | None) -> str:
    """Return the position that counts most: the studio's first, else the first by its name."""
    if not responses:
        raise InputError(
            "RC-315", "there is no response to design from", hint="measure or import one"
        )
    measured = {r.position for r in responses}
    if studio is not None and studio.positions and studio.positions[0].name in measured:
        return studio.positions[0].name
    return min(measured, key=_by_number)


def _by_number(name: str) -> list[tuple[bool, int, str]]:
    """Sort p2 before p10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]

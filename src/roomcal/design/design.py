"""From responses and a target to one filter bank, and the reasons for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roomcal.design.align import AlignedSet, align
from roomcal.design.headroom import headroom_db
from roomcal.design.matching import match_delays, match_levels
from roomcal.design.speaker_filter import SpeakerFilter, speaker_filter
from roomcal.design.targets_measured import (
    MEASURED_TARGETS,
    measured_target,
    with_shelves,
)
from roomcal.dsp.fractional_delay import HALF_WIDTH, WHOLE_SAMPLE, delayed
from roomcal.errors import InputError
from roomcal.model.curve import Curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import Explanation, FilterBank, PathStructure
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.studio import Studio
from roomcal.units import FloatArray, ratio_from_db

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
        Any number of speakers and positions. The main position counts twice: the first of the
        studio, or without a studio that of the first response.
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
    if spec.target in MEASURED_TARGETS:
        target = measured_target(sets, spec.target)
        if spec.target == "match":
            spec = replace(spec, direct_sound=False, excess_phase=False, modal_decay=False)
    target = with_shelves(
        target, tilt_db=spec.tilt_db, bass_db=spec.bass_db, treble_db=spec.treble_db
    )
    parts = [speaker_filter(s, target, spec, n_taps=n_taps) for s in sets]
    gain_db = dict.fromkeys(by_speaker, 0.0)
    delay_s = dict.fromkeys(by_speaker, 0.0)
    notes: dict[str, tuple[str, ...]] = {
        s.speaker: part.notes for s, part in zip(sets, parts, strict=True)
    }
    if spec.match_levels and len(sets) > 1:
        gain_db, told = match_levels(sets, [p.power for p in parts], target)
        notes = {n: notes[n] + told[n] for n in notes}
    if spec.match_delays and len(sets) > 1:
        delay_s, told = match_delays(by_speaker, sets, main_position=main)
        notes = {n: notes[n] + told[n] for n in notes}
    return Design(
        name=name,
        filters=_bank(
            sets,
            parts,
            fs,
            gain_db=gain_db,
            delay_s=delay_s,
            max_latency=None if spec.max_latency_s is None else int(spec.max_latency_s * fs),
        ),
        explanations=tuple(
            Explanation(
                speaker=s.speaker,
                curves=part.curves,
                gain_db=gain_db[s.speaker],
                delay_s=delay_s[s.speaker],
                notes=notes[s.speaker],
                ledger=part.ledger,
            )
            for s, part in zip(sets, parts, strict=True)
        ),
    )


def tap_count(spec: DesignSpec, fs: int) -> int:
    """Taps at a sample rate: the same duration as `spec.taps` at 48 kHz."""
    return max(1, round(spec.taps * fs / REFERENCE_FS))


def _bank(
    sets: Sequence[AlignedSet],
    parts: Sequence[SpeakerFilter],
    fs: int,
    *,
    gain_db: dict[str, float],
    delay_s: dict[str, float],
    max_latency: int | None,
) -> FilterBank:
    """Put gain, delay and headroom into the taps of a diagonal bank."""
    names = tuple(s.speaker for s in sets)
    wanted = {n: delay_s[n] * fs for n in names}
    fractional = any(abs(d - round(d)) >= WHOLE_SAMPLE for d in wanted.values())
    extra = HALF_WIDTH if fractional else 0
    own = parts[0].latency_samples
    if max_latency is not None and own + extra > max_latency:
        wanted = {n: float(round(d)) for n, d in wanted.items()}  # 7 mm of path at most
        extra = 0
    latency = own + extra
    n_taps = parts[0].taps.size
    longest = max(wanted.values()) + latency
    if longest - own > n_taps / 4:
        raise InputError(
            "RC-316",
            f"{n_taps} taps at {fs} Hz are too short to hold the delay of {longest:.0f} samples "
            "that matches the speakers",
            hint="use more taps, or leave the delays unmatched",
            n_taps=n_taps,
            delay_samples=longest,
        )
    taps: FloatArray = np.zeros((len(names), len(names), n_taps))
    for i, (n, part) in enumerate(zip(names, parts, strict=True)):
        gain = float(ratio_from_db(gain_db[n]))
        taps[i, i] = gain * delayed(part.taps, wanted[n] + extra)
    headroom = headroom_db(taps)
    taps *= float(ratio_from_db(-headroom))
    return FilterBank(
        taps=taps,
        fs=fs,
        inputs=names,
        outputs=names,
        latency_samples=latency,
        headroom_db=headroom,
        paths=tuple(
            PathStructure(output=n, input=n, gain_db=gain_db[n], delay_s=delay_s[n]) for n in names
        ),
    )


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
    """Return the position that counts twice."""
    if not responses:
        raise InputError(
            "RC-315", "there is no response to design from", hint="measure or import one"
        )
    measured = {r.position for r in responses}
    if studio is not None and studio.positions and studio.positions[0].name in measured:
        return studio.positions[0].name
    return responses[0].position

"""What a session says in a few sentences: how the room is, what a filter can mend, what it cannot.

A filter changes what a speaker sends. It lowers what resonates, brings levels and times together
and bends the tone. It does not fill what cancels, does not take away what walls send back, and
does not make a room quiet.
"""

from dataclasses import dataclass

import numpy as np

from roomcal.analyze.boundary import BoundaryInterference
from roomcal.analyze.reflections import CRITERION_DB, CRITERION_S
from roomcal.analyze.response import spatial_average
from roomcal.analyze.session_analysis import SessionAnalysis
from roomcal.units import FloatArray, counted, frequency_text, louder_text

_BASS_HZ = (30.0, 200.0)
_MIDDLE_HZ = (200.0, 4000.0)
_PEAK_DB = 4.0  # above the middle: what a filter should lower
_PEAK_APART_OCTAVES = 0.25
_MOST = 3  # of a kind that are named
_LONG_DECAY_S = 0.4  # EBU Tech 3276 and ITU-R BS.1116 call 0.2 to 0.4 s good for their rooms
_RINGS = 1.5  # a mode that decays this much longer than the middle is heard by itself
_LEVEL_DB, _DELAY_S = 0.5, 0.0001  # between left and right
_DISTORTION_DB, _DISTORTION_FROM_HZ = -40.0, 40.0  # 1 %, where small speakers play
_DIP_DB, _DIP_BELOW_HZ = 6.0, 300.0  # what is worth moving a speaker
_LOUD_NC = 25.0


_Weighed = tuple[float, str]  # how bad, and the sentence


@dataclass(frozen=True)
class Overview:
    """The answer of `analyze` in words."""

    verdict: str
    can: tuple[str, ...]  # what a filter can mend
    cannot: tuple[str, ...]  # what it cannot, and what would


def summarize_analysis(analysis: SessionAnalysis) -> Overview:
    """Sum up a session."""
    averages = {
        s: spatial_average([a.judged for a in analysis.responses if a.speaker == s], name=s).mean
        for s in analysis.speakers
    }
    can: list[str] = []
    cannot: list[str] = []
    spans = []
    peaked: list[_Weighed] = []
    for speaker, curve in averages.items():
        if speaker in analysis.full_range:
            f = curve.f_hz
            middle = curve.level_db[(f >= _MIDDLE_HZ[0]) & (f <= _MIDDLE_HZ[1])].mean()
            inside = (f >= _BASS_HZ[0]) & (f <= _BASS_HZ[1])
            bass = curve.level_db[inside] - middle
            spans.append(float(np.ptp(bass)))
            peaks = _peaks(f[inside], bass)
            if peaks:
                named = ", ".join(f"{frequency_text(hz)} ({db:+.0f} dB)" for hz, db in peaks)
                worst = max(db for _, db in peaks)
                peaked.append((worst, f"{speaker}: peaks in the bass at {named}"))
    middle_s = _middle_decay_s(analysis)
    can += _few(peaked)
    can += _ringing(analysis, middle_s)
    can += _few(_pair_sentences(analysis))
    cannot += _few([w for b in analysis.boundaries for w in _dip_sentences(b)])
    cannot += _few(_reflection_sentences(analysis))
    if middle_s > _LONG_DECAY_S:
        cannot.append(
            f"decay of {middle_s:.2f} s from 250 Hz to 4 kHz, beyond {_LONG_DECAY_S} s: absorbers"
        )
    cannot += _inverted(analysis) + _few(_distortion_sentences(analysis))
    cannot += _noise_sentences(analysis)
    return Overview(_verdict(spans, middle_s, analysis), tuple(can), tuple(cannot))


def _few(weighed: list[_Weighed]) -> list[str]:
    """Keep the worst sentences of a kind, in their order, and count the rest."""
    worst = sorted(weighed, key=lambda w: -w[0])[:_MOST]
    kept = [sentence for _, sentence in weighed if sentence in [s for _, s in worst]]
    rest = len(weighed) - len(kept)
    return [*kept, f"{rest} more like these"] if rest else kept


def _dip_sentences(boundary: BoundaryInterference) -> list[_Weighed]:
    """Name the deepest dips that the positions share."""
    deep = [d for d in boundary.dips if d.depth_db >= _DIP_DB and d.f_hz < _DIP_BELOW_HZ]
    deep = sorted(deep, key=lambda d: -d.depth_db)[:_MOST]
    if not deep:
        return []
    named = ", ".join(
        f"{frequency_text(d.f_hz)} (-{d.depth_db:.0f} dB; {d.quarter_wave_m:.2f} m"
        + (f", {d.surface})" if d.surface else ")")
        for d in sorted(deep, key=lambda d: d.f_hz)
    )
    worst = max(d.depth_db for d in deep)
    if boundary.reason:
        return [(worst, f"{boundary.speaker}: dips, perhaps of this position alone: {named}")]
    text = (
        f"{boundary.speaker}: dips that the positions share, as from a boundary at that distance: "
        f"{named}; move the speaker"
    )
    return [(worst, text)]


def _verdict(spans: list[float], middle_s: float, analysis: SessionAnalysis) -> str:
    """Name the three numbers that describe a room best."""
    parts = []
    if spans:
        parts.append(f"the bass of 30-200 Hz spans {max(spans):.0f} dB")
    if np.isfinite(middle_s):
        parts.append(f"the middle decays in {middle_s:.2f} s")
    strongest = [
        r.level_db
        for s in analysis.full_range
        if (r := analysis.at_main(s).reflections.strongest) is not None
    ]
    if strongest:
        parts.append(f"the strongest early reflection is at {max(strongest):.0f} dB")
    return ", ".join(parts) or "too little was measured for a verdict"


def _peaks(f_hz: FloatArray, level_db: FloatArray) -> list[tuple[float, float]]:
    """Return the strongest maxima above the middle, in order of frequency."""
    inner = np.flatnonzero((level_db[1:-1] >= level_db[:-2]) & (level_db[1:-1] > level_db[2:])) + 1
    chosen: list[int] = []
    for k in sorted(inner, key=lambda k: -level_db[k]):
        apart = all(abs(np.log2(f_hz[k] / f_hz[o])) > _PEAK_APART_OCTAVES for o in chosen)
        if level_db[k] > _PEAK_DB and apart:
            chosen.append(int(k))
    return [(float(f_hz[k]), float(level_db[k])) for k in sorted(chosen[:_MOST])]


def _middle_decay_s(analysis: SessionAnalysis) -> float:
    """Mean decay time of the octaves 250 Hz to 4 kHz, over all that play them."""
    rows = [
        a.octave_decay.best_s[(a.octave_decay.bands_hz > 200) & (a.octave_decay.bands_hz < 5000)]
        for a in analysis.responses
        if a.speaker in analysis.full_range
    ]
    values = np.concatenate(rows) if rows else np.zeros(0)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")


def _ringing(analysis: SessionAnalysis, middle_s: float) -> list[str]:
    """Name the modes that ring longest against the middle."""
    room = analysis.responses[0].room
    long = [m for m in room.modes if m.t60_s > _RINGS * middle_s]
    long = sorted(long, key=lambda m: -float(m.level_db.max()))[:_MOST]
    if not long:
        return []
    named = ", ".join(
        f"{frequency_text(m.f_hz)} ({m.t60_s:.1f} s)" for m in sorted(long, key=lambda m: m.f_hz)
    )
    return [f"modes that ring: {named}; absorbers or bass traps shorten them better"]


def _pair_sentences(analysis: SessionAnalysis) -> list[_Weighed]:
    found = []
    for p in analysis.pairs:
        if abs(p.level_db) > _LEVEL_DB:
            text = f"{p.first} is {louder_text(p.level_db)} than {p.second}"
            found.append((abs(p.level_db), text))
        if abs(p.delay_s) > _DELAY_S:
            text = (
                f"{p.second} arrives {1000.0 * abs(p.delay_s):.2f} ms "
                f"{'before' if p.delay_s < 0.0 else 'after'} {p.first} "
                f"({abs(p.delay_m):.2f} m)"
            )
            found.append((1000.0 * abs(p.delay_s), text))
    return found


def _inverted(analysis: SessionAnalysis) -> list[str]:
    return [
        f"{p.first} and {p.second} have opposite polarity: look at their cables"
        for p in analysis.pairs
        if p.inverted
    ]


def _reflection_sentences(analysis: SessionAnalysis) -> list[_Weighed]:
    found = []
    for speaker in analysis.full_range:
        early = analysis.at_main(speaker).reflections
        loud = [r for r in early.found if r.delay_s <= CRITERION_S and r.level_db > CRITERION_DB]
        if loud:
            worst = max(loud, key=lambda r: r.level_db)
            where = f" ({worst.surface})" if worst.surface else ""
            text = (
                f"{speaker}: {counted(len(loud), 'reflection')} above "
                f"{CRITERION_DB:.0f} dB within {1000 * CRITERION_S:.0f} ms, the strongest "
                f"{worst.level_db:+.0f} dB by a detour of {worst.path_m:.2f} m{where}: absorb or "
                "turn it away"
            )
            found.append((worst.level_db, text))
    return found


def _distortion_sentences(analysis: SessionAnalysis) -> list[_Weighed]:
    found = []
    for speaker, d in analysis.distortion.items():
        heard = np.where(d.f_hz >= _DISTORTION_FROM_HZ, d.thd_db, np.nan)
        loud = np.flatnonzero(np.nan_to_num(heard, nan=-np.inf) > _DISTORTION_DB)
        if loud.size:
            k = int(loud[np.argmax(d.thd_db[loud])])
            text = (
                f"{speaker} distorts: {100.0 * 10.0 ** (d.thd_db[k] / 20.0):.1f} % at "
                f"{frequency_text(float(d.f_hz[k]))}, sweep at {d.level_dbfs:g} dBFS"
            )
            found.append((float(d.thd_db[k]), text))
    return found


def _noise_sentences(analysis: SessionAnalysis) -> list[str]:
    if analysis.noise is None:
        return []
    return [
        f"noise of NC {r.rating:.0f}, most around {frequency_text(r.band_hz)}"
        for r in analysis.noise.ratings
        if r.name == "NC" and r.rating > _LOUD_NC
    ]

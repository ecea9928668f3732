"""Two sessions of one studio: what changed, by how much, and whether by chance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import counted, frequency_text, nominal_hz
from roomcal.verify.confounds import Circumstances, Pair, find_circumstances
from roomcal.verify.health import Finding
from roomcal.verify.session_changes import (
    Change,
    decay_changes,
    level_changes,
    reflection_changes,
)
from roomcal.verify.significance import FAMILY_ERROR, significant

NO_CHANGE = "no significant change"


@dataclass(frozen=True)
class SpeakerComparison:
    """One speaker, b against a; every band and window, significant or not."""

    speaker: str
    positions: tuple[str, ...]  # that both sessions have
    gain_db: float  # of the direct sound; NaN for a sub
    levels: tuple[Change, ...]  # third octaves
    decays: tuple[Change, ...]  # octaves
    reflections: tuple[Change, ...]  # windows after the direct sound

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that was compared."""
        return (*self.levels, *self.decays, *self.reflections)

    @property
    def found(self) -> tuple[Change, ...]:
        """What is more than chance."""
        return tuple(c for c in self.changes if c.significant)


@dataclass(frozen=True)
class Comparison:
    """Session b against session a."""

    a: str
    b: str
    speakers: tuple[SpeakerComparison, ...]
    circumstances: Circumstances
    n_compared: int  # numbers that were compared, in all
    notes: tuple[str, ...] = ()  # what one session has and the other does not

    @property
    def changed(self) -> bool:
        """Whether anything is more than chance."""
        return any(s.found for s in self.speakers)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What differs beside the room."""
        return self.circumstances.findings

    @property
    def confounded(self) -> bool:
        """Whether something beside the room explains differences."""
        return any(f.severity == "warning" for f in self.findings)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.n_compared:
            return "nothing could be compared"
        if not self.changed:
            return NO_CHANGE
        n = sum(len(s.found) for s in self.speakers)
        parts = [text for s in self.speakers if (text := speaker_text(s))]
        beside = ", not all of them the room's" if self.confounded else ""
        return (
            f"{counted(n, 'significant change')} of {self.n_compared}{beside}: {'; '.join(parts)}"
        )


def compare_sessions(
    a: Sequence[ImpulseResponse],
    b: Sequence[ImpulseResponse],
    *,
    names: tuple[str, str] = ("a", "b"),
    family_error: float = FAMILY_ERROR,
) -> Comparison:
    """Compare two sessions over the speakers and positions that both have.

    Parameters
    ----------
    a, b : sequence of ImpulseResponse
        Then and now.
    names : (str, str)
    family_error : float
        Chance of any false alarm, over all speakers, bands and windows.

    Raises
    ------
    ValueError
        If the sessions share no path.
    """
    pairs, notes = _paired(a, b, names)
    if not pairs:
        raise ValueError("the sessions share no path")
    circumstances = find_circumstances(pairs)
    speakers = [_one_speaker(name, own, circumstances) for name, own in pairs.items()]
    p_values = np.array([c.p_value for s in speakers for c in s.changes])
    flags = iter(significant(p_values, family_error=family_error))
    judged = tuple(
        replace(
            s,
            levels=_judged(s.levels, flags),
            decays=_judged(s.decays, flags),
            reflections=_judged(s.reflections, flags),
        )
        for s in speakers
    )
    n = int(np.isfinite(p_values).sum())
    return Comparison(*names, judged, circumstances, n, tuple(notes))


def speaker_text(speaker: SpeakerComparison) -> str:
    """Sum up one speaker's significant changes; empty if it has none."""
    parts = []
    for what, own in (("level", speaker.levels), ("decay", speaker.decays)):
        found = [c for c in own if c.significant]
        if found:
            most = max(found, key=lambda c: abs(_relative(c)))
            where = frequency_text(nominal_hz(most.at))
            amount = (
                f"{most.difference:+.1f} dB"
                if what == "level"
                else f"{most.a:.2f} to {most.b:.2f} s"
            )
            more = f" in {counted(len(found), 'band')}, most" if len(found) > 1 else ""
            parts.append(f"{what}{more} {amount} at {where}")
    found = [c for c in speaker.reflections if c.significant]
    if found:
        most = max(found, key=lambda c: abs(c.difference))
        parts.append(
            f"reflections {most.difference:+.1f} dB after "
            f"{1000.0 * most.at:.1f}-{1000.0 * most.until:.0f} ms"
        )
    return f"{speaker.speaker}: {', '.join(parts)}" if parts else ""


def _relative(change: Change) -> float:
    """Size of a change of its kind: dB, or the logarithm of a ratio of times."""
    if change.quantity == "decay":
        return float(np.log(change.b / change.a))
    return change.difference


def _paired(
    a: Sequence[ImpulseResponse], b: Sequence[ImpulseResponse], names: tuple[str, str]
) -> tuple[dict[str, list[Pair]], list[str]]:
    """(then, now) of every common path by speaker, and what has no counterpart."""
    paths = [{(r.speaker, r.position): r for r in side} for side in (a, b)]
    pairs: dict[str, list[Pair]] = {}
    for path, response in paths[0].items():
        if path in paths[1]:
            pairs.setdefault(path[0], []).append((response, paths[1][path]))
    notes = []
    for name, own, other in ((names[0], *paths), (names[1], *paths[::-1])):
        alone = [f"{s} {p}" for s, p in own if (s, p) not in other]
        if alone:
            shown = ", ".join(alone[:4]) + (" ..." if len(alone) > 4 else "")
            notes.append(f"only {name} has {shown}")
    return pairs, notes


def _one_speaker(
    name: str, pairs: Sequence[Pair], circumstances: Circumstances
) -> SpeakerComparison:
    """Compare one speaker, what is no change of the room taken off."""
    moved_m = circumstances.moved_by_speaker_m(name)
    scale = circumstances.scale
    return SpeakerComparison(
        name,
        tuple(then.position for then, _ in pairs),
        circumstances.gains_db[name],
        tuple(
            level_changes(
                pairs,
                gain_db=circumstances.common_gain_db,
                scale=0.0 if np.isnan(scale) else scale,
                moved_m=moved_m,
            )
        ),
        tuple(decay_changes(pairs, moved_m=moved_m)),
        tuple(reflection_changes(pairs, moved_m=moved_m)),
    )


def _judged(changes: Sequence[Change], flags: Iterator[bool]) -> tuple[Change, ...]:
    """Give each change its verdict, in order."""
    return tuple(replace(c, significant=bool(next(flags))) for c in changes)

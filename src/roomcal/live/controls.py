"""What is wanted of a running engine, and the lines of text that change it.

The same lines come from the keys of the screen and from `roomcal ctl`. A switch without a word
behind it turns over: `bypass`, `bypass on`, `bypass off`.
"""

import dataclasses
import difflib
from collections.abc import Callable, Collection, Mapping, Sequence

from roomcal.errors import InputError
from roomcal.live.panel import Panel

LOWEST_GAIN_DB = -60.0


@dataclasses.dataclass(frozen=True)
class Cast:
    """The names that a line may use."""

    banks: tuple[str, ...]  # in the order of the keys 1 to 9
    speakers: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Controls:
    """What is wanted."""

    bank: int = 0
    bypass: bool = False
    mute: bool = False
    dim: bool = False
    solo: str = ""  # speaker that plays alone
    inverted: frozenset[str] = frozenset()
    gains_db: Mapping[str, float] = dataclasses.field(
        default_factory=dict
    )  # beside those of the studio


def put(
    panel: Panel, controls: Controls, speakers: Sequence[str], trims_db: Sequence[float]
) -> None:
    """Write what is wanted on the panel of an engine.

    Parameters
    ----------
    panel : Panel
    controls : Controls
        `bank` is the slot in which the engine has it.
    speakers : sequence of str
        The engine's outputs, in their order.
    trims_db : sequence of float
        Gain of each speaker in this studio.
    """
    gains_db = panel.channels("gain_db")
    for output, (speaker, trim_db) in enumerate(zip(speakers, trims_db, strict=True)):
        gains_db[output] = trim_db + controls.gains_db.get(speaker, 0.0)
    panel.command(
        wanted=controls.bank,
        bypass=controls.bypass,
        mute=controls.mute,
        dim=controls.dim,
        solo=_bits(speakers, {controls.solo}),
        inverted=_bits(speakers, controls.inverted),
    )


def _bits(speakers: Sequence[str], chosen: Collection[str]) -> int:
    return sum(1 << output for output, speaker in enumerate(speakers) if speaker in chosen)


# Lines that something else than the controls answers: the engine, or whoever runs it.
OTHER_VERBS = ("status", "load", "rearm", "stop")
_SWITCHES = ("bypass", "mute", "dim")


def changed(controls: Controls, line: str, cast: Cast) -> Controls:
    """Return what is wanted after a line.

    Parameters
    ----------
    controls : Controls
    line : str
        `bank NAME`, `bank 2`, `next`, `NAME`; `bypass`, `mute` or `dim`, each with `on` or `off`
        behind it or not; `solo SPEAKER` or `solo off`; `polarity SPEAKER`, with `on` (inverted) or
        `off` behind it or not; `gain SPEAKER DB`.
    cast : Cast

    Raises
    ------
    InputError
        RC-309 for a name or verb that is not known, RC-333 for a value that is out of range.
    """
    verb, *words = line.split() or [""]
    if verb in _VERBS:
        return _VERBS[verb](controls, words, cast, verb)
    if not words and verb:
        try:
            return _bank(controls, [verb], cast, "bank")
        except InputError:
            known = [*_VERBS, *OTHER_VERBS, *cast.banks]
            raise _unknown("command or bank", verb, known) from None
    raise _unknown("command", verb, [*_VERBS, *OTHER_VERBS])


def _bank(controls: Controls, words: list[str], cast: Cast, verb: str) -> Controls:
    (name,) = _expect(words, 1, f"{verb} NAME")
    if name in cast.banks:
        return dataclasses.replace(controls, bank=cast.banks.index(name))
    if name.isdigit() and 1 <= int(name) <= len(cast.banks):
        return dataclasses.replace(controls, bank=int(name) - 1)
    raise _unknown("bank", name, list(cast.banks))


def _next(controls: Controls, words: list[str], cast: Cast, verb: str) -> Controls:
    _expect(words, 0, verb)
    return dataclasses.replace(controls, bank=(controls.bank + 1) % len(cast.banks))


def _switch(controls: Controls, words: list[str], _cast: Cast, verb: str) -> Controls:
    now: bool = getattr(controls, verb)
    switched: dict[str, bool] = {verb: _on(words, now, verb)}
    return dataclasses.replace(controls, **switched)  # type: ignore[arg-type]


def _solo(controls: Controls, words: list[str], cast: Cast, verb: str) -> Controls:
    (name,) = _expect(words, 1, f"{verb} SPEAKER, or {verb} off")
    return dataclasses.replace(controls, solo="" if name == "off" else _speaker(name, cast))


def _polarity(controls: Controls, words: list[str], cast: Cast, verb: str) -> Controls:
    name = _speaker(words[0] if words else "", cast)
    inverted = _on(words[1:], name in controls.inverted, f"{verb} {name}")
    others = controls.inverted - {name}
    return dataclasses.replace(controls, inverted=others | {name} if inverted else others)


def _gain(controls: Controls, words: list[str], cast: Cast, verb: str) -> Controls:
    name, value = _expect(words, 2, f"{verb} SPEAKER DB")
    name = _speaker(name, cast)
    try:
        gain_db = float(value)
    except ValueError:
        gain_db = float("nan")
    if not LOWEST_GAIN_DB <= gain_db <= 0.0:
        raise InputError(
            "RC-333",
            f"a gain of {value} dB is out of range",
            hint=f"use {LOWEST_GAIN_DB:g} to 0 dB; lower the others to make one louder",
            value=value,
        )
    return dataclasses.replace(controls, gains_db={**controls.gains_db, name: gain_db})


_VERBS: dict[str, Callable[[Controls, list[str], Cast, str], Controls]] = {
    "bank": _bank,
    "next": _next,
    **dict.fromkeys(_SWITCHES, _switch),
    "solo": _solo,
    "polarity": _polarity,
    "gain": _gain,
}


def _on(words: list[str], now: bool, usage: str) -> bool:
    if not words:
        return not now
    if words in (["on"], ["off"]):
        return words == ["on"]
    raise InputError(
        "RC-333",
        f"{' '.join(words)!r} says neither on nor off",
        hint=f"{usage}, {usage} on, or {usage} off",
    )


def _speaker(name: str, cast: Cast) -> str:
    for speaker in cast.speakers:
        if speaker.lower() == name.lower():
            return speaker
    raise _unknown("speaker", name, list(cast.speakers))


def _expect(words: list[str], count: int, usage: str) -> list[str]:
    if len(words) != count:
        raise InputError("RC-333", f"{len(words)} words instead of {count}", hint=f"say: {usage}")
    return words


def _unknown(what: str, name: str, known: list[str]) -> InputError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    suggestion = f"did you mean {near[0]}? " if near else ""
    return InputError(
        "RC-309",
        f"there is no {what} {name!r}",
        hint=f"{suggestion}Known: {', '.join(known)}",
        name=name,
        known=known,
    )

"""Clauses about sound: reflections, decay, response, noise, and the pair."""

from collections.abc import Callable

import numpy as np

from roomcal.analyze.clause_facts import Answer, Facts, Limits, band_text
from roomcal.analyze.decay_average import average_decay
from roomcal.units import FloatArray, band_centres_hz, louder_text

NO_SIZE = "the room's size is not known: --room"
# A clause about bands is judged when this share of them has a number.
_LEAST_SHARE = 0.75


def early_reflections(facts: Facts, limits: Limits) -> Answer:
    """Hold the strongest early reflection of any speaker against a level."""
    strongest = {
        name: max(
            (r for r in early.found if r.delay_s <= limits["within_s"]),
            key=lambda r: r.level_db,
            default=None,
        )
        for name, early in facts.reflections.items()
        if not early.reason
    }
    if not strongest:
        why = next((e.reason for e in facts.reflections.values()), "no speaker was measured")
        return None, why
    heard = {name: r for name, r in strongest.items() if r is not None}
    if not heard:
        return True, f"none within {1000 * limits['within_s']:.0f} ms stands out"
    name, worst = max(heard.items(), key=lambda item: item[1].level_db)
    where = f" ({worst.surface})" if worst.surface else ""
    text = f"{worst.level_db:+.1f} dB, {1000 * worst.delay_s:.1f} ms after {name}{where}"
    return worst.level_db <= limits["at_most_db"], text


def _mean_decay(facts: Facts) -> tuple[FloatArray, FloatArray]:
    """Bands and decay times, mean over speakers and positions."""
    decays = [d for own in facts.decays.values() for d in own]
    average = average_decay(decays)
    return average.bands_hz, average.time_s


def _in_range(f_hz: FloatArray, low_hz: float, high_hz: float) -> np.ndarray:
    return (f_hz > 0.95 * low_hz) & (f_hz < 1.05 * high_hz)


def decay_mean(facts: Facts, limits: Limits) -> Answer:
    """Hold the mean decay time of the middle against the nominal one of the volume."""
    if not facts.decays:
        return None, "no speaker was measured"
    f_hz, time_s = _mean_decay(facts)
    own = time_s[_in_range(f_hz, limits["low_hz"], limits["high_hz"])]
    if np.mean(np.isfinite(own)) < _LEAST_SHARE:
        return None, "too few bands have a decay time"
    mean_s = float(np.nanmean(own))
    if facts.size_m is None:
        return None, f"{mean_s:.2f} s, but {NO_SIZE}"
    nominal_s = _nominal_s(facts.size_m, limits["nominal_s"], limits["volume_m3"])
    kept = abs(mean_s - nominal_s) <= limits["tolerance_s"]
    return kept, f"{mean_s:.2f} s, nominal {nominal_s:.2f} s"


def _nominal_s(size_m: tuple[float, float, float], nominal_s: float, volume_m3: float) -> float:
    return nominal_s * float(np.prod(size_m) / volume_m3) ** (1.0 / 3.0)


def decay_bands(facts: Facts, limits: Limits) -> Answer:
    """Hold the decay time of every band against the mean of the middle."""
    if not facts.decays:
        return None, "no speaker was measured"
    f_hz, time_s = _mean_decay(facts)
    middle = _in_range(f_hz, limits["bass_end_hz"], limits["middle_end_hz"])
    if np.mean(np.isfinite(time_s[middle])) < _LEAST_SHARE:
        return None, "too few bands have a decay time"
    mean_s = float(np.nanmean(time_s[middle]))
    low_hz, bass_end = limits["low_hz"], limits["bass_end_hz"]
    in_bass = np.log(np.maximum(f_hz, low_hz) / low_hz) / np.log(bass_end / low_hz)
    over = limits["bass_over_s"] + (limits["middle_s"] - limits["bass_over_s"]) * in_bass
    over = np.where(f_hz < bass_end, over, limits["middle_s"])
    over = np.where(f_hz > 1.05 * limits["middle_end_hz"], limits["treble_s"], over)
    under = np.where(f_hz > 1.05 * limits["middle_end_hz"], limits["treble_s"], limits["middle_s"])
    wanted = _in_range(f_hz, low_hz, limits["high_hz"])
    known = wanted & np.isfinite(time_s)
    beyond = np.maximum(time_s - mean_s - over, mean_s - under - time_s)
    return _bands_answer(f_hz, time_s - mean_s, beyond, wanted=wanted, known=known, unit="s")


def decay_neighbours(facts: Facts, limits: Limits) -> Answer:
    """Hold the step from each band's decay time to the next against a share."""
    if not facts.decays:
        return None, "no speaker was measured"
    f_hz, time_s = _mean_decay(facts)
    wanted = _in_range(f_hz, limits["low_hz"], limits["high_hz"])
    own, at = time_s[wanted], f_hz[wanted]
    ratio = 100.0 * np.abs(np.diff(own)) / np.maximum(own[1:], own[:-1])
    if np.mean(np.isfinite(ratio)) < _LEAST_SHARE:
        return None, "too few bands have a decay time"
    worst = int(np.nanargmax(ratio))
    text = f"{ratio[worst]:.0f} % between {band_text(at[worst])} and {band_text(at[worst + 1])}"
    return bool(ratio[worst] <= limits["at_most_percent"]), text


def room_response(facts: Facts, limits: Limits) -> Answer:
    """Hold the response at the listening position against a corridor about its mean."""

    def corridor(f_hz: FloatArray) -> tuple[FloatArray, FloatArray]:
        octaves = np.maximum(np.log2(f_hz / limits["falls_from_hz"]), 0.0)
        lower = -limits["tolerance_db"] - limits["falls_db_per_octave"] * octaves
        return lower, np.full(f_hz.size, limits["tolerance_db"])

    return _within_corridor(
        facts, limits, corridor, (limits["mean_low_hz"], limits["mean_high_hz"])
    )


def atmos_curve(facts: Facts, limits: Limits) -> Answer:
    """Hold the response at the listening position against Dolby's curve."""

    def corridor(f_hz: FloatArray) -> tuple[FloatArray, FloatArray]:
        flat_end, knee = limits["flat_end_hz"], limits["knee_hz"]
        falling = np.log2(np.clip(f_hz, flat_end, knee) / flat_end)
        steeper = np.log2(np.maximum(f_hz, knee) / knee)
        target = -limits["falls_db_per_octave"] * falling
        target = target - limits["falls_more_db_per_octave"] * steeper
        target = target + np.where(f_hz < limits["bass_end_hz"], limits["bass_db"], 0.0)
        return target - limits["tolerance_db"], target + limits["tolerance_db"]

    return _within_corridor(facts, limits, corridor, (limits["bass_end_hz"], limits["flat_end_hz"]))


def _within_corridor(
    facts: Facts,
    limits: Limits,
    corridor: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    mean_hz: tuple[float, float],
) -> Answer:
    """Hold every speaker's third octaves against limits re its mean over a range."""
    if not facts.responses:
        return None, "no speaker was measured"
    worst: tuple[float, str] = (-np.inf, "")
    for name, curve in facts.responses.items():
        f_hz = band_centres_hz(limits["low_hz"], limits["high_hz"], bands_per_octave=3)
        if f_hz[-1] > 1.05 * curve.f_hz[-1]:
            return None, f"the response of {name} ends at {band_text(float(curve.f_hz[-1]))}"
        level = curve.level_at(f_hz)
        middle = _in_range(f_hz, *mean_hz)
        level = level - level[middle].mean()
        lower, upper = corridor(f_hz)
        beyond = np.maximum(level - upper, lower - level)
        k = int(np.argmax(beyond))
        out = int(np.sum(beyond > 0.0))
        where = f"{band_text(f_hz[k])}: {level[k]:+.1f} dB"
        text = f"{name}: {out} of {f_hz.size} bands out, most at {where}"
        if beyond[k] <= 0.0:
            text = f"all bands of {name} inside, nearest {where}"
        worst = max(worst, (float(beyond[k]), text))
    return worst[0] <= 0.0, worst[1]


def _bands_answer(
    f_hz: FloatArray,
    value: FloatArray,
    beyond: FloatArray,
    *,
    wanted: np.ndarray,
    known: np.ndarray,
    unit: str,
) -> Answer:
    """Say how many bands are out and which is worst; too few known is no answer."""
    out = known & (beyond > 0.0)
    missing = int(wanted.sum() - known.sum())
    note = f"; {missing} bands have no number" if missing else ""
    if out.any():
        k = int(np.argmax(np.where(out, beyond, -np.inf)))
        return False, (
            f"{int(out.sum())} of {int(known.sum())} bands out, most at {band_text(f_hz[k])}: "
            f"{value[k]:+.2f} {unit}{note}"
        )
    if known.sum() < _LEAST_SHARE * wanted.sum():
        return None, f"only {int(known.sum())} of {int(wanted.sum())} bands have a number"
    return True, f"{int(known.sum())} bands inside{note}"


def noise(facts: Facts, limits: Limits) -> Answer:
    """Hold the noise against a curve of NC or NR."""
    noise = facts.noise
    if noise is None:
        return None, "no raw take with its noise is there"
    if noise.sensitivity == "unknown":
        return None, noise.reason
    name = "NC" if "nc_at_most" in limits else "NR"
    most = limits[f"{name.lower()}_at_most"]
    rating = next(r for r in noise.ratings if r.name == name)
    doubt = " (estimated sensitivity)" if noise.sensitivity == "estimated" else ""
    if np.isnan(rating.rating):
        if rating.reason.startswith("quieter"):
            return True, f"{rating.reason}{doubt}"
        return (False if rating.reason.startswith("louder") else None), f"{rating.reason}{doubt}"
    text = f"{name} {rating.rating:.0f}, decided by {band_text(rating.band_hz)}{doubt}"
    return rating.rating <= most, text


def pair_delay(facts: Facts, limits: Limits) -> Answer:
    """Hold the arrival of a pair against a time."""
    if facts.pair is None:
        return None, "no two speakers share a position"
    if np.isnan(facts.pair.delay_s):
        return None, facts.pair.reason
    delay_s = facts.pair.delay_s
    order = "before" if delay_s < 0.0 else "after"
    text = f"{facts.pair.second} {1e6 * abs(delay_s):.0f} microseconds {order} {facts.pair.first}"
    return abs(delay_s) <= limits["at_most_s"], text


def pair_level(facts: Facts, limits: Limits) -> Answer:
    """Hold the third octaves of a pair against each other."""
    if facts.pair is None or len(facts.responses) < 2:
        return None, "no two speakers share a position"
    names = (facts.pair.first, facts.pair.second)
    if not all(name in facts.responses for name in names):
        return None, "one of the two does not play the middle"
    f_hz = band_centres_hz(limits["low_hz"], limits["high_hz"], bands_per_octave=3)
    difference = facts.responses[names[0]].level_at(f_hz) - facts.responses[names[1]].level_at(f_hz)
    k = int(np.argmax(np.abs(difference)))
    text = f"{names[0]} {louder_text(difference[k])} than {names[1]} at {band_text(f_hz[k])}"
    return bool(abs(difference[k]) <= limits["at_most_db"]), text

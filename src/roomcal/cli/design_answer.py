"""How `roomcal design` answers: a bank and its ledger, a family, in words and as JSON."""

import dataclasses
from typing import TYPE_CHECKING, Any

from roomcal.cli.settings import Settings

if TYPE_CHECKING:
    from roomcal.design.family import FamilyMember
    from roomcal.model.biquad import Biquad
    from roomcal.model.filter_bank import Bank, Explanation

_SILENT_DB = 30.0  # so far below its target a speaker does not play


def bank_json(bank: "Bank", max_boost_db: float) -> dict[str, Any]:
    """Give the answer of `--json` for one bank."""
    from roomcal.dsp.gain import quieter_db

    first = next(iter(bank.filters.values()))
    return {
        "bank": bank.name,
        "fs": list(bank.filters),
        "n_taps": first.n_taps,
        "latency_s": first.latency_s,
        "headroom_db": first.headroom_db,
        "quieter_db": quieter_db(first),
        "max_boost_db": max_boost_db,
        "speakers": [
            {
                "speaker": e.speaker,
                "gain_db": e.gain_db,
                "delay_s": e.delay_s,
                "notes": list(e.notes),
                "ledger": [dataclasses.asdict(entry) for entry in e.ledger],
                "biquads": [dataclasses.asdict(band) for band in _bands(bank, e.speaker)],
                **{
                    key.replace(" ", "_"): {
                        "f_hz": curve.f_hz.tolist(),
                        "level_db": curve.level_db.tolist(),
                    }
                    for key, curve in e.curves.items()
                },
            }
            for e in bank.explanations
        ],
    }


def show_bank(settings: Settings, bank: "Bank") -> None:
    """Print levels before and after, the ledger, the bands of an equaliser, and the notes."""
    import numpy as np

    from roomcal.cli.analyze_tables import number
    from roomcal.dsp.gain import quieter_db
    from roomcal.jobs.describe import notes_by_speaker

    probes_hz = (31.5, 63.0, 125.0, 250.0, 500.0, 1000.0, 4000.0, 10000.0)
    first = next(iter(bank.filters.values()))
    rows = []
    for e in bank.explanations:
        target = e.curves["target"].level_at(probes_hz)
        before, after = (e.curves[key].level_at(probes_hz) for key in ("before", "predicted"))
        correction = e.curves["correction"].level_at(probes_hz)
        off, left = (np.where(x > target - _SILENT_DB, x - target, np.nan) for x in (before, after))
        for name, levels in (("before", off), ("correction", correction), ("predicted", left)):
            rows.append([f"{e.speaker} {name}", *(number(float(v), "+.1f") for v in levels)])
    taps = ", ".join(f"{f.n_taps} at {fs} Hz" for fs, f in bank.filters.items())
    settings.show_table(
        f"Bank {bank.name}: taps {taps}; latency {1000.0 * first.latency_s:.1f} ms, headroom "
        f"{first.headroom_db:.1f} dB (music plays about {quieter_db(first):.1f} dB quieter)",
        ["dB", "31.5 Hz", "63", "125", "250", "500", "1 k", "4 k", "10 k"],
        rows,
        caption="Before and predicted: mean of the positions against the target, which follows the "
        "speaker where it rolls off; -: not played by this speaker.",
    )
    for e in bank.explanations:
        _show_ledger(settings, e)
        _show_bands(settings, bank, e.speaker)
    for who, notes in notes_by_speaker(bank.explanations):
        for text in notes:
            settings.show_text(f"{who}: {text}")


def _show_ledger(settings: Settings, explanation: "Explanation") -> None:
    """Print one line an entry, and its reason below it: a column would wrap word by word."""
    from roomcal.units import frequency_text

    if not explanation.ledger:
        return
    settings.show_reasons(
        f"{explanation.speaker}: what stands out, and what is done about it",
        f"{'':8} {'dB':>6}  {'is':<11} {'action':<8} {'filter dB':>9} {'left dB':>8}",
        [
            (
                f"{frequency_text(e.f_hz):>8} {e.level_db:+6.1f}  {e.kind:<11} {e.action:<8} "
                f"{e.correction_db:+9.1f} {e.left_db:+8.1f}",
                e.reason,
            )
            for e in explanation.ledger
        ],
    )


def show_family(settings: Settings, bank: str, members: "tuple[FamilyMember, ...]") -> None:
    """Print what each member of a family gives up."""
    settings.show_table(
        f"The family of {bank}, equally loud",
        ["bank", "latency ms", "bass tail dB", "direct sound ms", "before dB", "lowered dB"],
        [
            [
                f"{bank}-{m.name}",
                f"{1000.0 * m.latency_s:.1f}",
                f"{m.tail_db:+.1f}",
                f"{m.direct_ms:.2f}",
                f"{m.before_db:.0f}",
                f"{m.lowered_db:.1f}",
            ]
            for m in members
        ],
        caption="Bass tail: later than 300 ms, against no correction. Direct sound: how far it "
        "spreads in time above 1 kHz. Before: what comes more than 5 ms before the sound. A sub "
        "counts on both sides: without correction as its crossover joins it.",
    )
    for m in members:
        if m.same_as is not None:
            settings.show_text(
                f"{bank}-{m.name} is the same as {bank}-{m.same_as}: nothing that takes the longer "
                "latency fits into these choices; more --taps may"
            )


def _bands(bank: "Bank", speaker: str) -> "tuple[Biquad, ...]":
    first = next(iter(bank.filters.values()))
    return next((p.biquads for p in first.paths if p.input == speaker), ())


def _show_bands(settings: Settings, bank: "Bank", speaker: str) -> None:
    bands = _bands(bank, speaker)
    if bands:
        settings.show_table(
            f"{speaker}: bands of the equaliser",
            ["band", "kind", "Hz", "dB", "Q"],
            [
                [str(k + 1), b.kind, f"{b.f_hz:.1f}", f"{b.gain_db:+.1f}", f"{b.q:.2f}"]
                for k, b in enumerate(bands)
            ],
        )

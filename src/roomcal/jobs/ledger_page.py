"""The ledger of a bank as tables for the report: what stands out, and what is done about it."""

from collections.abc import Sequence

from roomcal.model.filter_bank import Explanation
from roomcal.report.page import Table
from roomcal.units import frequency_text

_COLUMNS = (
    "Frequency",
    "Off target (dB)",
    "What it is",
    "Action",
    "Filter (dB)",
    "Left (dB)",
    "Why",
)


def ledger_tables(explanations: Sequence[Explanation]) -> tuple[Table, ...]:
    """One table a speaker, none where nothing stands out by 2 dB."""
    return tuple(
        Table(
            caption=f"{e.speaker}: what stands out by more than 2 dB",
            columns=_COLUMNS,
            rows=tuple(
                (
                    frequency_text(entry.f_hz),
                    entry.level_db,
                    entry.kind,
                    entry.action,
                    entry.correction_db,
                    entry.left_db,
                    entry.reason,
                )
                for entry in e.ledger
            ),
            digits=1,
        )
        for e in explanations
        if e.ledger
    )

"""`roomcal analyze --check-bounce`: whether a mix carries what belongs to the monitors alone."""

from pathlib import Path

import click

from roomcal.cli.settings import Settings


def check_bounce(settings: Settings, file: Path, bank: str, *, as_json: bool) -> None:
    """Show whether a mix carries a correction."""
    from roomcal.files.bank_store import load_bank
    from roomcal.jobs.check_bounce import check_bounce as check

    found = check(file, load_bank(settings.folder, bank))
    if as_json:
        settings.show_json(
            {
                "file": str(file),
                "bank": bank,
                "answer": found.answer,
                "confidence": found.confidence,
                "share": found.share,
                "share_std": found.share_std,
                "reason": found.reason,
            }
        )
        return
    if found.answer == "cannot tell":
        click.echo(f"{file.name}: it cannot be told whether it carries {bank}: {found.reason}")
        return
    verb = "carries" if found.answer == "carries" else "does not carry"
    click.echo(
        f"{file.name} {verb} the correction {bank} (confidence {100 * found.confidence:.1f} %)"
    )
    settings.talk.note(
        f"{100 * found.share:.0f} ± {100 * found.share_std:.0f} % of its structure is in the mix"
    )
    if found.answer == "carries":
        settings.talk.warn(
            "bounce again with the correction bypassed: it belongs on the monitor bus, after the "
            "mix bus"
        )

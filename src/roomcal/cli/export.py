"""`roomcal export`: a bank for other programs, proven."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from roomcal.cli import completion
from roomcal.cli.settings import Settings, force_option, json_option

if TYPE_CHECKING:
    from roomcal.export.proof import Proof


@click.command()
@click.argument("bank", required=False, shell_complete=completion.banks)
@click.option(
    "--to",
    "formats",
    multiple=True,
    metavar="FORMAT",
    shell_complete=completion.formats,
    help="Format, or all.",
)
@click.option(
    "-o",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write.  [default: exports/BANK/FORMAT]",
)
@click.option("--list", "list_formats", is_flag=True, help="List the formats.")
@force_option
@json_option
@click.pass_obj
def export(
    settings: Settings,
    *,
    bank: str | None,
    formats: tuple[str, ...],
    folder: Path | None,
    list_formats: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Export BANK for other programs, read it back and prove that it is equal.

    \b
    Examples:
      roomcal export mix --to daw-wav
      roomcal export mix --to all -o ~/corrections
      roomcal export --list
    """
    from roomcal.export.registry import FORMATS
    from roomcal.files.bank_store import load_bank
    from roomcal.jobs.export import export_bank
    from roomcal.units import counted

    if list_formats:
        if as_json:
            settings.show_json({"formats": {name: f.description for name, f in FORMATS.items()}})
        else:
            settings.show_table(
                "Formats", ["format", ""], [[name, f.description] for name, f in FORMATS.items()]
            )
        return
    if bank is None or not formats:
        raise click.UsageError("name a bank and --to FORMAT; --list shows the formats")
    loaded = load_bank(settings.folder, bank)
    chosen = list(dict.fromkeys(formats))
    if "all" in formats:
        chosen = [name for name, f in FORMATS.items() if not f.refuses(loaded)]
        for name in FORMATS:
            if name not in chosen:
                settings.talk.note(f"left out: {name}, {FORMATS[name].refuses(loaded)}")
    alone = len(chosen) == 1 and "all" not in formats
    parent = folder or settings.folder / "exports" / loaded.name
    done = [
        export_bank(loaded, name, parent if alone and folder else parent / name, force=force)
        for name in chosen
    ]
    if as_json:
        settings.show_json(
            {
                "bank": loaded.name,
                "exports": [
                    {
                        "format": e.format,
                        "folder": str(e.folder),
                        "files": list(e.files),
                        "worst_difference": e.proof.worst_difference,
                        "worst_db": e.proof.worst_db,
                        "n_paths": e.proof.n_paths,
                        "losses": list(e.proof.losses),
                    }
                    for e in done
                ],
            }
        )
        return
    for e in done:
        click.echo(
            f"{e.folder}: {counted(len(e.files), 'file')}, read back: "
            f"{counted(e.proof.n_paths, 'path')} {_equality(e.proof)}"
        )
    for loss in dict.fromkeys(loss for e in done for loss in e.proof.losses):
        losing = [e.format for e in done if loss in e.proof.losses]
        settings.show_text(f"not carried by {', '.join(losing)}: {loss}")
    for e in done:
        for name in e.files:
            if name == "README.txt":
                settings.talk.note(f"how to install it: {e.folder / name}")


def _equality(proof: "Proof") -> str:
    """Say how equal, in words where there is nothing to say."""
    if proof.worst_db is not None:
        whole = "the bank" if not proof.losses else "what is carried of the bank"
        return f"equal to {whole} (largest difference {proof.worst_db:.3f} dB)"
    if proof.worst_difference == 0.0:
        return "identical to the bank"
    return f"equal to the bank (largest difference {proof.worst_difference:.1e})"

"""`roomcal apply`: correct an audio file."""

from pathlib import Path

import click

from roomcal.cli import completion
from roomcal.cli.numbers import NUMBER
from roomcal.cli.settings import Settings, force_option, json_option

FORMATS = {"16": "pcm16", "24": "pcm24", "32f": "float32", "64f": "float64"}


@click.command()
@click.argument("bank", shell_complete=completion.banks)
@click.argument("source", type=click.Path(dir_okay=False, path_type=Path), metavar="IN")
@click.argument("result", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT")
@click.option("--gain", type=NUMBER, default=0.0, show_default=True, help="Gain in dB on top.")
@click.option("--bits", type=click.Choice(list(FORMATS)), help="Samples of OUT.  [default: as IN]")
@force_option
@json_option
@click.pass_obj
def apply(
    settings: Settings,
    *,
    bank: str,
    source: Path,
    result: Path,
    gain: float,
    bits: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Correct audio file IN with BANK into OUT.

    \b
    Examples:
      roomcal apply mix song.wav song-corrected.wav
      roomcal apply mix song.flac song.wav --bits 24
    """
    from roomcal.files.bank_store import load_bank
    from roomcal.jobs.apply import apply_bank

    done = apply_bank(
        load_bank(settings.folder, bank),
        source,
        result,
        settings.talk,
        gain_db=gain,
        sample_format=FORMATS[bits] if bits else None,  # type: ignore[arg-type]
        force=force,
    )
    if as_json:
        settings.show_json(
            {
                "out": str(done.path),
                "n_frames": done.n_frames,
                "fs": done.fs,
                "sample_format": done.sample_format,
                "headroom_db": done.headroom_db,
                "gain_db": done.gain_db,
                "lowered_db": done.lowered_db,
                "peak_dbfs": done.peak_dbfs,
            }
        )
        return
    click.echo(
        f"{done.path}: {done.n_frames / done.fs:.1f} s at {done.fs} Hz, {done.sample_format}, "
        f"headroom {done.headroom_db:.1f} dB, peak {done.peak_dbfs:.1f} dBFS"
    )
    if done.lowered_db > 0:
        settings.talk.warn(
            f"lowered by {done.lowered_db:.2f} dB, or it would have clipped; --bits 32f keeps it"
        )
    elif done.peak_dbfs > 0:
        settings.talk.warn(
            f"the float file goes {done.peak_dbfs:.2f} dB beyond full scale: lower it before it is "
            "converted to integers"
        )

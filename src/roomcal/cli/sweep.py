"""`roomcal sweep`: the test signal as a file, to play and record in the DAW."""

import shlex
from pathlib import Path

import click

from roomcal.cli.loudness_options import check_level
from roomcal.cli.numbers import NUMBER
from roomcal.cli.settings import Settings, force_option, json_option
from roomcal.cli.sweep_options import length_option, pause_option


@click.command()
@click.option(
    "-o",
    "--output",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="WAV file to write.",
)
@click.option(
    "--speakers", default="", help="One channel each, like L,R.  [default: the studio's, else L,R]"
)
@click.option(
    "--sweeps", type=click.IntRange(1, 32), default=3, show_default=True, help="Sweeps a speaker."
)
@length_option
@pause_option
@click.option("--fs", type=click.IntRange(8000, 768000), help="Sample rate in Hz.")
@click.option(
    "--level", type=NUMBER, default=-20.0, show_default=True, help="Peak of the sweep in dBFS."
)
@click.option(
    "--i-know-it-is-loud", "loud", is_flag=True, help="Allow more than -12 dBFS, up to -3."
)
@click.option(
    "--format",
    "sample_format",
    type=click.Choice(["pcm24", "float32"]),
    default="pcm24",
    show_default=True,
    help="24-bit integers or 32-bit floats.",
)
@force_option
@json_option
@click.pass_obj
def sweep(
    settings: Settings,
    *,
    path: Path,
    speakers: str,
    sweeps: int,
    length: float,
    pause: float,
    fs: int | None,
    level: float,
    loud: bool,
    sample_format: str,
    force: bool,
    as_json: bool,
) -> None:
    """Write the test signal with its timing marks as a WAV file.

    For studios in which the DAW holds the sound card: play the file there, each channel to its
    speaker, and record the microphone from before it starts until a second after it ends. Turn
    the monitors down first: nothing guards the loudness here.

    \b
    Examples:
      roomcal sweep -o sweep.wav
      roomcal sweep -o sweep.wav --speakers L,R,Sub --length 11
      roomcal import recording.wav --sweep sweep.wav --position p1 --session before
    """
    from roomcal.files.studio_toml import FILE_NAME, read_studio
    from roomcal.jobs.sweep import SweepRequest, write_sweep
    from roomcal.model.studio import Speaker, check_name

    if path.suffix.lower() != ".wav":
        raise click.UsageError(f"-o {path}: a WAV file is written, so name it like sweep.wav")
    check_level(level, loud=loud)
    own = settings.folder / FILE_NAME
    studio = read_studio(own) if own.exists() else None
    names = tuple(n.strip() for n in speakers.split(",") if n.strip())
    by_default = tuple(s.name for s in studio.file_order) if studio else ("L", "R")
    names = names or by_default
    for name in names:
        check_name(name, "speaker")
    if len(set(names)) < len(names):
        raise click.UsageError(f"--speakers {speakers}: each speaker has one channel of its own")
    known = {s.name: s for s in studio.speakers} if studio else {}
    if known.get(names[0], Speaker(names[0], 1)).is_sub:
        raise click.UsageError(
            f"the first speaker plays the timing marks, and {names[0]} plays bass alone: name "
            "another one first"
        )
    request = SweepRequest(
        speakers=names,
        fs=fs or (studio.fs if studio else 48000),
        sweeps=sweeps,
        length_s=length,
        pause_s=pause,
        level_dbfs=level,
        sample_format="float32" if sample_format == "float32" else "pcm24",
        force=force,
    )
    plan = write_sweep(path, request)
    duration_s = len(names) * plan.n_samples / request.fs
    if as_json:
        settings.show_json(
            {
                "file": str(path),
                "speakers": list(names),
                "fs": request.fs,
                "duration_s": duration_s,
                "level_dbfs": level,
            }
        )
    else:
        click.echo(
            f"{path}: channel 1 to {len(names)} = {', '.join(names)}, {duration_s:.0f} s at "
            f"{request.fs} Hz, peak {level:g} dBFS"
        )
    # The file names them too, but not after another program has written it anew.
    order = "" if names == by_default else f" --speaker {','.join(names)}"
    settings.next_step(
        f"roomcal import recording.wav --sweep {shlex.quote(path.name)}{order} --session before"
    )

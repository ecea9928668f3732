"""`roomcal design`: a filter bank, with its reasons."""

import click

from roomcal.cli import completion
from roomcal.cli.design_answer import bank_json, show_bank, show_family
from roomcal.cli.numbers import NUMBER
from roomcal.cli.settings import Settings, force_option, json_option


@click.command()
@click.argument("bank", shell_complete=completion.banks)
@click.option(
    "--from",
    "session",
    required=True,
    metavar="SESSION",
    shell_complete=completion.sessions,
    help="Measurement session.",
)
@click.option(
    "--target",
    default="tilt",
    show_default=True,
    shell_complete=completion.targets,
    help="Name or text file.",
)
@click.option(
    "--tilt",
    type=NUMBER,
    default=0.0,
    show_default=True,
    help="Added to the target, dB per octave.",
)
@click.option(
    "--bass",
    type=NUMBER,
    default=0.0,
    show_default=True,
    help="Shelf on the target below 100 Hz, dB.",
)
@click.option(
    "--treble",
    type=NUMBER,
    default=0.0,
    show_default=True,
    help="Shelf on the target above 2.5 kHz, dB.",
)
@click.option(
    "--phase",
    type=click.Choice(["minimum", "mixed", "linear"]),
    default="mixed",
    show_default=True,
    help="Minimum: no latency. Mixed: speaker phase and modes too. Linear: rings before the sound.",
)
@click.option(
    "--max-latency-ms",
    type=NUMBER,
    default=None,
    help="Latency limit in ms; by default 5 for mixed phase, and what it takes for linear.",
)
@click.option(
    "--fs", default="48000", show_default=True, metavar="HZ,...", help="Sample rates to design for."
)
@click.option(
    "--taps",
    type=int,
    default=65536,
    show_default=True,
    help="Filter length at 48 kHz; other rates keep the duration.",
)
@click.option("--max-boost", type=NUMBER, default=6.0, show_default=True, help="Limit in dB.")
@click.option("--max-cut", type=NUMBER, default=24.0, show_default=True, help="Limit in dB.")
@click.option(
    "--low", type=NUMBER, default=20.0, show_default=True, help="No correction below, Hz."
)
@click.option(
    "--high", type=NUMBER, default=20000.0, show_default=True, help="No correction above, Hz."
)
@click.option(
    "--strength", type=NUMBER, default=1.0, show_default=True, help="0 no correction, 1 all of it."
)
@click.option("--no-level-match", is_flag=True, help="Leave the levels between speakers.")
@click.option("--no-delay-match", is_flag=True, help="Leave the arrival times.")
@click.option("--peq", type=int, default=0, help="Bands of a parametric equaliser, not a FIR.")
@click.option(
    "--device-limits",
    default="free",
    show_default=True,
    metavar="NAME",
    help="What the equaliser can be set to: free, minidsp, deq2496, monitor.",
)
@click.option(
    "--hybrid",
    type=NUMBER,
    default=0.0,
    metavar="HZ",
    help="With --peq: bands below, a FIR of --taps above.",
)
@click.option("--no-crossover", is_flag=True, help="Leave a sub its own input.")
@click.option(
    "--crossover-hz", type=NUMBER, default=None, help="Crossover to the sub; by default the best."
)
@click.option("--no-direct-sound", is_flag=True, help="Follow the power average alone.")
@click.option("--no-excess-phase", is_flag=True, help="Leave the phase of the speakers.")
@click.option("--no-modal-decay", is_flag=True, help="Leave the ringing of modes.")
@click.option(
    "--no-guard", is_flag=True, help="Do not try the modal correction at positions left out."
)
@click.option(
    "--family",
    is_flag=True,
    help="The banks BANK-0ms, -5ms, -20ms and -full, equally loud.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be designed, and write nothing.")
@force_option
@json_option
@click.pass_obj
def design(
    settings: Settings,
    *,
    bank: str,
    session: str,
    target: str,
    tilt: float,
    bass: float,
    treble: float,
    phase: str,
    max_latency_ms: float | None,
    fs: str,
    taps: int,
    max_boost: float,
    max_cut: float,
    low: float,
    high: float,
    strength: float,
    no_level_match: bool,
    no_delay_match: bool,
    peq: int,
    device_limits: str,
    hybrid: float,
    no_crossover: bool,
    crossover_hz: float | None,
    no_direct_sound: bool,
    no_excess_phase: bool,
    no_modal_decay: bool,
    no_guard: bool,
    family: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Design filter bank BANK from a measurement session.

    \b
    Examples:
      roomcal design mix --from before
      roomcal design mix --from before --target harman --fs 44100,48000,96000
      roomcal design tracking --from before --max-latency-ms 5
      roomcal design mix --from before --family
      roomcal design gentle --from before --target my-curve.txt --max-boost 3
    """
    import dataclasses

    from roomcal.jobs.design import design_bank, design_family
    from roomcal.model.design_spec import DesignSpec

    spec = DesignSpec(
        target=target,
        tilt_db=tilt,
        bass_db=bass,
        treble_db=treble,
        phase=phase,  # type: ignore[arg-type]
        max_latency_s=None if max_latency_ms is None else max_latency_ms / 1000.0,
        fs=_rates(fs),
        taps=taps,
        max_boost_db=max_boost,
        max_cut_db=max_cut,
        low_hz=low,
        high_hz=high,
        strength=strength,
        match_levels=not no_level_match,
        match_delays=not no_delay_match,
        peq=peq,
        device_limits=device_limits,
        hybrid_hz=hybrid,
        crossover=not no_crossover,
        crossover_hz=crossover_hz,
        direct_sound=not no_direct_sound,
        excess_phase=not no_excess_phase,
        modal_decay=not no_modal_decay,
        guard=not no_guard,
    )
    if family:
        _refuse_with_family(phase=phase, max_latency_ms=max_latency_ms, peq=peq, dry_run=dry_run)
        found = design_family(
            settings.folder, bank, spec, settings.talk, session=session, force=force
        )
        if as_json:
            members = [dataclasses.asdict(m) for m in found.members]
            banks = [bank_json(b, spec.max_boost_db) for b in found.banks]
            settings.show_json({"family": members, "banks": banks})
            return
        show_family(settings, bank, found.members)
        settings.next_step(f"roomcal verify {found.banks[1].name}")
        return
    made = design_bank(
        settings.folder,
        bank,
        spec,
        settings.talk,
        session=session,
        force=force,
        keep=not dry_run,
    )
    if as_json:
        settings.show_json(bank_json(made, spec.max_boost_db))
        return
    show_bank(settings, made)
    if dry_run:
        settings.talk.note("a preview: nothing was written")
        return
    measured = bool(made.provenance["device"])
    settings.next_step(f"roomcal verify {bank}" if measured else f"roomcal export {bank} --to all")


def _refuse_with_family(
    *, phase: str, max_latency_ms: float | None, peq: int, dry_run: bool
) -> None:
    """Refuse what a family would have to ignore."""
    if phase != "mixed":
        raise click.UsageError(
            f"--family and --phase {phase} do not go together: they differ in the latency that "
            "mixed phase may have; leave out one of them"
        )
    if max_latency_ms is not None:
        raise click.UsageError(
            "--family and --max-latency-ms do not go together: each of its banks has a limit of "
            "its own; leave out --family for one bank with this limit"
        )
    if peq:
        raise click.UsageError(
            "--family and --peq do not go together: bands have no latency, and its banks "
            "would be the same; leave out --family"
        )
    if dry_run:
        raise click.UsageError(
            "--family and --dry-run do not go together: leave out --family for a preview"
        )


def _rates(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise click.UsageError(
            f"--fs {text!r}: give whole numbers in Hz, like 44100,48000"
        ) from error

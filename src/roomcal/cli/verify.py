"""`roomcal verify`: measure again and see whether the promise was kept."""

from typing import TYPE_CHECKING, Any

import click

from roomcal.cli import completion
from roomcal.cli.audio_options import audio_options
from roomcal.cli.loudness_options import refuse_unattended, yes_option
from roomcal.cli.settings import Settings, json_option
from roomcal.cli.sweep_options import length_option

if TYPE_CHECKING:
    from roomcal.jobs.verify import Verified


@click.command()
@click.argument("bank", shell_complete=completion.banks)
@click.option(
    "--against",
    metavar="SESSION",
    shell_complete=completion.sessions,
    help="Session before.  [default: the bank's own]",
)
@click.option(
    "--device",
    envvar="ROOMCAL_DEVICE",
    shell_complete=completion.devices,
    help="Device.  [default: the one that measured the session]",
)
@audio_options
@yes_option
@click.option("--positions", type=int, help="How many positions.  [default: the session's]")
@click.option(
    "--sweeps", type=click.IntRange(1, 32), default=3, show_default=True, help="Sweeps a take."
)
@length_option
@click.option(
    "--external",
    is_flag=True,
    help="Play plain sweeps: CamillaDSP, a DAW or a box applies the correction.",
)
@json_option
@click.pass_obj
def verify(
    settings: Settings,
    *,
    bank: str,
    against: str | None,
    device: str | None,
    positions: int | None,
    sweeps: int,
    length: float,
    external: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Measure through BANK and hold the result against its prediction.

    Exit code 9 says that the promise is broken.

    \b
    Examples:
      roomcal verify mix
      roomcal verify mix --positions 3
      roomcal verify mix --external
    """
    from roomcal.errors import ProofError
    from roomcal.files.bank_store import load_bank
    from roomcal.jobs.measure_plan import MeasureRequest
    from roomcal.jobs.studio import open_place
    from roomcal.jobs.verify import measured_places, session_before, verify_bank

    loaded = load_bank(settings.folder, bank)
    before = session_before(settings.folder, loaded, against)
    place = open_place(
        settings.folder,
        device or before.session.device or None,
        input_name=settings.input_device,
        audio_changes=settings.audio_changes,
        occasion=1,
        use_calibration=before.session.calibrated,
    )
    refuse_unattended(place, yes=yes)
    speakers, places = measured_places(before, place, positions)
    result = verify_bank(
        settings.folder,
        loaded,
        place,
        settings.talk,
        request=MeasureRequest(speakers, places, sweeps=sweeps, length_s=length),
        against=against,
        external=external,
    )
    if as_json:
        settings.show_json(_as_json(result))
    else:
        _show(settings, result)
    if not result.verification.passed:
        failures = result.verification.failures
        if as_json:  # the document above is the answer; the exit code says the rest
            raise click.exceptions.Exit(ProofError.exit_code)
        raise ProofError(
            "RC-901",
            "the promise is broken: " + "; ".join(failures),
            hint="is the bank in the path, the right one, left and right as measured, and the "
            "microphone where it was?",
        )
    settings.next_step(
        f"roomcal report {result.before.session.name} --bank {bank} "
        f"--against {result.after.session.name}"
    )


def _as_json(result: "Verified") -> dict[str, Any]:
    v = result.verification
    return {
        "bank": result.bank.name,
        "passed": v.passed,
        "session": result.after.session.name,
        "common_gain_db": v.common_gain_db,
        "speakers": [
            {
                "speaker": s.speaker,
                "predicted_error_db": s.rms_error_db,
                "worst_hz": float(s.f_hz[s.worst_band]),
                "worst_error_db": float(s.error_db[s.worst_band]),
                "tolerance_db": float(s.tolerance_db[s.worst_band]),
                "level_error_db": s.level_error_db,
                "arrival_error_s": s.arrival_error_s,
                "bands_hz": s.f_hz.tolist(),
                "error_db": s.error_db.tolist(),
                "tolerances_db": s.tolerance_db.tolist(),
                "failures": list(s.failures),
            }
            for s in v.speakers
        ],
    }


def _show(settings: Settings, result: "Verified") -> None:
    from roomcal.cli.analyze_tables import number
    from roomcal.units import frequency_text, nominal_hz

    v = result.verification
    rows = []
    for s in v.speakers:
        worst = s.worst_band
        rows.append(
            [
                s.speaker,
                "kept" if not s.failures else "broken",
                f"{s.rms_error_db:.2f}",
                number(float(s.error_db[worst]), "+.2f"),
                frequency_text(nominal_hz(s.f_hz[worst])),
                f"{s.tolerance_db[worst]:.2f}",
                number(s.level_error_db, "+.2f"),
                number(1000.0 * s.arrival_error_s, "+.3f"),
            ]
        )
    settings.show_table(
        f"Measured against predicted: {result.bank.name}",
        ["", "promise", "rms dB", "worst dB", "at", "allowed", "level dB", "arrival ms"],
        rows,
        caption=f"rms at 1/6 octave, 30 Hz to 16 kHz; worst: of the third octaves. All speakers "
        f"together measured {number(v.common_gain_db, '+.2f')} dB; that much is taken off. "
        f"Session: {result.after.session.name}",
    )

"""`roomcal health`: whether the studio is as it was."""

from typing import TYPE_CHECKING, Any

import click

from roomcal.cli import completion
from roomcal.cli.audio_options import audio_options
from roomcal.cli.loudness_options import loudness_options, on_input, refuse_unattended
from roomcal.cli.settings import Settings, json_option

if TYPE_CHECKING:
    from roomcal.jobs.health import HealthChecked


@click.command()
@click.option(
    "--device",
    envvar="ROOMCAL_DEVICE",
    shell_complete=completion.devices,
    help="Device.  [default: the one that measured the baseline]",
)
@audio_options
@click.option(
    "--baseline",
    metavar="SESSION",
    shell_complete=completion.sessions,
    help="Session to compare with.  [default: before, else the oldest]",
)
@loudness_options
@json_option
@click.pass_obj
def health(
    settings: Settings,
    *,
    device: str | None,
    baseline: str | None,
    max_spl: float,
    loud: bool,  # noqa: ARG001 - the baseline's level is used, which was allowed once
    input_channel: int | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Measure for a minute and say what changed since a baseline.

    One sweep a speaker at the main position, held against the same in the baseline. Named are:
    another gain, a moved microphone or speaker, a failing driver, distortion, warmer air, noise.
    The exit code is 0 whatever changed.

    \b
    Examples:
      roomcal health
      roomcal health --baseline before --json
    """
    from roomcal.jobs.health import baseline_session, check_health
    from roomcal.jobs.studio import open_place

    then = baseline_session(settings.folder, baseline)
    place = open_place(
        settings.folder,
        device or then.session.device or None,
        input_name=settings.input_device,
        audio_changes=settings.audio_changes,
        occasion=2,
        use_calibration=then.session.calibrated,
    )
    place = on_input(place, input_channel)
    refuse_unattended(place, yes=yes)
    result = check_health(settings.folder, place, settings.talk, baseline=then, max_spl_db=max_spl)
    if as_json:
        settings.show_json(_as_json(result))
        return
    _show(settings, result)


def _show(settings: Settings, result: "HealthChecked") -> None:
    """Print the verdict, what leads to it, and a line for each speaker."""
    health = result.health
    rows = [
        [
            c.speaker,
            f"{round(c.gain_db, 1) + 0.0:+.1f}",
            "-" if c.fine.displacement_m != c.fine.displacement_m else _centimetres(c),
            "-" if c.arrival_s != c.arrival_s else f"{round(1e3 * c.arrival_s, 3) + 0.0:+.3f}",
        ]
        for c in health.changes
    ]
    settings.show_table(
        f"{result.session.folder.name} against {result.baseline.folder.name}, at {result.position}",
        ["speaker", "gain dB", "moved cm", "arrival ms"],
        rows,
    )
    for finding in health.findings:
        mark = "!" if finding.severity == "warning" else "-"
        settings.show_text(f"{mark} {finding.message}")
    if health.unchanged:
        settings.show_text(f"Healthy: {health.verdict}.")


def _centimetres(change: Any) -> str:  # noqa: ANN401 - a SpeakerChange
    return f"{100.0 * change.fine.displacement_m:.0f}"


def _as_json(result: "HealthChecked") -> dict[str, Any]:
    from roomcal.verify.checkup import BANDS_HZ

    return {
        "baseline": result.baseline.folder.name,
        "session": result.session.folder.name,
        "position": result.position,
        "unchanged": result.health.unchanged,
        "verdict": result.health.verdict,
        "findings": [
            {
                "kind": f.kind,
                "severity": f.severity,
                "speaker": f.speaker,
                "message": f.message,
                "evidence": dict(f.evidence),
            }
            for f in result.health.findings
        ],
        "speakers": [
            {
                "speaker": c.speaker,
                "gain_db": c.gain_db,
                "bands_hz": BANDS_HZ.tolist(),
                "band_db": c.band_db.tolist(),
                "arrival_change_s": c.arrival_s,
                "displacement_m": c.fine.displacement_m,
                "likeness": c.fine.likeness,
                "time_scale": c.fine.scale,
                "distortion_db": c.distortion_db,
                "distortion_rise_db": c.distortion_rise_db,
                "distortion_hz": c.distortion_hz,
            }
            for c in result.health.changes
        ],
    }

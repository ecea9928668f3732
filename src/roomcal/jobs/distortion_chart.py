"""The graph of distortion that a report shows, from a story."""

import numpy as np

from roomcal.analyze.distortion import ORDERS
from roomcal.jobs.charts import BASS
from roomcal.jobs.story import Story
from roomcal.report.chart import Chart, Key, Line, Panel
from roomcal.report.distortion_figure import (
    distortion_figure,
    distortion_range_db,
    part_styles,
)
from roomcal.report.style import LIGHT


def distortion_chart(story: Story) -> Chart | None:
    """Harmonics, their sum and the floor before the correction; None without raw takes."""
    found = {s: d for s, d in story.distortion.items() if d.f_hz.size}
    if not found:
        return None
    f_hz = max((d.f_hz for d in found.values()), key=len)
    styles = part_styles(LIGHT)
    rows = {
        speaker: {
            "Noise floor": d.floor_db,
            "THD": d.thd_db,
            **{f"H{k}": d.harmonics_db[k] for k in ORDERS},
        }
        for speaker, d in found.items()
    }
    seen = [n for n in styles if any(np.isfinite(own[n]).any() for own in rows.values())]
    panels = tuple(
        Panel(
            speaker,
            tuple(
                Line(name, np.pad(y, (0, f_hz.size - y.size), constant_values=np.nan)[None])
                for name, y in own.items()
                if name in seen
            ),
        )
        for speaker, own in rows.items()
    )
    level = next(iter(found.values())).level_dbfs
    reasons = "; ".join(f"{s}: {d.reason}" for s, d in found.items() if d.reason)
    return Chart(
        "distortion",
        "Distortion",
        f"Read from sweeps at {level:.0f} dBFS.".replace("-", "\u2212")
        + (f" {reasons}." if reasons else ""),
        f"Harmonics of {', '.join(found)} re the fundamental, with the floor of the noise.",
        f_hz,
        panels,
        tuple(Key(name, name, styles[name]) for name in seen),
        distortion_figure({s: [("", d)] for s, d in found.items()}, title=""),
        "Re the fundamental (dB)",
        distortion_range_db(list(found.values())),
        "dB",
        (20.0, 10000.0),
        y_step=10.0,
        views=(BASS, ("From 1 kHz", (1000.0, 10000.0))),
    )

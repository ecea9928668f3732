"""Marks in recordings that are searched in parts: found where they are, as in one piece."""

import numpy as np
import pytest

from roomcal.measure import marks
from roomcal.measure.plan import plan_take, render_take
from roomcal.model.sweep import Sweep

FS = 48000
PART = 1 << 21  # samples that are searched at once


@pytest.mark.parametrize("border", [-20000, -6000, 0])
def test_a_long_recording_has_its_marks_where_they_were_put(rng, monkeypatch, border):
    """Also a mark across the border of two parts, and a loud sweep that the border cuts."""
    plan = plan_take(Sweep(fs=FS, length_s=2.0), repeats=2)
    row = render_take(plan, same_speaker=True)[1]
    lead = PART - 46000 + border - plan.mark_starts[1]
    x = np.pad(row, (lead, 5 * FS))
    x += 1e-5 * rng.standard_normal(x.size)
    assert x.size > PART

    found = marks.locate_marks(x, plan, source="")
    monkeypatch.setattr(marks, "_PART_SAMPLES", 2 * x.size)
    at_once = marks.locate_marks(x, plan, source="")

    np.testing.assert_allclose(found.mark_samples, lead + np.array(plan.mark_starts), atol=0.01)
    np.testing.assert_array_equal(found.mark_samples, at_once.mark_samples)


def test_what_is_cut_between_parts_leaves_no_trace(rng, monkeypatch):
    """A bass tone that is 40 dB louder than the marks ends in every part."""
    mark = marks.mark_samples(FS, level_dbfs=-40.0)
    x = np.sin(2 * np.pi * 37.0 / FS * np.arange(400_000)) + 1e-5 * rng.standard_normal(400_000)
    x[200_000 : 200_000 + mark.size] += mark

    whole = marks._matched_envelope(x, mark, FS)
    monkeypatch.setattr(marks, "_PART_SAMPLES", 130_000)
    parts = marks._matched_envelope(x, mark, FS)

    inner = slice(20_000, 360_000)  # both see the ends of the recording alike, but for these
    assert np.argmax(parts[inner]) == np.argmax(whole[inner])
    assert np.abs(parts - whole)[inner].max() < 1e-3 * whole[inner].max()

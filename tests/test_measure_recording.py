import numpy as np
import pytest
import scipy.signal

from roomcal.dsp.sweep_signal import sweep_samples
from roomcal.errors import InputError
from roomcal.measure.recording import (
    RecordedSweep,
    responses_from_recording,
    sweeps_in_recording,
)
from roomcal.measure.responses import PRE_S
from roomcal.model.sweep import Sweep

FS = 48000
SWEEP = sweep_samples(Sweep(fs=FS, length_s=2.0))
# The arrival is read at half of an envelope: filters of the room and neighbours move it by this.
ARRIVAL_TOLERANCE = 0.05


def room(delay_samples, colour_seed):
    """A response of a tenth of a second: direct sound and a decaying tail, on whole samples."""
    rng = np.random.default_rng(colour_seed)
    h = np.zeros(4800)
    tail = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 500) * 0.03
    h[delay_samples] = 1.0
    h[delay_samples + 200 : delay_samples + 200 + tail.size] += tail[: 4600 - delay_samples]
    return h


def recording_of(responses, *, lead=30000, gap=40000, noise=1e-5, gain=0.3):
    """Speakers one after the other; the start of each sweep beside it."""
    pieces, starts, at = [np.zeros(lead)], [], lead
    for h in responses:
        y = np.concatenate([gain * scipy.signal.fftconvolve(SWEEP, h), np.zeros(gap)])
        starts.append(at)
        pieces.append(y)
        at += y.size
    x = np.concatenate(pieces)
    return x + noise * np.random.default_rng(0).standard_normal(x.size), starts


def found(x, speakers, **options) -> list[RecordedSweep]:
    return sweeps_in_recording(x, SWEEP, FS, speakers=speakers, position="p1", **options)


@pytest.mark.parametrize("lead", [0, 1234, 200000])
def test_every_speaker_is_found_in_its_order_wherever_it_starts(lead):
    rooms = [room(100, 1), room(173, 2), room(140, 3)]
    x, starts = recording_of(rooms, lead=lead)

    sweeps = found(x, ["L", "R", "C"])

    assert [s.response.speaker for s in sweeps] == ["L", "R", "C"]
    for sweep, start, h in zip(sweeps, starts, rooms, strict=True):
        direct = int(np.argmax(h))
        # The envelope of a single sample rises through half of its peak before it.
        assert sweep.arrival_sample == pytest.approx(start + direct, abs=6.0)
        assert sweep.response.samples.argmax() == pytest.approx(PRE_S * FS, abs=6)
        assert sweep.response.samples.max() == pytest.approx(0.3, rel=0.03)
    first, second = sweeps[0].arrival_sample, sweeps[1].arrival_sample
    assert second - first == pytest.approx(starts[1] + 173 - starts[0] - 100, abs=ARRIVAL_TOLERANCE)


def test_the_responses_are_those_of_the_room():
    rooms = [room(100, 1), room(173, 2)]
    x, _ = recording_of(rooms, noise=0.0)

    for sweep, h in zip(found(x, ["L", "R"]), rooms, strict=True):
        f = np.fft.rfftfreq(1 << 17, 1 / FS)
        inside = (f > 30) & (f < 20000)
        H = np.abs(np.fft.rfft(sweep.response.samples, 1 << 17))[inside]
        truth = 0.3 * np.abs(np.fft.rfft(h, 1 << 17))[inside]
        ratio_db = 20 * np.log10(H / truth)
        assert np.sqrt(np.mean(ratio_db**2)) < 0.02
        assert np.abs(ratio_db).max() < 0.5  # single bins, deep notches among them


def test_without_a_known_spacing_no_time_between_speakers_is_claimed():
    x, _ = recording_of([room(100, 1), room(173, 2)])

    for response in responses_from_recording(x, SWEEP, FS, speakers=["L", "R"], position="p1"):
        assert response.time_reference == "none"
        assert response.time_zero == 0.0
        assert response.position == "p1"
        assert response.snr is not None


def test_a_known_spacing_ties_the_speakers_together():
    x, starts = recording_of([room(100, 1), room(173, 2)])

    left, right = (s.response for s in found(x, ["L", "R"], spacing_samples=starts[1] - starts[0]))

    assert left.time_reference == right.time_reference == "marks"
    flights = [r.samples.argmax() - r.time_zero for r in (left, right)]
    assert flights[1] - flights[0] == pytest.approx(73, abs=ARRIVAL_TOLERANCE)


def test_a_quieter_and_inverted_speaker_is_found_too():
    x, _ = recording_of([room(100, 1), -0.15 * room(100, 2)])

    left, right = found(x, ["L", "R"])

    assert left.response.samples.max() > 0.2
    assert right.response.samples.min() < -0.03


def test_a_sub_is_found():
    low_pass = scipy.signal.butter(4, 90.0, fs=FS, output="sos")
    h = scipy.signal.sosfilt(low_pass, np.concatenate([room(100, 1), np.zeros(4800)]))
    x, _ = recording_of([h], noise=1e-4)

    (sub,) = found(x, ["SUB"])

    H = np.abs(np.fft.rfft(sub.response.samples, 1 << 16))
    f = np.fft.rfftfreq(1 << 16, 1 / FS)
    assert H[(f > 40) & (f < 60)].min() > 30 * H[(f > 1000) & (f < 10000)].max()


def refused(x, speakers) -> InputError:
    with pytest.raises(InputError) as caught:
        found(x, speakers)
    assert caught.value.fault == "RC-306"
    return caught.value


@pytest.mark.parametrize(("speakers", "text"), [(["L"], "1 speaker"), (["L", "R", "C"], "3 speak")])
def test_another_number_of_speakers_is_refused_with_both_numbers(speakers, text):
    x, _ = recording_of([room(100, 1), room(173, 2)])

    error = refused(x, speakers)

    assert "found 2 sweeps" in error.message
    assert text in error.message
    assert error.evidence["found"] == 2
    assert error.evidence["expected"] == len(speakers)


def test_noise_and_silence_hold_no_sweep(rng):
    for x in (0.1 * rng.standard_normal(10 * FS), np.zeros(5 * FS), np.zeros(100)):
        error = refused(x, ["L"])
        assert "found 0 sweeps" in error.message
        assert "recording of this sweep" in error.hint


@pytest.mark.parametrize("length_s", [1.2, 3.0, 6.15])
def test_a_recording_of_another_sweep_is_refused(length_s):
    other = sweep_samples(Sweep(fs=FS, length_s=length_s))
    y = scipy.signal.fftconvolve(other, room(100, 1))

    refused(np.concatenate([np.zeros(20000), y, np.zeros(60000)]), ["L"])


def test_a_recording_at_another_rate_is_refused():
    x, _ = recording_of([room(100, 1)])

    refused(scipy.signal.resample_poly(x, 147, 160), ["L"])


@pytest.mark.parametrize(("part", "text"), [("head", "begins within"), ("tail", "ends within")])
def test_a_cut_recording_says_how_much_is_missing(part, text):
    x, starts = recording_of([room(100, 1)], lead=10000)
    cut = x[starts[0] + 100 + 24000 :] if part == "head" else x[: starts[0] + SWEEP.size - 23900]

    error = refused(cut, ["L"])

    assert text in error.message
    assert error.evidence["missing_s"] == pytest.approx(0.5, abs=0.01)

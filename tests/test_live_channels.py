"""Channels of a stream: the ones that were named play, the others are never touched."""

import ctypes

import numpy as np
import pytest

from roomcal.live.callback import PORT_AUDIO_TYPE
from roomcal.live.channels import Pick
from roomcal.live.prepare import prepare
from roomcal.model.filter_bank import FilterBank

FS, BLOCK = 48000, 64
N_BLOCKS = 600  # 0.8 s: the start ramp of 0.4 s is over in the second half
HOST_INPUTS, HOST_OUTPUTS = 6, 8
INPUTS, OUTPUTS = (4, 2), (7, 1)  # of L and R
GAINS = (0.5, -0.25)  # of L and R
# Both ways compute the same in the same order, so the samples are the same bits.
EXACT = 0.0


def engine():
    taps = np.zeros((2, 2, 1))
    taps[0, 0, 0], taps[1, 1, 0] = GAINS
    bank = FilterBank(taps, FS, ("L", "R"), ("L", "R"))
    return prepare([bank], block=BLOCK)


@pytest.fixture(scope="module")
def heard():
    """What a stream of many channels plays, and what one of two channels does."""
    rng = np.random.default_rng(5)
    x = rng.uniform(-0.5, 0.5, (N_BLOCKS, BLOCK, HOST_INPUTS)).astype(np.float32)
    x[:, :, 0] = np.nan  # nobody looks at this channel
    inner, outer = engine(), engine()
    pick = Pick(
        outer.userdata_address,
        inputs=INPUTS,
        outputs=OUTPUTS,
        host_inputs=HOST_INPUTS,
        host_outputs=HOST_OUTPUTS,
    )
    call = PORT_AUDIO_TYPE(pick.address)
    many, two = [], []
    for block in x:
        y = np.full((BLOCK, HOST_OUTPUTS), 9.0, dtype=np.float32)
        block = np.ascontiguousarray(block)
        assert call(block.ctypes.data, y.ctypes.data, BLOCK, None, 0, pick.user) == 0
        many.append(y)
        two.append(inner.call(block[:, INPUTS]))
    return x, np.concatenate(many), np.concatenate(two), outer


def test_the_named_channels_play_what_a_stream_of_their_own_plays(heard):
    _, many, two, _ = heard

    assert np.abs(two).max() > 0.1
    assert np.abs(many[:, OUTPUTS] - two).max() <= EXACT


def test_each_input_goes_to_its_own_output(heard):
    x, many, _, _ = heard
    second_half = slice(N_BLOCKS // 2 * BLOCK, None)
    programme = x.reshape(-1, HOST_INPUTS)[second_half]

    # A filter of one tap is a gain; 32-bit floats round to 6e-8 of their size.
    for channel, output, gain in zip(INPUTS, OUTPUTS, GAINS, strict=True):
        expected = gain * programme[:, channel]
        assert np.abs(many[second_half, output] - expected).max() < 1e-6


def test_outputs_that_nobody_uses_are_silent(heard):
    _, many, _, _ = heard
    others = [n for n in range(HOST_OUTPUTS) if n not in OUTPUTS]

    assert not many[:, others].any()


def test_an_input_that_nobody_uses_is_never_looked_at(heard):
    _, _, _, outer = heard

    assert outer.panel["bad_blocks"] == 0


def test_a_host_without_input_yet_plays_silence():
    outer = engine()
    pick = Pick(
        outer.userdata_address, inputs=(0, 1), outputs=(0, 2), host_inputs=2, host_outputs=3
    )
    y = np.full((BLOCK, 3), 9.0, dtype=np.float32)

    PORT_AUDIO_TYPE(pick.address)(ctypes.c_void_p(), y.ctypes.data, BLOCK, None, 0, pick.user)

    assert not y.any()


def test_channels_outside_of_the_stream_are_a_mistake():
    with pytest.raises(ValueError, match="outside"):
        Pick(engine().userdata_address, inputs=(2,), outputs=(0,), host_inputs=2, host_outputs=2)

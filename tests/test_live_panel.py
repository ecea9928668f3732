"""The panel: fields by name in memory that several processes see."""

import struct
from multiprocessing import shared_memory

import numpy as np
import pytest

from roomcal.live import panel as layout
from roomcal.live.panel import Panel


def test_every_field_is_eight_bytes_and_none_overlaps():
    panel = Panel.alone()
    for number, name in enumerate(layout.INTEGERS):
        panel[name] = 1000 + number
    for number, name in enumerate(layout._COUNTS):
        panel.channels(name)[:] = number + np.arange(layout._COUNTS[name]) / 100

    assert [panel[name] for name in layout.INTEGERS] == list(range(1000, 1000 + layout.N_INTEGERS))
    for number, name in enumerate(layout._COUNTS):
        expected = number + np.arange(layout._COUNTS[name]) / 100
        np.testing.assert_array_equal(panel.channels(name), expected)
    assert panel.integers.nbytes + panel.numbers.nbytes == layout.N_BYTES


def test_fields_stand_where_the_layout_says():
    memory = bytearray(layout.N_BYTES)
    panel = Panel(memory)

    panel["mute"] = 7
    panel["dim_db"] = -12.5

    assert struct.unpack_from("<q", memory, 8 * layout.INTEGERS.index("mute")) == (7,)
    assert struct.unpack_from("<d", memory, 8 * layout.N_INTEGERS) == (-12.5,)


def test_another_view_of_shared_memory_sees_what_was_written():
    memory = shared_memory.SharedMemory(create=True, size=layout.N_BYTES)
    try:
        one, other = Panel(memory.buf), Panel(memory.buf)
        one.clear(n_inputs=2, n_outputs=3, fs=48_000)
        serial = one.command(mute=1, dim_db=-6.0)
        one.set_gain_db(2, -3.0)

        assert (other["mute"], other["dim_db"]) == (1, -6.0)
        assert other["serial"] == serial + 1
        assert other.channels("gain_db")[2] == -3.0
        meters = other.meters()
        assert meters.counts["n_outputs"] == 3
        assert meters.output_peak.shape == (3,)
        assert meters.state == "idle"
        assert np.isnan(meters.load_mean_ns)
        del one, other, meters
    finally:
        memory.close()
        memory.unlink()


def test_read_only_memory_is_refused():
    with pytest.raises(ValueError, match="writable"):
        Panel(memoryview(bytes(layout.N_BYTES)))


@pytest.mark.parametrize("name", ["callbacks", "serial", "input_peak", "volume"])
def test_what_is_no_command_is_refused(name):
    with pytest.raises(KeyError):
        Panel.alone().command(**{name: 1})


def test_rearming_and_resetting_are_new_numbers():
    panel = Panel.alone()

    panel.rearm()
    panel.rearm()
    panel.reset_meters()

    assert (panel["rearm"], panel["meter_reset"], panel["serial"]) == (2, 1, 3)

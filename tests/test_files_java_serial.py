"""Java's object streams: read as data, bounded, and refused with the byte where they go wrong."""

import gc
import runpy
import struct
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from roomcal.errors import InputError
from roomcal.files import java_serial
from roomcal.files.java_serial import DEEPEST, MOST_VALUES, JavaObject, read_stream

STREAM = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("java_stream.py"))))
MAGIC, NULL, END = STREAM.MAGIC, STREAM.NULL, STREAM.END
utf, class_of, floats = STREAM.utf, STREAM.class_of, STREAM.floats


def read(body):
    return read_stream(MAGIC + body, path="x.mdat")


def test_fields_of_parents_come_first_and_every_type_is_read():
    parent = class_of("P", ("I", "count"))
    child = class_of("C", ("D", "gain"), ("Z", "on"), ("L", "name"), parent=parent)
    body = b"\x73" + child + struct.pack(">idB", -7, 2.5, 1) + b"\x74" + utf("hällo")

    (found,) = read(body)

    assert found.class_name == "C"
    assert found.fields == {"count": -7, "gain": 2.5, "on": 1, "name": "hällo"}


def test_arrays_of_numbers_are_views_of_the_file():
    (found,) = read(floats([1.0, -2.5, np.pi]))

    np.testing.assert_array_equal(found, np.array([1.0, -2.5, np.pi], np.float32))


def test_a_reference_gives_the_same_value_again():
    body = b"\x74" + utf("once") + b"\x71" + struct.pack(">I", 0x7E0000)

    assert read(body) == ["once", "once"]


def test_an_object_that_holds_itself_is_read_once():
    node = b"\x73" + class_of("N", ("L", "next"))
    # Handles: class 0, the name of the field's type 1, the object 2.
    (found,) = read(node + b"\x71" + struct.pack(">I", 0x7E0002))

    assert found.fields["next"] is found


def test_what_a_class_writes_besides_its_fields_is_kept_as_bytes():
    (found,) = read(b"\x73" + class_of("W", flags=3) + b"\x77\x03abc" + END)

    assert isinstance(found, JavaObject)
    assert found.extra == [b"abc"]


HOSTILE = {
    "no stream": (b"PK\x03\x04", "no Java object stream", 0),
    "cut off": (MAGIC + b"\x74\x00\x05ab", "5 bytes should follow, 2 are left", None),
    "endless array": (
        MAGIC + b"\x75" + class_of("[D") + b"\x7f\xff\xff\xff",
        "bytes more than are left",
        None,
    ),
    "negative array": (MAGIC + b"\x75" + class_of("[D") + b"\xff\xff\xff\xff", "-1 elements", None),
    "endless objects": (
        MAGIC + b"\x75" + class_of("[L") + b"\x7f\xff\xff\xff" + NULL * 8,
        "bytes should follow",
        None,
    ),
    "unknown tag": (MAGIC + b"\x20", "0x20 begins nothing", 4),
    "wild reference": (MAGIC + b"\x71\xff\xff\xff\xff", "it refers to value", None),
    "no class": (MAGIC + b"\x73\x70", "an object has no class", None),
    "own format": (MAGIC + b"\x73" + class_of("E", flags=4), "a way of its own", None),
    "odd type": (MAGIC + class_of("Q", ("Q", "x")), "'Q' is no type", None),
    "long string": (MAGIC + b"\x7c" + b"\xff" * 8, "bytes should follow", None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_stream_is_refused_with_its_byte(name):
    data, message, offset = HOSTILE[name]

    with pytest.raises(InputError, match=message) as caught:
        read_stream(data, path="x.mdat")

    assert caught.value.fault == "RC-318"
    assert f"at byte {caught.value.evidence['offset']}" in caught.value.message
    assert offset is None or caught.value.evidence["offset"] == offset


def test_nesting_is_bounded():
    nested = (b"\x75" + class_of("[L") + struct.pack(">i", 1)) * (DEEPEST + 1) + NULL

    with pytest.raises(InputError, match="nested more than"):
        read(nested)


def test_a_class_with_endless_parents_is_refused_at_once():
    data, handle = class_of("A"), 0x7E0000
    for _ in range(1000):
        data += class_of("A", parent=b"\x71" + struct.pack(">I", handle))
        handle += 1

    with pytest.raises(InputError, match="more fields or parents"):
        read(data)


@pytest.mark.parametrize("piece", [NULL, b"\x74\x00\x00", b"\x77\x00", b"\x73" + class_of("A")])
def test_many_values_are_bounded_and_so_is_their_memory(piece, monkeypatch):
    most = MOST_VALUES // 20
    monkeypatch.setattr(java_serial, "MOST_VALUES", most)
    data = MAGIC + piece * (most + 1)
    tracemalloc.start()

    with pytest.raises(InputError, match=f"more than {most} values"):
        read_stream(data, path="x.mdat")

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (64 << 20) // 20 + 10 * len(data)  # 64 MB for twenty times as many


def test_a_stream_that_was_read_is_let_go_at_once():
    """Not when the collector of circles comes round: files are large."""
    data = bytes(bytearray(MAGIC + b"\x74\x00\x01a" + NULL))
    gc.disable()
    try:
        before = sys.getrefcount(data)
        assert read_stream(data, path="x.mdat") == ["a", None]
        assert sys.getrefcount(data) == before
    finally:
        gc.enable()

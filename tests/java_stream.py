"""Writes Java object streams byte by byte, from the grammar of the specification."""

import struct

import numpy as np

MAGIC = b"\xac\xed\x00\x05"
NULL, END = b"\x70", b"\x78"


def utf(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def class_of(name, *fields, parent=NULL, flags=2):
    """Describe a class by the specification's grammar: newClassDesc."""
    listed = b"".join(
        code.encode() + utf(field) + (b"\x74" + utf("Ljava/lang/Object;") if code in "L[" else b"")
        for code, field in fields
    )
    version = b"\0" * 8
    return (
        b"\x72"
        + utf(name)
        + version
        + bytes([flags])
        + struct.pack(">H", len(fields))
        + listed
        + END
        + parent
    )


def floats(values):
    values = np.asarray(values, ">f4")
    return b"\x75" + class_of("[F") + struct.pack(">i", values.size) + values.tobytes()

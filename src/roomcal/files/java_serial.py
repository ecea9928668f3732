"""Read Java's object serialisation as plain data: no class is looked up, nothing is executed.

A REW `.mdat` is such a stream. The parser knows the grammar only, bounds every length by what is
left of the file, and bounds how deep and how many the values may be, so that a hostile file costs
no more than an honest one.

References
----------
Java Object Serialization Specification, version 6.0, chapter 6: Object Serialization Stream
Protocol (Oracle).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roomcal.errors import InputError

MAGIC = b"\xac\xed\x00\x05"
# One measurement of REW has some hundreds of values, nested less than ten deep.
MOST_VALUES = 400_000
DEEPEST = 60
MOST_PARENTS = 30  # of one class
MOST_FIELDS = 2_000  # of one class with those that it inherits

_NULL, _REFERENCE, _CLASSDESC, _OBJECT, _STRING, _ARRAY, _CLASS = range(0x70, 0x77)
_BLOCKDATA, _ENDBLOCKDATA, _RESET, _BLOCKDATALONG, _EXCEPTION = range(0x77, 0x7C)
_LONGSTRING, _PROXYCLASSDESC, _ENUM = range(0x7C, 0x7F)
_FIRST_HANDLE = 0x7E0000

_WRITE_METHOD, _SERIALIZABLE, _EXTERNALIZABLE, _BLOCK_DATA_MODE = 0x01, 0x02, 0x04, 0x08

_PRIMITIVES: dict[str, np.dtype[Any]] = {
    "B": np.dtype(">i1"),
    "C": np.dtype(">u2"),
    "D": np.dtype(">f8"),
    "F": np.dtype(">f4"),
    "I": np.dtype(">i4"),
    "J": np.dtype(">i8"),
    "S": np.dtype(">i2"),
    "Z": np.dtype(">u1"),
}


@dataclass(frozen=True)
class JavaClass:
    """What a stream says about one class."""

    name: str
    flags: int
    fields: tuple[tuple[str, str], ...]  # type code, name
    parent: "JavaClass | None"
    n_fields: int = 0  # with those that it inherits
    n_parents: int = 0

    def lineage(self) -> list["JavaClass"]:
        """Return the class and what it inherits from, the oldest first."""
        line: list[JavaClass] = []
        found: JavaClass | None = self
        while found:
            line.insert(0, found)
            found = found.parent
        return line


@dataclass(eq=False)
class JavaObject:
    """One object: the name of its class, the values of its fields, what else it wrote."""

    class_name: str
    fields: dict[str, Any] = field(default_factory=dict)
    extra: list[Any] = field(default_factory=list)


def read_stream(data: bytes, *, path: str) -> list[Any]:
    """Parse a whole stream.

    Parameters
    ----------
    data : bytes
    path : str
        Name of the file, for the message.

    Returns
    -------
    contents : list
        Strings, `JavaObject`, lists (arrays of objects), NumPy arrays (arrays of numbers, views of
        `data`), bytes (data without structure) and None.

    Raises
    ------
    InputError
        RC-318, with the offset, for anything that is not such a stream, whole and of sane size.
    """
    reader = _Reader(data, path)
    try:
        return reader.contents()
    finally:
        # The table of its own methods is a circle: it would keep the file until the collector runs.
        reader.read_by_tag.clear()
        reader.handles.clear()


class _Reader:
    """The place in the stream, and the handles that it has given out."""

    def __init__(self, data: bytes, path: str) -> None:
        self.data = data
        self.path = path
        self.at = 0
        self.depth = 0
        self.n_values = 0
        self.handles: list[Any] = []
        self.read_by_tag: dict[int, Callable[[], Any]] = {
            _NULL: lambda: None,
            _REFERENCE: self.reference,
            _CLASSDESC: self.class_description,
            _PROXYCLASSDESC: self.proxy_description,
            _OBJECT: self.object,
            _STRING: lambda: self.remembered(self.text(self.unpack(">H"))),
            _LONGSTRING: lambda: self.remembered(self.text(self.unpack(">Q"))),
            _ARRAY: self.array,
            _CLASS: lambda: self.remembered(self.class_of()),
            _ENUM: self.enum,
            _BLOCKDATA: lambda: self.take(self.unpack(">B")),
            _BLOCKDATALONG: lambda: self.take(self.unpack(">I")),
        }

    def wrong(self, what: str) -> InputError:
        """Build the error for the place that was reached."""
        return InputError(
            "RC-318",
            f"{self.path} at byte {self.at}: {what}",
            hint="the file is damaged, or not what its name says: save it again in the program "
            "that wrote it",
            path=self.path,
            offset=self.at,
        )

    def contents(self) -> list[Any]:
        """Read everything in the stream."""
        if self.take(4) != MAGIC:
            self.at = 0
            raise self.wrong("this is no Java object stream")
        found = []
        while self.at < len(self.data):
            if self.data[self.at] == _RESET:
                self.at += 1
                self.handles.clear()
                continue
            found.append(self.value())
        return found

    def take(self, n: int) -> bytes:
        """Return the next n bytes."""
        if n > len(self.data) - self.at:
            raise self.wrong(f"{n} bytes should follow, {len(self.data) - self.at} are left")
        self.at += n
        return self.data[self.at - n : self.at]

    def unpack(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def text(self, n: int) -> str:
        """Return a string in Java's variant of UTF-8."""
        return self.take(n).decode("utf-8", errors="replace")

    def remembered(self, value: Any) -> Any:  # noqa: ANN401 - any value of the stream
        """Give a value the next handle."""
        self.handles.append(value)
        return value

    def value(self, tag: int | None = None) -> Any:  # noqa: ANN401 - any value of the stream
        """Read one thing of any kind."""
        self.counted(1)
        tag = self.unpack(">B") if tag is None else tag
        if tag not in self.read_by_tag:
            self.at -= 1
            raise self.wrong(f"0x{tag:02x} begins nothing that is known here")
        if self.depth >= DEEPEST:
            raise self.wrong(f"values are nested more than {DEEPEST} deep")
        self.depth += 1
        found = self.read_by_tag[tag]()
        self.depth -= 1
        return found

    def counted(self, n: int) -> None:
        """Refuse a stream of more values than any measurement has."""
        self.n_values += n
        if self.n_values > MOST_VALUES:
            raise self.wrong(f"it holds more than {MOST_VALUES} values")

    def reference(self) -> Any:  # noqa: ANN401 - any value of the stream
        index = self.unpack(">I") - _FIRST_HANDLE
        if not 0 <= index < len(self.handles):
            raise self.wrong(f"it refers to value {index}, and {len(self.handles)} are known")
        return self.handles[index]

    def class_of(self) -> JavaClass | None:
        """Read a description of a class, or a reference to one."""
        found = self.value()
        if found is not None and not isinstance(found, JavaClass):
            raise self.wrong("the description of a class should stand here")
        return found

    def class_description(self) -> JavaClass:
        name = self.text(self.unpack(">H"))
        self.take(8)  # the version of the class
        slot = len(self.handles)
        self.handles.append(None)
        flags = self.unpack(">B")
        fields = []
        for _ in range(self.unpack(">H")):
            self.counted(1)
            code = chr(self.unpack(">B"))
            if code not in _PRIMITIVES and code not in "[L":
                raise self.wrong(f"{code!r} is no type of a field")
            field_name = self.text(self.unpack(">H"))
            if code in "[L":
                self.value()  # the name of its class
            fields.append((code, field_name))
        self.annotation()
        parent = self.class_of()
        found = JavaClass(
            name,
            flags,
            tuple(fields),
            parent,
            n_fields=len(fields) + (parent.n_fields if parent else 0),
            n_parents=1 + parent.n_parents if parent else 0,
        )
        if found.n_fields > MOST_FIELDS or found.n_parents > MOST_PARENTS:
            raise self.wrong(f"the class {name[:40]} has more fields or parents than any of REW's")
        self.handles[slot] = found
        return found

    def proxy_description(self) -> JavaClass:
        slot = len(self.handles)
        self.handles.append(None)
        n = self.unpack(">I")
        for _ in range(n):
            self.counted(1)
            self.text(self.unpack(">H"))
        self.annotation()
        found = JavaClass("(proxy)", _SERIALIZABLE, (), self.class_of())
        self.handles[slot] = found
        return found

    def annotation(self) -> list[Any]:
        """Read what stands before the mark that ends it."""
        found = []
        while (tag := self.unpack(">B")) != _ENDBLOCKDATA:
            found.append(self.value(tag))
        return found

    def object(self) -> JavaObject:
        described = self.class_of()
        if described is None:
            raise self.wrong("an object has no class")
        found = self.remembered(JavaObject(described.name))
        for level in described.lineage():
            if level.flags & _EXTERNALIZABLE:
                if not level.flags & _BLOCK_DATA_MODE:
                    raise self.wrong(f"{level.name[:40]} wrote itself in a way of its own")
                found.extra += self.annotation()
            elif level.flags & _SERIALIZABLE:
                for code, name in level.fields:
                    found.fields[name] = self.field_value(code)
                if level.flags & _WRITE_METHOD:
                    found.extra += self.annotation()
        return found

    def field_value(self, code: str) -> Any:  # noqa: ANN401 - any value of the stream
        if code in "[L":
            return self.value()
        self.counted(1)
        dtype = _PRIMITIVES[code]
        return np.frombuffer(self.take(dtype.itemsize), dtype)[0].item()

    def array(self) -> Any:  # noqa: ANN401 - numbers or objects
        described = self.class_of()
        if described is None or described.name[:1] != "[" or len(described.name) < 2:
            raise self.wrong("an array has no type")
        slot = len(self.handles)
        self.handles.append(None)
        n, code = self.unpack(">i"), described.name[1]
        if n < 0:
            raise self.wrong(f"an array has {n} elements")
        if code in _PRIMITIVES:
            n_bytes = n * _PRIMITIVES[code].itemsize
            if n_bytes > len(self.data) - self.at:
                raise self.wrong(f"an array needs {n_bytes} bytes more than are left")
            found: Any = np.frombuffer(self.data, _PRIMITIVES[code], count=n, offset=self.at)
            self.at += n_bytes
            self.handles[slot] = found
        else:
            found = self.handles[slot] = []
            for _ in range(n):
                found.append(self.value())
        return found

    def enum(self) -> str:
        self.class_of()
        slot = len(self.handles)
        self.handles.append(None)
        name = self.value()
        if not isinstance(name, str):
            raise self.wrong("a constant has no name")
        self.handles[slot] = name
        return name

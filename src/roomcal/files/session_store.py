"""The only reader and writer of sessions: raw captures, derived responses, session.json."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

import roomcal
from roomcal.errors import InputError, StorageError
from roomcal.files.atomic import refuse_existing, refuse_full_disk, write_bytes
from roomcal.files.documents import (
    backup_path,
    convert_document,
    document_text,
    read_document,
)
from roomcal.files.folders import (
    document_path,
    existing_folder,
    half_written,
    new_folder,
    unknown_name,
)
from roomcal.files.wav import read_mono, read_wav, write_wav
from roomcal.model.capture import Capture
from roomcal.model.impulse_response import BandSnr, ImpulseResponse
from roomcal.model.session import ResponseRecord, Session, StoredFile, TakeRecord
from roomcal.model.take import TakePlan
from roomcal.model.verdict import Verdict

NOT_JUDGED = "not judged: the run ended early"  # what a take is until it is judged
_ROOM_FOR_DOCUMENTS_BYTES = 1 << 20  # session.json, its copy and their temporary names
_SAMPLE_BYTES = 4  # float32


class SessionStore:
    """One session on disk. Every method leaves a complete `session.json` behind.

    Parameters
    ----------
    folder : Path
    session : Session
        As it is on disk, or new.
    """

    def __init__(self, folder: Path, session: Session) -> None:
        self.folder = folder
        self.session = session

    @classmethod
    def open(cls, root: Path, name: str) -> "SessionStore":
        """Open an existing session by name or path; it is called as its folder is.

        A copy of a session still holds the name of the one that it was copied from.
        """
        folder = existing_folder(root, "session", name)
        path = document_path(folder, "session")
        data = read_document(path, what="session")
        session = convert_document(path, data, Session, what="session")
        return cls(folder, dataclasses.replace(session, name=folder.name))

    @classmethod
    def create(cls, root: Path, session: Session) -> "SessionStore":
        """Begin a session; nothing is written before the first take or response."""
        folder = new_folder(root, "session", session.name)
        document = document_path(folder, "session")
        refuse_existing(document, force=False)
        if backup_path(document).exists():
            raise half_written(folder, "session")
        named = dataclasses.replace(session, name=folder.name, roomcal_version=roomcal.__version__)
        return cls(folder, named)

    def response_record(self, speaker: str, position: str) -> ResponseRecord | None:
        """Find the record of one path."""
        for record in self.session.responses:
            if (record.speaker, record.position) == (speaker, position):
                return record
        return None

    def next_take_number(self, speaker: str, position: str) -> int:
        """Count on from the takes of this path; also those whose record was lost."""
        stem = f"{speaker}-{position}.take-"
        numbers = [0]
        if self.folder.is_dir():
            for file in self.folder.glob(f"{stem}*.capture.wav"):
                text = file.name[len(stem) :].split(".")[0]
                numbers.append(int(text) if text.isdigit() else 0)
        return max(numbers) + 1

    def save_capture(self, capture: Capture) -> TakeRecord:
        """Write the raw take before anything is made of it; it counts as rejected until judged."""
        number = self.next_take_number(capture.speaker, capture.position)
        name = f"{capture.speaker}-{capture.position}.take-{number}.capture.wav"
        rows = [capture.microphone]
        if capture.loopback is not None:
            rows.append(capture.loopback)
        record = TakeRecord(
            speaker=capture.speaker,
            position=capture.position,
            number=number,
            capture=self._write(name, np.stack(rows), capture.fs),
            plan=capture.plan,
            reference_speaker=capture.reference_speaker,
            status="rejected",
            reason=NOT_JUDGED,
            xruns=capture.xruns,
            started_at=capture.started_at,
            has_loopback=capture.loopback is not None,
        )
        self.save(dataclasses.replace(self.session, takes=(*self.session.takes, record)))
        return record

    def has_capture(self, record: TakeRecord) -> bool:
        """Whether the raw take is still there: people delete large files."""
        return (self.folder / record.capture.name).exists()

    def load_capture(self, record: TakeRecord) -> Capture:
        """Read a raw take back, proven whole.

        Raises
        ------
        InputError
            RC-310 if it is not what was written, or was killed before its plan was written.
        """
        if record.plan is None:
            raise InputError(
                "RC-310",
                f"nobody knows what was played in {record.capture.name}: {record.reason}",
                hint="measure this path again",
                path=str(self.folder / record.capture.name),
            )
        rows = self._read(record.capture, n_channels=2 if record.has_loopback else 1)
        return Capture(
            microphone=rows[0],
            loopback=rows[1] if record.has_loopback else None,
            fs=record.plan.sweep.fs,
            plan=record.plan,
            speaker=record.speaker,
            reference_speaker=record.reference_speaker,
            position=record.position,
            xruns=record.xruns,
            started_at=record.started_at,
        )

    def refuse_full_disk(self, plan: TakePlan, *, n_channels: int) -> None:
        """Refuse to play a take that will not fit on the disk.

        Raises
        ------
        StorageError
            RC-603 with what is needed and what there is.
        """
        n_samples = n_channels * plan.n_samples + plan.tail_samples
        needed_bytes = _SAMPLE_BYTES * n_samples + _ROOM_FOR_DOCUMENTS_BYTES
        refuse_full_disk(self.folder / "take.capture.wav", needed_bytes)

    def accept_take(
        self,
        record: TakeRecord,
        response: ImpulseResponse,
        *,
        verdicts: Sequence[Verdict] = (),
        force: bool = False,
    ) -> None:
        """Accept a take and keep its response: both, or neither if the run is killed.

        Raises
        ------
        StorageError
            RC-602 if the path has a response already and `force` is not given.
        """
        kept = self._keep_response(response, origin=record.capture.name, force=force)
        self.save(_judged(kept, record, reason="", verdicts=verdicts))

    def judge_take(
        self, record: TakeRecord, *, reason: str, verdicts: Sequence[Verdict] = ()
    ) -> None:
        """Keep the verdicts on a take: an empty reason accepts it."""
        self.save(_judged(self.session, record, reason=reason, verdicts=verdicts))

    def save_response(self, response: ImpulseResponse, *, origin: str, force: bool = False) -> None:
        """Add the response of one path.

        Raises
        ------
        StorageError
            RC-602 if the path has one already and `force` is not given.
        """
        self.save(self._keep_response(response, origin=origin, force=force))

    def refuse_known(self, speaker: str, position: str, *, force: bool) -> None:
        """Refuse a path that has a response already: RC-602 unless `force` is given."""
        if self.response_record(speaker, position) and not force:
            raise StorageError(
                "RC-602",
                f"{self.folder.name} has a response of {speaker} at {position}",
                hint="use another --position or session, or --force to replace it",
            )

    def _keep_response(self, response: ImpulseResponse, *, origin: str, force: bool) -> Session:
        """Write the samples of a response; return the session that records it."""
        self.refuse_known(response.speaker, response.position, force=force)
        others = tuple(
            r
            for r in self.session.responses
            if (r.speaker, r.position) != (response.speaker, response.position)
        )
        if len(others) < len(self.session.responses):
            # While the file is replaced it has no record: a crash leaves a path that is to be
            # measured again, not a session that cannot be read.
            self.save(dataclasses.replace(self.session, responses=others))
        file = self._write(
            f"{response.speaker}-{response.position}.ir.wav",
            response.samples[np.newaxis],
            response.fs,
        )
        record = ResponseRecord(
            speaker=response.speaker,
            position=response.position,
            fs=response.fs,
            file=file,
            origin=origin,
            time_zero=response.time_zero,
            time_reference=response.time_reference,
            full_scale_db_spl=response.full_scale_db_spl,
            snr_f_hz=tuple(response.snr.f_hz.tolist()) if response.snr else (),
            snr_db=_none_for_nan(response.snr.snr_db) if response.snr else (),
        )
        return dataclasses.replace(self.session, responses=(*others, record))

    def load_responses(self, speaker: str | None = None) -> list[ImpulseResponse]:
        """Read all responses, or those of one speaker, proven whole.

        Raises
        ------
        InputError
            RC-310 if there are none, or a file is missing or not what was written; RC-309 for a
            speaker that the session does not have.
        """
        if not self.session.responses:
            raise InputError(
                "RC-310",
                f"the session {self.folder.name} holds no response",
                hint="measure or import one first",
            )
        records = [r for r in self.session.responses if speaker in (None, r.speaker)]
        if not records:
            known = dict.fromkeys(r.speaker for r in self.session.responses)
            raise unknown_name("speaker", str(speaker), list(known))
        return [self._load_response(record) for record in records]

    def _load_response(self, record: ResponseRecord) -> ImpulseResponse:
        snr = BandSnr(np.array(record.snr_f_hz), np.array(record.snr_db, dtype=np.float64))
        return ImpulseResponse(
            samples=self._read(record.file, n_channels=1)[0],
            fs=record.fs,
            speaker=record.speaker,
            position=record.position,
            time_zero=record.time_zero,
            time_reference=record.time_reference,
            full_scale_db_spl=record.full_scale_db_spl,
            snr=snr if record.snr_f_hz else None,
        )

    def _write(self, name: str, rows: np.ndarray, fs: int) -> StoredFile:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_wav(self.folder / name, rows, fs, sample_format="float32")
        return StoredFile(name, rows.shape[1], digest(self.folder / name))

    def _read(self, file: StoredFile, *, n_channels: int) -> np.ndarray:
        path = self.folder / file.name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(
                "RC-310",
                f"{path} lies outside of its session",
                hint="restore session.json from a backup, or measure again",
                path=str(path),
            )
        rows = read_mono(path).samples if n_channels == 1 else read_wav(path).samples
        if rows.shape[1] != file.n_samples:
            raise InputError(
                "RC-310",
                f"{path} has {rows.shape[1]} of {file.n_samples} samples",
                hint="restore it from a backup, or measure this path again with --force",
                path=str(path),
                n_samples=rows.shape[1],
                expected=file.n_samples,
            )
        if digest(path) != file.sha256:
            raise InputError(
                "RC-310",
                f"{path} is not the file that was written: its digest differs",
                hint="restore it from a backup, or measure this path again with --force",
                path=str(path),
            )
        return rows

    def save(self, session: Session) -> None:
        """Write `session.json`, and then its copy: one of them is whole at every moment."""
        document = document_path(self.folder, "session")
        text = document_text(msgspec.to_builtins(session))
        write_bytes(document, text)
        self.session = session
        write_bytes(backup_path(document), text)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _judged(
    session: Session, record: TakeRecord, *, reason: str, verdicts: Sequence[Verdict]
) -> Session:
    """Return the session with the verdicts on one of its takes; no reason accepts it."""
    judged = dataclasses.replace(
        record,
        status="rejected" if reason else "accepted",
        reason=reason,
        verdicts=tuple(verdicts),
    )
    takes = tuple(judged if t.capture == record.capture else t for t in session.takes)
    return dataclasses.replace(session, takes=takes)


def _none_for_nan(values: np.ndarray) -> tuple[float | None, ...]:
    """Values as JSON has them: null where nothing is known, which reads back as NaN."""
    return tuple(None if np.isnan(value) else float(value) for value in values)

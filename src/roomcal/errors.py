"""What can go wrong for a user: one exception tree, one exit code a branch, one stable id a fault.

Misuse by a programmer is `ValueError` or `TypeError` and keeps its traceback.
"""

from typing import ClassVar, Self

# Every id that roomcal can show, with what it means in general. The first digit is the exit code.
FAULTS: dict[str, str] = {
    # 1: roomcal itself
    "RC-101": "a library that this command needs is not installed",
    # 3: a file or a configuration that cannot be used
    "RC-301": "a file is missing or cannot be opened",
    "RC-302": "a WAV file is damaged: truncated, empty or not a WAV file",
    "RC-303": "a signal holds NaN or infinite samples",
    "RC-304": "a signal has another sample rate than the rest",
    "RC-305": "a file has several channels where one is needed",
    "RC-306": "the sweep is not in the recording, or not as often as speakers were named",
    "RC-307": "a text curve (target, calibration) has a line that cannot be used",
    "RC-308": "studio.toml has an unknown key, a wrong value or a contradiction",
    "RC-309": "a name (speaker, session, bank, target, format, ...) is not known",
    "RC-310": "a session or bank is missing, half written or damaged",
    "RC-311": "a bank has no filter for this sample rate",
    "RC-312": "a session or bank was written by a newer roomcal",
    "RC-313": "a name cannot be used for a session, bank, speaker or position",
    "RC-314": "a file is of a kind that roomcal does not read",
    "RC-315": "the measurement does not carry what was asked of it",
    "RC-316": "a design choice is out of its range or contradicts another",
    "RC-317": "an export format cannot carry this bank",
    "RC-318": "a file of another program is damaged, or hostile, or not what its name says",
    "RC-319": "a response is smoothed, or incomplete, and no filter can be designed from it",
    "RC-320": "the user's configuration has an unknown key or a wrong value",
    "RC-331": "the source of a live run is not named, or does not fit the bank",
    "RC-332": "the source of a live run hears the monitors: it would howl",
    "RC-333": "a control of a running engine is not understood, or out of its range",
    "RC-334": "a bank does not go with the others of a live run",
    # 4: the audio system
    "RC-401": "the audio device is not known or not supported",
    "RC-402": "the audio device does not have this channel or sample rate",
    "RC-403": "the audio device vanished while it played",
    "RC-404": "the audio system is too slow: it lost samples",
    "RC-405": "the audio device is busy, or refuses to open",
    "RC-406": "there is no audio system, or it does not answer",
    "RC-411": "no engine is running, or several are, or it does not answer",
    # 5: the measurement was rejected
    "RC-501": "no timing mark was heard",
    "RC-502": "the microphone is silent",
    "RC-503": "the signal is buried in noise",
    "RC-510": "the input clipped",
    "RC-511": "the input overloads before full scale, or the speaker distorts",
    "RC-512": "the noise is too near",
    "RC-513": "mains hum",
    "RC-514": "a disturbance: a slam, a voice, a rattle",
    "RC-515": "a dropout: samples are missing and zeros stand in their place",
    "RC-516": "samples were lost or inserted",
    "RC-517": "the level changed during a take",
    "RC-518": "the sweeps of a take differ",
    "RC-519": "input and output run at different sample rates",
    "RC-520": "the delay is not a straight line: something resamples",
    "RC-521": "the band ends too low",
    "RC-522": "automatic gain control is on",
    "RC-523": "noise suppression is on",
    "RC-524": "the output compresses",
    "RC-525": "a speaker is inverted",
    "RC-526": "two speakers have the same response",
    "RC-527": "two speakers look swapped",
    "RC-528": "both speakers play where one should",
    "RC-529": "the clocks of input and output differ, and that is corrected",
    "RC-530": "the air moves during a take",
    "RC-541": "a speaker is not heard at the first quiet sound",
    "RC-542": "the microphone is on another input than the one that is listened to",
    "RC-547": "the microphone's input overloads",
    "RC-548": "no safe level gives a usable measurement",
    # 6: storage
    "RC-601": "a file or folder cannot be written",
    "RC-602": "something is there already and would be overwritten",
    "RC-603": "the disk is full",
    # 7: sound was stopped to protect ears and speakers
    "RC-701": "it is louder than predicted",
    "RC-702": "the speaker is not heard any more while the level rises",
    "RC-703": "nobody said that something loud may play",
    "RC-711": "feedback: the source hears the monitors",
    # 8: another run is at work
    "RC-801": "another run writes to the same session",
    "RC-802": "another run plays on the same device",
    # 9: a proof failed
    "RC-901": "the measured result is not what the design promised",
    "RC-902": "an exported file, read back, is not what was designed",
}


class RoomcalError(Exception):
    """A fault that the user can understand and mend.

    Parameters
    ----------
    fault : str
        Stable id out of `FAULTS`; its first digit is the exit code.
    message : str
        What happened, where, with the number.
    hint : str
        What to do about it.
    **evidence : object
        The numbers behind the message, for `--json`.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, fault: str, message: str, *, hint: str = "", **evidence: object) -> None:
        if fault not in FAULTS:
            raise ValueError(f"unknown {fault=}")
        if int(fault[3]) != self.exit_code:
            raise ValueError(f"{fault=} does not belong to {type(self).__name__}")
        super().__init__(message)
        self.fault = fault
        self.message = message
        self.hint = hint
        self.evidence = evidence

    def within(self, where: str) -> Self:
        """Return the same fault with the place where it was found in front of the message."""
        message = f"{where}: {self.message}"
        return type(self)(self.fault, message, hint=self.hint, **self.evidence)


class InputError(RoomcalError):
    """A file or a configuration cannot be used."""

    exit_code = 3


class DeviceError(RoomcalError):
    """The audio system refuses or has vanished."""

    exit_code = 4


class MeasurementError(RoomcalError):
    """A take is not good enough to be used."""

    exit_code = 5


class StorageError(RoomcalError):
    """Something cannot be written, or must not be overwritten."""

    exit_code = 6


class SafetyStop(RoomcalError):  # noqa: N818 - a stop is not an error
    """Sound was stopped to protect ears and speakers."""

    exit_code = 7


class BusyError(RoomcalError):
    """Another run holds the session or the device."""

    exit_code = 8


class ProofError(RoomcalError):
    """A promise was broken: the verification or a read-back differs."""

    exit_code = 9

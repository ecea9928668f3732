"""The export formats: one line each. Everything else follows this dictionary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from roomcal.export import (
    autoeq,
    bands,
    brutefir,
    camilladsp,
    convolver_cfg,
    daw_wav,
    easyeffects,
    equalizer_apo,
    hqplayer,
    jconvolver,
    json_taps,
    minidsp,
    pipewire,
    rew_filters,
    roon,
    sofa,
    table,
)
from roomcal.export.carried import Carried
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Bank, FilterBank


@dataclass(frozen=True)
class Format:
    """One way to carry a bank to another program."""

    description: str
    # Bank, existing and empty folder to write to, folder in which the files will stand at last.
    write: Callable[[Bank, Path, Path], list[Path]]
    read: Callable[[Path], Mapping[int, FilterBank]]  # strict, written apart from the writer
    refuses: Callable[[Bank], str] = lambda _: ""  # why it cannot carry a bank; empty if it can
    # What it carries of a bank; None: all of it, tap for tap.
    carries: Callable[[Bank], Carried] | None = None
    # What it leaves out of a bank whose taps it carries, with the consequence.
    loses: Callable[[Bank], tuple[str, ...]] = lambda _: ()
    # Level curves that it holds beside, by rate and channel, and their smoothing per octave.
    read_levels: Callable[[Path], Mapping[int, Mapping[str, Curve]]] | None = None
    levels_width: int = 0


FORMATS: dict[str, Format] = {
    "daw-wav": Format(
        "WAV impulse responses for convolver plug-ins",
        daw_wav.write,
        daw_wav.read,
        loses=daw_wav.loses,
    ),
    "camilladsp": Format(
        "CamillaDSP 2, 3 and 4: configuration and WAVs", camilladsp.write, camilladsp.read
    ),
    "equalizer-apo": Format(
        "Equalizer APO (Windows): configuration and WAVs", equalizer_apo.write, equalizer_apo.read
    ),
    "pipewire": Format("PipeWire: filter-chain drop-ins", pipewire.write, pipewire.read),
    "easyeffects": Format(
        "EasyEffects: impulse responses and presets",
        easyeffects.write,
        easyeffects.read,
        easyeffects.refuses,
    ),
    "jconvolver": Format(
        "jconvolver, fconvolver, mcfx_convolver", jconvolver.write, jconvolver.read
    ),
    "brutefir": Format(
        "BruteFIR: configuration and raw coefficients", brutefir.write, brutefir.read
    ),
    "roon": Format("Roon: a zip for its Convolution", roon.write, roon.read),
    "convolver-cfg": Format(
        "Convolver .cfg: Hang Loose, JRiver, foobar2000", convolver_cfg.write, convolver_cfg.read
    ),
    "hqplayer": Format(
        "HQPlayer: a mono WAV a channel", hqplayer.write, hqplayer.read, hqplayer.refuses
    ),
    "minidsp": Format(
        "miniDSP: biquads, and a FIR that fits in",
        minidsp.write,
        minidsp.read,
        bands.refuses,
        minidsp.carried_by_minidsp,
    ),
    "rew-filters": Format(
        "REW filter settings, also for RME Room EQ",
        rew_filters.write,
        rew_filters.read,
        bands.refuses,
        rew_filters.carried_by_rew,
    ),
    "autoeq": Format(
        "ParametricEQ and GraphicEQ texts: Peace, Poweramp, Wavelet, SoundSource",
        autoeq.write,
        autoeq.read,
        bands.refuses,
        autoeq.carried_by_bands,
        read_levels=autoeq.read_levels,
        levels_width=autoeq.GRAPHIC_WIDTH,
    ),
    "table": Format(
        "a table to print for devices that import nothing: RME, GLM, Dolby renderer",
        table.write,
        table.read,
        bands.refuses,
        table.carried_by_table,
        read_levels=table.read_levels,
        levels_width=table.THIRDS_WIDTH,
    ),
    "sofa": Format("SOFA (AES69), GeneralFIR: an archive", sofa.write, sofa.read),
    "json": Format("taps and structure as one JSON document", json_taps.write, json_taps.read),
}

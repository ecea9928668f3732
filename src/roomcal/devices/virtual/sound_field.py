"""The truth: the exact response of any path through a room, out of modes, images and tail."""

import numpy as np
import scipy.fft

from roomcal.devices.virtual import grid
from roomcal.devices.virtual.enclosure import Enclosure
from roomcal.devices.virtual.images import HANDOVER_S, Images, image_spectra, images_of
from roomcal.devices.virtual.microphone import MicrophoneModel, microphone_spectrum
from roomcal.devices.virtual.modes import Modes, modal_spectrum, modes_of, resonances
from roomcal.devices.virtual.speaker import (
    SpeakerModel,
    lobe_weight,
    radiated_power,
    speaker_spectrum,
)
from roomcal.devices.virtual.tail import TAIL_FS, Tail, tail_of, tail_response
from roomcal.units import ComplexArray, FloatArray, speed_of_sound_m_s

# Modes below, images and tail above, blended over this octave.
CROSSFADE_HZ = (180.0, 360.0)
# A microphone farther from the reference than this still hears all its early reflections.
_SPARE_REACH_M = 1.5


class SoundField:
    """A room at one temperature, with what has been worked out about it so far.

    Parameters
    ----------
    enclosure : Enclosure
    microphone : MicrophoneModel
    reference_m : (x, y, z)
        The listening point.
    temperature_c : float
    seed : int
        Of the tails.
    modes : Modes, optional
        In place of those that follow from the walls.
    """

    def __init__(
        self,
        enclosure: Enclosure,
        microphone: MicrophoneModel,
        *,
        reference_m: tuple[float, float, float],
        temperature_c: float = 20.0,
        seed: int = 1,
        modes: Modes | None = None,
    ) -> None:
        self.enclosure = enclosure
        self.microphone = microphone
        self.c_m_s = speed_of_sound_m_s(temperature_c)
        self.modes = modes or modes_of(enclosure, self.c_m_s)
        self._reference_m = np.array(reference_m)
        self._seed = seed
        n_low = int(CROSSFADE_HZ[1] * grid.GRID_S) + 1
        self._low_hz = np.arange(n_low) / grid.GRID_S
        self._resonances: ComplexArray | None = None
        self._images: dict[tuple[str, int], Images] = {}
        self._tails: dict[str, Tail] = {}
        self._paths: dict[tuple[str, tuple[float, ...], int], FloatArray] = {}

    def response(
        self, speaker: SpeakerModel, receiver_m: tuple[float, float, float], fs: int
    ) -> FloatArray:
        """Response of one path; index 0 is the moment at which the impulse leaves the output.

        Parameters
        ----------
        speaker : SpeakerModel
        receiver_m : (x, y, z)
        fs : int
            One of `grid.SAMPLE_RATES`.

        Returns
        -------
        h : (n_truth,) float array
        """
        key = (speaker.name, tuple(receiver_m), fs)
        if key not in self._paths:
            self._paths[key] = self._response(speaker, np.array(receiver_m), fs)
        return self._paths[key]

    def _response(self, speaker: SpeakerModel, receiver_m: FloatArray, fs: int) -> FloatArray:
        n = grid.n_grid(fs)
        f = grid.frequencies_hz(n, fs)
        low = np.log(np.maximum(f, 1.0) / CROSSFADE_HZ[0]) / np.log(
            CROSSFADE_HZ[1] / CROSSFADE_HZ[0]
        )
        above = grid.fade(low)
        # Modes and images tell the same early story and add in amplitude; the tail is another
        # draw of the late one and adds in power.
        H = above * self._early(speaker, receiver_m, fs)
        H += np.sqrt(1.0 - (1.0 - above) ** 2) * self._late(speaker, receiver_m, fs)
        n_low = self._low_hz.size
        H[:n_low] += (1.0 - above[:n_low]) * self._modal(speaker, receiver_m)
        H *= speaker_spectrum(speaker, f) * microphone_spectrum(self.microphone, f)
        H *= grid.band_limit(f, fs)
        distance = float(np.linalg.norm(receiver_m - np.array(speaker.position_m)))
        window = grid.truth_window(distance / self.c_m_s, fs)
        h = scipy.fft.irfft(H, n)[: window.size] * window
        h.flags.writeable = False
        return h

    def _modal(self, speaker: SpeakerModel, receiver_m: FloatArray) -> ComplexArray:
        """Sum of the modes, on the low end of the long grid."""
        if self._resonances is None:
            self._resonances = resonances(self.modes, self._low_hz, self.c_m_s)
        return modal_spectrum(
            self.modes, self._resonances, np.array(speaker.position_m), receiver_m
        )

    def _early(self, speaker: SpeakerModel, receiver_m: FloatArray, fs: int) -> ComplexArray:
        """Direct sound and early reflections, on the long grid."""
        source = np.array(speaker.position_m)
        handover = self._handover_s(speaker)
        key = (speaker.name, fs)
        if key not in self._images:
            reach = handover[1] * self.c_m_s + _SPARE_REACH_M
            self._images[key] = images_of(
                self.enclosure, source, self._reference_m, reach_m=reach, fs=fs
            )
        axis = np.array(speaker.aim_m) - source
        axis /= max(float(np.linalg.norm(axis)), 1e-9)
        omni, lobe = image_spectra(
            self._images[key], receiver_m, axis, c_m_s=self.c_m_s, handover_s=handover
        )
        n_short = grid.n_short_grid(fs)
        f = grid.frequencies_hz(n_short, fs)
        weight = lobe_weight(speaker, f)
        h = scipy.fft.irfft(omni * (1.0 - weight) + lobe * weight, n_short)
        return np.asarray(scipy.fft.rfft(h, grid.n_grid(fs)))

    def _late(self, speaker: SpeakerModel, receiver_m: FloatArray, fs: int) -> ComplexArray:
        """Diffuse tail, on the long grid; 0 above what the tail has."""
        if speaker.name not in self._tails:
            self._tails[speaker.name] = tail_of(
                self.enclosure,
                self._reference_m,
                handover_s=self._handover_s(speaker),
                seed=(self._seed, *speaker.name.encode()),
            )
        h = tail_response(self._tails[speaker.name], receiver_m, c_m_s=self.c_m_s)
        spectrum = scipy.fft.rfft(h)
        f = grid.frequencies_hz(h.size, TAIL_FS)
        spectrum *= np.sqrt(radiated_power(speaker, f)) * grid.band_limit(f, TAIL_FS)
        total = np.zeros(grid.n_grid(fs) // 2 + 1, dtype=np.complex128)
        n = min(total.size, spectrum.size)
        total[:n] = spectrum[:n]
        return total

    def _handover_s(self, speaker: SpeakerModel) -> tuple[float, float]:
        """Return the times after the impulse between which the images give way to the tail."""
        distance = np.linalg.norm(self._reference_m - np.array(speaker.position_m))
        direct = float(distance / self.c_m_s)
        return direct + HANDOVER_S[0], direct + HANDOVER_S[1]

"""Naive designs, oracles and quoted peers: what the table of filters.py compares with."""

import numpy as np
import scipy.fft

N = 65536
N_FFT = 131072
DELAY = 16384  # of what rings before the sound
EARLY = 480  # kept before the arrival
KIRKEBY = 1e-3  # regularisation re the mean power
ORACLE_PASSES = 8

# FILTERS.md, mean of the three rooms; the best setting that was found.
_QUOTED_COLUMNS = (
    *("lo6", "loPk", "mid6", "hiE", "tail300own", "Tmode"),
    *("preX", "erHi", "fdw", "lr", "gain", "lat"),
)
QUOTED = {
    name: dict(zip(_QUOTED_COLUMNS, figures, strict=True))
    for name, figures in {
        "PORC, centre": (3.12, 2.01, 1.98, 0.86, -22.2, 0.86, -2.9, -4.2, 2.05, 0.85, 13.0, 0.0),
        "PORC, average": (3.83, 0.85, 1.89, 0.72, -22.8, 0.85, -2.0, -4.4, 1.97, 0.63, 12.3, 0.0),
        "CamillaFIR": (3.75, 1.54, 1.94, 0.71, -21.7, 0.82, -3.0, -4.4, 2.04, 0.84, 6.0, 0.0),
    }.items()
}


def spectra(h):
    """Spectra of responses that arrive at index 0."""
    import judge

    at = [judge.arrival(x, 48000) for x in h]
    x = np.zeros((len(h), N_FFT))
    for row, y, k in zip(x, h, at, strict=True):
        part = y[max(k - EARLY, 0) :]
        row[: part.size] = part
    f = np.fft.rfftfreq(N_FFT, 1 / 48000)
    return scipy.fft.rfft(x, axis=-1) * np.exp(2j * np.pi * f * EARLY / 48000), f


def pulse(target, f):
    """Spectrum of the target, of minimum phase."""
    import judge

    return judge.minphase(10 ** (judge.tgt_fn(target)(np.maximum(f, 5)) / 20))


def cut(F):
    """Delayed taps."""
    return np.roll(scipy.fft.irfft(F), DELAY)[:N]


def kirkeby(room, speaker, target):
    """Regularised inversion of one position."""
    H, f = spectra(room[f"design_{speaker}_meas"][:1].astype(float))
    power = np.abs(H[0]) ** 2
    return cut(np.conj(H[0]) * pulse(target, f) / (power + KIRKEBY * power.mean()))


def least_squares(room, speaker, target):
    """Regularised inversion of nine positions, without any constraint."""
    H, f = spectra(room[f"design_{speaker}_meas"].astype(float))
    power = (np.abs(H) ** 2).sum(axis=0)
    return cut((np.conj(H) * pulse(target, f)).sum(axis=0) / (power + KIRKEBY * power.mean()))


def rms_average(room, speaker, target):
    """Minimum phase of the rms average at 1/6 octave, boost limited to 6 dB."""
    return magnitude(room[f"design_{speaker}_meas"].astype(float), target, 6.0, passes=1, rms=True)


def oracle(limit_db):
    """Minimum phase that sees the held-out positions, with a boost limit."""

    def make(room, speaker, target):
        return magnitude(
            room[f"held_{speaker}"].astype(float), target, limit_db, passes=ORACLE_PASSES
        )

    return make


def magnitude(h, target, limit_db, *, passes, rms=False):
    """Minimum-phase taps that bring the average of responses to the target."""
    import judge

    T, grid = judge.tgt_fn(target), judge._grid(48000)
    f = np.fft.rfftfreq(N_FFT, 1 / 48000)
    log_f, log_g = np.log(np.maximum(f, 1)), np.log(grid)
    power = np.abs(np.fft.rfft(h, N_FFT, axis=-1)) ** 2
    total = np.zeros(grid.size)
    middle = (grid > 200) & (grid < 2000)
    for _ in range(passes):
        gain = 10 ** (np.interp(log_f, log_g, total) / 10)
        sixth, ear = (judge.smooth_pow(power * gain, 48000, kind) for kind in ("6", "erb"))
        smooth = np.where(grid < 2000, sixth, ear)
        level = 10 * np.log10(smooth.mean(axis=0)) if rms else (10 * np.log10(smooth)).mean(axis=0)
        total = total + T(grid) - level
        total -= total[(grid > 200) & (grid < 8000)].mean()
        total = np.minimum(total, np.median(total[middle]) + limit_db)
        total[grid > 17000] = total[grid > 17000][0]
    F = judge.minphase(10 ** (np.interp(log_f, log_g, total) / 20))
    return np.fft.irfft(F)[:N]


PEERS = {
    "Kirkeby, p1": kirkeby,
    "least squares": least_squares,
    "rms average, 1/6": rms_average,
    "oracle, no limit": oracle(60.0),
    "oracle, 6 dB": oracle(6.0),
    "oracle, 9 dB": oracle(9.0),
}

"""Convolve endless signals with a matrix of long filters, block by block.

Uniformly partitioned overlap-add: the taps of every path are cut into partitions of one block,
input spectra are computed once and shared by all outputs, and a ring of them is multiplied with
the partitions (Stockham, AFIPS 1966; Kulp, AES 85th Convention, 1988, preprint 2699).
Nothing is allocated that grows with the length of the signal.
"""

import numpy as np
import scipy.fft

from roomcal.units import FloatArray


class PartitionedConvolver:
    """Filters a stream of blocks; the output has no delay beyond that of the taps.

    Parameters
    ----------
    taps : (n_outputs, n_inputs, n_taps) float array
    block : int
        Frames a call to `process`.
    """

    def __init__(self, taps: FloatArray, *, block: int) -> None:
        if block < 1:
            raise ValueError(f"a block has at least one frame, got {block=}")
        n_outputs, n_inputs, n_taps = taps.shape
        n_partitions = -(-n_taps // block)
        self.block = block
        self._n_fft = scipy.fft.next_fast_len(2 * block - 1, real=True)
        padded = np.zeros((n_outputs, n_inputs, n_partitions * block))
        padded[..., :n_taps] = taps
        partitions = padded.reshape(n_outputs, n_inputs, n_partitions, block)
        self._partitions = scipy.fft.rfft(partitions, self._n_fft, axis=-1)
        self._paths = [
            (o, i) for o in range(n_outputs) for i in range(n_inputs) if np.any(taps[o, i])
        ]
        self._history = np.zeros((n_inputs, n_partitions, self._n_fft // 2 + 1), dtype=complex)
        self._newest = 0  # index of the newest input spectrum in the ring
        self._overlap = np.zeros((n_outputs, block))

    def process(self, x: FloatArray) -> FloatArray:
        """Filter one block.

        Parameters
        ----------
        x : (n_inputs, block) float array

        Returns
        -------
        y : (n_outputs, block) float array
        """
        n_inputs, n_partitions, _ = self._history.shape
        if x.shape != (n_inputs, self.block):
            raise ValueError(f"expected {(n_inputs, self.block)} samples, got {x.shape}")
        self._newest = (self._newest - 1) % n_partitions
        self._history[:, self._newest] = scipy.fft.rfft(x, self._n_fft, axis=-1)
        order = (self._newest + np.arange(n_partitions)) % n_partitions
        Y = np.zeros((self._overlap.shape[0], self._history.shape[-1]), dtype=complex)
        for output, input_index in self._paths:
            for partition, slot in enumerate(order):
                Y[output] += (
                    self._partitions[output, input_index, partition]
                    * (self._history[input_index, slot])
                )
        y = scipy.fft.irfft(Y, self._n_fft, axis=-1)
        result = y[:, : self.block] + self._overlap
        tail = y[:, self.block : 2 * self.block - 1]
        self._overlap[:, : tail.shape[1]] = tail
        self._overlap[:, tail.shape[1] :] = 0.0
        return np.asarray(result)

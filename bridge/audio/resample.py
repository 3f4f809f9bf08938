"""From one sample rate to another, as a stream, without delay that is heard and without bursts.

What is wrong with the ready-made ways, measured on 20 ms frames:

* `audioop.ratecv` takes every third sample going down. All of the model's voice between 4 and 12 kHz folds into the
  telephone band at full level, and going up it loses 4.9 dB at 3.4 kHz.
* `soxr` is clean, but as a stream it hands out nothing for 60 ms and then 60 ms at once, which a paced path cannot use.

So: a linear-phase low-pass, a windowed sinc (Kaiser, beta 5.65), cut off at half the lower of the two rates. It spans
16 zero crossings of that rate on either side: 97 taps at 24 kHz between 8 and 24 kHz, which delays by 48 of them, 2 ms.
Only the samples that leave are computed (polyphase): each block of `inputs` samples gives `outputs` samples, and a
block is one row of a matrix product over a view that slides along the input. Rows overlap, and the product copies them
apart first; so as many blocks make one row as half the filter is long, and the copy shrinks to a tenth.

The taps are rounded to multiples of 2**-30. Then every product and every partial sum is exact in float64 (16 + 30 bits
and a few for the sum, of 53), in whatever order a BLAS adds them. That is why a stream equals the same sound converted
in one piece bit for bit, on every machine, and however blocks are put into rows. float32 sums depend on their order.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from threading import get_ident

import numpy as np
import numpy.typing as npt

_ZERO_CROSSINGS = 16
_KAISER_BETA = 5.65
_TAP_STEPS = 2.0**30
_MOST_PHASES = 640
"""Usual rates need up to 441 (44.1 to 8 kHz). A ratio beyond this is a damaged header; its filter would fill memory."""

_SMALLEST, _LARGEST = np.array(-32768.0), np.array(32767.0)
"""Full scale; as arrays, because numbers would be made into arrays fifty times a second and call."""
# Looked up once: through the module each costs as much as the arithmetic on a frame of 20 ms.
_dot, _rint, _minimum, _maximum = np.dot, np.rint, np.minimum, np.maximum

_PCM16_BYTES = 2
_SLICE = 4800
"""Samples converted at a time: 200 ms at 24 kHz."""


class Resampler:
    """PCM16 mono at `source_rate` Hz to PCM16 mono at `target_rate` Hz, one stream in one direction.

    Chunks may have any length: half samples (an odd number of bytes) and samples that do not fill a block wait for the
    next chunk. Of 20 ms between 8, 16 and 24 kHz nothing waits. Raises ValueError for rates that make no sense.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        if source_rate <= 0 or target_rate <= 0:
            raise ValueError(f"sample rates must be positive, not {source_rate} and {target_rate} Hz")
        common = math.gcd(source_rate, target_rate)
        self.source_rate = source_rate
        self.target_rate = target_rate
        self._inputs = source_rate // common
        self._outputs = target_rate // common
        if max(self._inputs, self._outputs) > _MOST_PHASES:
            raise ValueError(f"{source_rate} Hz to {target_rate} Hz is not a ratio of two small numbers")
        self._filter = _filter(self._inputs, self._outputs)
        self.taps = self._filter.taps
        self.delay_ms = 1000.0 * (self.taps // 2) / (source_rate * self._outputs)
        # What of the input the next block still needs: the filter's past, then samples that do not fill a block yet.
        self._past = self._filter.window - self._inputs
        self._kept = np.zeros(self._past)
        self._half = b""
        self._bench: _Bench | None = None

    def feed(self, pcm16: bytes) -> bytes:
        """Convert the next chunk; answers everything that can be known by now, which may be nothing."""
        data = self._half + pcm16 if self._half else pcm16
        whole = len(data) - len(data) % _PCM16_BYTES
        self._half = data[whole:]
        samples = np.frombuffer(data, "<i2", whole // _PCM16_BYTES)
        if samples.size <= _SLICE:
            return self._convert(samples)
        # In slices: beyond this size the product leaves the processor's caches, and 5 s of sound at once held a
        # process's every call for 60 ms.
        return b"".join(self._convert(samples[at : at + _SLICE]) for at in range(0, samples.size, _SLICE))

    def flush(self) -> bytes:
        """The end of the sound: the last `delay_ms` still inside the filter. Then start anew, from silence.

        Together with what `feed` gave this is the whole input, `delay_ms` late; half a sample left over is dropped.
        """
        past = self._past
        pending = self._kept.size - past
        wanted = pending + math.ceil((self.taps // 2) / self._outputs)
        zeros = math.ceil(wanted / self._inputs) * self._inputs - pending
        length = math.ceil(wanted * self._outputs / self._inputs) * _PCM16_BYTES
        tail = self._convert(np.zeros(zeros, "<i2"))[:length]
        self._kept = np.zeros(past)
        self._half = b""
        return tail

    def _convert(self, samples: npt.NDArray[np.int16]) -> bytes:
        size = self._kept.size + samples.size
        blocks = (size - self._past) // self._inputs
        if blocks <= 0:
            self._kept = np.concatenate((self._kept, samples))
            return b""
        bench = self._bench
        if bench is None or not bench.fits(self._kept.size, samples.size):
            bench = self._bench = _bench(self._inputs, self._outputs, self._kept.size, samples.size, get_ident())
        bench.kept[...] = self._kept
        bench.new[...] = samples
        exact = bench.multiply()
        _rint(exact, out=exact)
        _minimum(exact, _LARGEST, out=exact)
        _maximum(exact, _SMALLEST, out=exact)
        bench.pcm16[...] = exact
        self._kept = bench.rest.copy()
        return bench.pcm16.tobytes()


class _Filter:
    """A low-pass and its polyphase matrix, for one block a row and for `blocks` of them."""

    __slots__ = ("blocks", "inputs", "many", "one", "outputs", "taps", "window")

    def __init__(self, inputs: int, outputs: int) -> None:
        taps = _low_pass(inputs, outputs)
        self.inputs, self.outputs, self.taps = inputs, outputs, len(taps)
        self.one = _polyphase(taps, inputs, outputs)
        self.window = self.one.shape[0]
        self.blocks = max(1, round(self.window / inputs / 2))
        self.many = np.zeros((self.window + inputs * (self.blocks - 1), outputs * self.blocks))
        for block in range(self.blocks):
            top, left = block * inputs, block * outputs
            self.many[top : top + self.window, left : left + outputs] = self.one


class _Bench:
    """Room to work in for chunks of one length, shared by all calls: most chunks are as long as the one before."""

    __slots__ = ("_products", "exact", "kept", "line", "new", "pcm16", "rest", "thread")

    def __init__(self, of: _Filter, kept: int, new: int, thread: int) -> None:
        blocks = (kept + new - of.window + of.inputs) // of.inputs
        rows = blocks // of.blocks
        in_rows = rows * of.blocks
        self.thread = thread
        self.line = np.empty(kept + new)
        self.kept, self.new = self.line[:kept], self.line[kept:]
        self.rest = self.line[blocks * of.inputs :]
        """What the next chunk still needs."""
        self.exact = np.empty(blocks * of.outputs)
        self.pcm16 = np.empty(blocks * of.outputs, "<i2")
        products = (
            self._product(rows, of.many, 0, of.inputs * of.blocks, 0),
            self._product(blocks - in_rows, of.one, in_rows * of.inputs, of.inputs, in_rows * of.outputs),
        )
        self._products = [product for product in products if len(product[0])]

    def fits(self, kept: int, new: int) -> bool:
        """Is it made for this, and this thread's?"""
        return self.kept.size == kept and self.new.size == new and self.thread == get_ident()

    def _product(
        self, rows: int, matrix: npt.NDArray[np.float64], begin: int, step: int, out: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Rows of the line, what they are multiplied by, and where the outcome goes."""
        window, outputs = matrix.shape
        width = self.line.itemsize
        view: npt.NDArray[np.float64] = np.ndarray(
            (rows, window), self.line.dtype, self.line, begin * width if rows else 0, (step * width, width)
        )
        return view, matrix, self.exact[out : out + rows * outputs].reshape(rows, outputs)

    def multiply(self) -> npt.NDArray[np.float64]:
        """The line through the filter."""
        for rows, matrix, out in self._products:
            _dot(rows, matrix, out=out)
        return self.exact


@cache
def _filter(inputs: int, outputs: int) -> _Filter:
    return _Filter(inputs, outputs)


@lru_cache(maxsize=32)
def _bench(inputs: int, outputs: int, kept: int, new: int, thread: int) -> _Bench:
    """One for each thread: what two of them write into the same room is nobody's sound."""
    return _Bench(_filter(inputs, outputs), kept, new, thread)


def _low_pass(inputs: int, outputs: int) -> npt.NDArray[np.float64]:
    """The filter at the rate both rates divide: `outputs` times the source, `inputs` times the target."""
    widest = max(inputs, outputs)
    half = _ZERO_CROSSINGS * widest
    positions = np.arange(-half, half + 1) / widest
    taps = np.sinc(positions) * np.kaiser(positions.size, _KAISER_BETA)
    # Zeros are put between the inputs, `outputs - 1` after each; the gain makes up for them.
    scaled: npt.NDArray[np.float64] = np.rint(taps / taps.sum() * outputs * _TAP_STEPS) / _TAP_STEPS
    return scaled


def _polyphase(taps: npt.NDArray[np.float64], inputs: int, outputs: int) -> npt.NDArray[np.float64]:
    """Filter and choice of phases as one matrix: row = age of an input sample (oldest first), column = output."""
    reach = math.ceil(taps.size / outputs)
    offsets = [phase * inputs // outputs for phase in range(outputs)]
    matrix = np.zeros((reach + max(inputs - 1, offsets[-1]), outputs))
    for phase, offset in enumerate(offsets):
        branch = taps[phase * inputs % outputs :: outputs]
        # The newest sample this output looks at stands `offset` behind the block's first one.
        newest = reach - 1 + offset
        matrix[newest - branch.size + 1 : newest + 1, phase] = branch[::-1]
    return matrix

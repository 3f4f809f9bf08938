"""From one sample rate to another, as a stream, without delay that is heard and without bursts.

What is wrong with the ready-made ways, measured on 20 ms frames:

* `audioop.ratecv` takes every third sample going down. All of the model's voice between 4 and 12 kHz folds into the
  telephone band at full level, and going up it loses 4.9 dB at 3.4 kHz.
* `soxr` is clean, but as a stream it hands out nothing for 60 ms and then 60 ms at once, which a paced path cannot use.

So: a linear-phase low-pass, a windowed sinc (Kaiser, beta 5.65), cut off at half the lower of the two rates. It spans
16 zero crossings of that rate on either side: 97 taps at 24 kHz between 8 and 24 kHz, which delays by 48 of them, 2 ms.
Only the samples that leave are computed (polyphase): each block of `inputs` samples gives `outputs` samples, and a
block is one row of a matrix product over a view that slides along the input. Rows overlap and are copied apart on their
way from PCM16 to float64; so as many blocks make one row as half the filter is long, and the copy shrinks to a tenth.

Of 20 ms the arithmetic is the least: a process that sleeps between frames finds neither code nor data in the caches,
and pays each call of numpy, each step in Python and each branch that nobody can guess. So there are few of them.

The taps are rounded to multiples of 2**-30. Then every product and every partial sum is exact in float64 (16 + 30 bits
and a few for the sum, of 53), in whatever order a BLAS adds them. That is why a stream equals the same sound converted
in one piece bit for bit, on every machine, and however blocks are put into rows. float32 sums depend on their order.
"""

from __future__ import annotations

import audioop
import math
from collections.abc import Callable
from functools import cache, lru_cache
from threading import get_ident

import numpy as np
import numpy.typing as npt

_Wave = npt.NDArray[np.float64]
_Samples = npt.NDArray[np.int16]

_ZERO_CROSSINGS = 16
_KAISER_BETA = 5.65
_TAP_STEPS = 2.0**30
_MOST_PHASES = 640
"""Usual rates need up to 441 (44.1 to 8 kHz). A ratio beyond this is a damaged header; its filter would fill memory."""

_SMALLEST, _LARGEST = np.array(-32768.0), np.array(32767.0)
"""Full scale; as arrays, because numbers would be made into arrays fifty times a second and call."""
_rint, _peak = np.rint, audioop.max  # looked up once: through the module each costs a fifth of its work on 20 ms

_PCM16_BYTES = 2
_SLICE_BYTES = 9600
"""Converted at a time: 200 ms at 24 kHz."""


class Resampler:
    """PCM16 mono at `source_rate` Hz to PCM16 mono at `target_rate` Hz, one stream in one direction.

    Chunks may have any length: half samples (an odd number of bytes) and samples that do not fill a block wait for the
    next chunk. Of 20 ms between 8, 16 and 24 kHz nothing waits. Raises ValueError for rates that make no sense.
    """

    __slots__ = ("_bench", "_filter", "_kept", "delay_ms", "source_rate", "taps", "target_rate")

    def __init__(self, source_rate: int, target_rate: int) -> None:
        if source_rate <= 0 or target_rate <= 0:
            raise ValueError(f"sample rates must be positive, not {source_rate} and {target_rate} Hz")
        common = math.gcd(source_rate, target_rate)
        self.source_rate = source_rate
        self.target_rate = target_rate
        inputs, outputs = source_rate // common, target_rate // common
        if max(inputs, outputs) > _MOST_PHASES:
            raise ValueError(f"{source_rate} Hz to {target_rate} Hz is not a ratio of two small numbers")
        self._filter = _filter(inputs, outputs)
        self.taps = self._filter.taps
        self.delay_ms = 1000.0 * (self.taps // 2) / (source_rate * outputs)
        # What of the input the next block still needs: the filter's past, then samples that do not fill a block yet,
        # and half a sample. As it came: two hundred bytes are kept and joined in less time than numpy needs to begin.
        self._kept = self._filter.silence
        self._bench: _Bench | None = None

    def feed(self, pcm16: bytes, make: Callable[[bytes | memoryview], bytes] = bytes) -> bytes:
        """Convert the next chunk; answers everything that can be known by now, which may be nothing.

        `make` turns what comes out into what is wanted of it (another coding, base64), and saves a copy of it.
        """
        data = self._kept + pcm16
        bench = self._bench
        if bench is None or bench.size != len(data) or bench.thread != get_ident():
            if len(pcm16) > _SLICE_BYTES:
                return make(self._sliced(pcm16))
            bench = self._bench = _bench(self._filter, len(data), get_ident())
        self._kept = data[bench.used :]
        bench.raw[:] = data
        for rows, samples, product, matrix, out in bench.products:
            rows[...] = samples
            product(matrix, out)
        exact = bench.exact
        _rint(exact, exact)
        if bench.quiet < 0 or _peak(bench.whole, _PCM16_BYTES) > bench.quiet:
            exact.clip(_SMALLEST, _LARGEST, exact)
        bench.pcm16[...] = exact
        return make(bench.out)

    def _sliced(self, pcm16: bytes) -> bytes:
        # Beyond this size the product leaves the processor's caches, and 5 s of sound at once held a process's every
        # call for 60 ms.
        return b"".join([self.feed(pcm16[at : at + _SLICE_BYTES]) for at in range(0, len(pcm16), _SLICE_BYTES)])

    def flush(self) -> bytes:
        """The end of the sound: the last `delay_ms` still inside the filter. Then start anew, from silence.

        Together with what `feed` gave this is the whole input, `delay_ms` late; half a sample left over is dropped.
        """
        inputs, outputs = self._filter.inputs, self._filter.outputs
        pending = (len(self._kept) - len(self._filter.silence)) // _PCM16_BYTES
        wanted = pending + math.ceil((self.taps // 2) / outputs)
        zeros = math.ceil(wanted / inputs) * inputs - pending
        length = math.ceil(wanted * outputs / inputs) * _PCM16_BYTES
        self._kept = self._kept[: len(self._kept) // _PCM16_BYTES * _PCM16_BYTES]
        tail = self.feed(bytes(zeros * _PCM16_BYTES))[:length]
        self._kept = self._filter.silence
        return tail


class _Filter:
    """A low-pass and its polyphase matrix, for one block a row and for `blocks` of them."""

    __slots__ = ("blocks", "inputs", "many", "one", "outputs", "quiet", "silence", "taps", "window")

    def __init__(self, inputs: int, outputs: int) -> None:
        taps = _low_pass(inputs, outputs)
        self.inputs, self.outputs, self.taps = inputs, outputs, len(taps)
        self.one = _polyphase(taps, inputs, outputs)
        self.window = self.one.shape[0]
        self.silence = bytes((self.window - inputs) * _PCM16_BYTES)
        """The past of a sound that begins."""
        self.quiet = int(32767.0 / np.abs(self.one).sum(axis=0).max())
        """Samples up to here, whatever their signs, cannot leave full scale."""
        self.blocks = max(1, round(self.window / inputs / 2))
        self.many = np.zeros((self.window + inputs * (self.blocks - 1), outputs * self.blocks))
        for block in range(self.blocks):
            top, left = block * inputs, block * outputs
            self.many[top : top + self.window, left : left + outputs] = self.one


class _Bench:
    """Room to work in for chunks of one length, shared by all calls: most chunks are as long as the one before.

    All arrays and views are made once: to make one costs as much as the arithmetic on a frame of 20 ms.
    """

    __slots__ = ("exact", "out", "pcm16", "products", "quiet", "raw", "size", "thread", "used", "whole")

    def __init__(self, of: _Filter, size: int, thread: int) -> None:
        self.size, self.thread = size, thread
        self.raw = memoryview(bytearray(size))
        """The past and the chunk, in bytes; then without half a sample."""
        self.whole = self.raw[: size // _PCM16_BYTES * _PCM16_BYTES]
        blocks = max(0, (size // _PCM16_BYTES - of.window + of.inputs) // of.inputs)
        self.used = blocks * of.inputs * _PCM16_BYTES
        """What the next chunk does not need any more, in bytes."""
        self.exact = np.empty(blocks * of.outputs)
        self.pcm16 = np.empty(blocks * of.outputs, "<i2")
        self.out = memoryview(self.pcm16.data).cast("B") if blocks else memoryview(b"")
        """What came out, until the next chunk."""
        rows = blocks // of.blocks
        in_rows = rows * of.blocks
        self.products = tuple(
            self._product(of, matrix, first, rows)
            for matrix, first, rows in ((of.many, 0, rows), (of.one, in_rows, blocks - in_rows))
            if rows
        )
        # To look at a sample costs more than to clip it: worth it only where they become more.
        self.quiet = of.quiet if of.outputs > of.inputs else -1

    def _product(
        self, of: _Filter, matrix: _Wave, first: int, count: int
    ) -> tuple[_Wave, _Samples, Callable[[_Wave, _Wave], _Wave], _Wave, _Wave]:
        """Rows, the samples they are filled with, what multiplies them, by what, and where the outcome goes."""
        window, outputs = matrix.shape
        step = of.inputs * (outputs // of.outputs)
        begin, end = first * of.outputs, first * of.outputs + count * outputs
        samples: _Samples = np.ndarray(
            (count, window), "<i2", self.raw, first * of.inputs * _PCM16_BYTES, (step * _PCM16_BYTES, _PCM16_BYTES)
        )
        rows = np.empty((count, window))
        return rows, samples, rows.dot, matrix, self.exact[begin:end].reshape(count, outputs)


@cache
def _filter(inputs: int, outputs: int) -> _Filter:
    return _Filter(inputs, outputs)


@lru_cache(maxsize=32)
def _bench(of: _Filter, size: int, thread: int) -> _Bench:
    """One for each thread: what two of them write into the same room is nobody's sound."""
    return _Bench(of, size, thread)


def _low_pass(inputs: int, outputs: int) -> _Wave:
    """The filter at the rate both rates divide: `outputs` times the source, `inputs` times the target."""
    widest = max(inputs, outputs)
    half = _ZERO_CROSSINGS * widest
    positions = np.arange(-half, half + 1) / widest
    taps = np.sinc(positions) * np.kaiser(positions.size, _KAISER_BETA)
    # Zeros are put between the inputs, `outputs - 1` after each; the gain makes up for them.
    scaled: _Wave = np.rint(taps / taps.sum() * outputs * _TAP_STEPS) / _TAP_STEPS
    return scaled


def _polyphase(taps: _Wave, inputs: int, outputs: int) -> _Wave:
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

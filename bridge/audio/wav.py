"""WAV files: read what people bring, write what we keep.

`read_wav` takes PCM16, mu-law and A-law (the standard library's `wave` knows only the first). Recordings are PCM16
stereo at 8 kHz, because every player and `wave` can read them: 1.92 MB a minute.
Source: "Multimedia Programming Interface and Data Specifications 1.0", chapter RIFF; WAVE_FORMAT_EXTENSIBLE.
"""

from __future__ import annotations

import audioop
import io
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

from bridge.audio.g711 import alaw_to_pcm16, ulaw_to_pcm16
from bridge.errors import StoreError, UsageError

_PCM, _ALAW, _ULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_BITS = {_PCM: 16, _ALAW: 8, _ULAW: 8}
_PCM16_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""RIFF, size of all behind it, WAVE; fmt and its 16 bytes; data and its size."""
_RIFF_OVERHEAD = _HEADER.size - 8
_MOST_DATA_BYTES = 0xFFFFFFFF - _RIFF_OVERHEAD


def read_wav(path: str | Path, sample_rate: int) -> bytes:
    """The sound of a mono WAV file as PCM16 at `sample_rate` Hz.

    A file whose writer died before it could write the sizes is read as far as it goes. Raises UsageError, in one
    sentence, for a file that is missing, is no WAV file, or holds what we do not take (stereo, 8 or 24 bit, MP3 ...).
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    chunks = _chunks(path, content)
    if len(chunks.get(b"fmt ", b"")) < 16:
        raise UsageError(f"{path}: the WAV file does not say what is in it (no fmt chunk)")
    if b"data" not in chunks:
        raise UsageError(f"{path}: the WAV file holds no sound (no data chunk)")
    coding, source_rate = _format(path, chunks[b"fmt "])
    data = chunks[b"data"]
    if coding == _ULAW:
        pcm16 = ulaw_to_pcm16(data)
    elif coding == _ALAW:
        pcm16 = alaw_to_pcm16(data)
    else:
        pcm16 = data[: len(data) - len(data) % _PCM16_BYTES]
    return _at_rate(path, pcm16, source_rate, sample_rate)


def write_wav(path: str | Path, pcm16: bytes, sample_rate: int, *, channels: int = 1) -> None:
    """Write PCM16 (interleaved when there are several channels) as a WAV file. Raises StoreError."""
    try:
        Path(path).write_bytes(_header(len(pcm16), sample_rate, channels) + pcm16)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error


class StereoWav:
    """A recording in the making: caller left, agent right, PCM16.

    The header is true after each `append`, so that the file plays even when the process is killed in the middle of a
    call: at most the sound of the last `append` is missing. Every method raises StoreError when the disk refuses; an
    `append` that was refused has added nothing, and may be tried again.
    """

    def __init__(self, path: str | Path, sample_rate: int = 8000) -> None:
        self.path = Path(path)
        self._sample_rate = sample_rate
        self._data_bytes = 0
        try:
            # Unbuffered: what a killed process held in a buffer would be lost, and the header would promise it.
            self._file: io.FileIO | None = io.FileIO(self.path, "w")
        except OSError as error:
            raise self._refused(error) from error
        try:
            self._write_at(0, _header(0, sample_rate, 2))
        except StoreError:
            self.close()
            raise

    @property
    def duration_ms(self) -> float:
        """How much has been written."""
        return 1000.0 * self._data_bytes / (2 * _PCM16_BYTES * self._sample_rate)

    def append(self, left: bytes, right: bytes) -> None:
        """Add sound to both channels (PCM16 mono); the shorter side is filled up with silence."""
        longer = max(len(left), len(right))
        longer += longer % _PCM16_BYTES
        wide_left = audioop.tostereo(left.ljust(longer, b"\0"), _PCM16_BYTES, 1, 0)
        wide_right = audioop.tostereo(right.ljust(longer, b"\0"), _PCM16_BYTES, 0, 1)
        both = audioop.add(wide_left, wide_right, _PCM16_BYTES)
        if self._data_bytes + len(both) > _MOST_DATA_BYTES:
            raise StoreError(f"{self.path}: a WAV file cannot grow beyond 4 GiB")
        # Sound first, header after it: a header may promise too little, never too much. And what has no header yet does
        # not count: whoever was refused comes again with the same piece, and it goes to the same place.
        grown = self._data_bytes + len(both)
        self._write_at(_HEADER.size + self._data_bytes, both)
        self._write_at(0, _header(grown, self._sample_rate, 2))
        self._data_bytes = grown

    def close(self) -> None:
        """Nothing more will be appended. Closing twice is fine."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_at(self, offset: int, data: bytes) -> None:
        if self._file is None:
            raise StoreError(f"{self.path}: the recording is closed already")
        try:
            self._file.seek(offset)
            rest = memoryview(data)
            while rest:  # a full disk may take a part first
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(f"{self.path}: the recording cannot be written ({error.strerror})")


def read_sides(path: Path, step: int = 80_000) -> Iterator[tuple[bytes, bytes]]:
    """A recording as `StereoWav` writes it, piece by piece: caller and agent as PCM16 at 8 kHz.

    Raises StoreError for what is no such recording; FileNotFoundError when there is none.
    """
    try:
        with path.open("rb") as file, wave.open(file) as sound:
            if (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) != (2, _PCM16_BYTES, 8000):
                raise StoreError(f"{path}: is no recording of two sides at 8 kHz")
            while both := sound.readframes(step):
                yield audioop.tomono(both, _PCM16_BYTES, 1, 0), audioop.tomono(both, _PCM16_BYTES, 0, 1)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, wave.Error, audioop.error) as error:
        raise StoreError(f"{path}: cannot be read as a recording ({error})") from None


def _header(data_bytes: int, sample_rate: int, channels: int) -> bytes:
    block = channels * _PCM16_BYTES
    form = (16, _PCM, channels, sample_rate, sample_rate * block, block, 8 * _PCM16_BYTES)
    return _HEADER.pack(b"RIFF", _RIFF_OVERHEAD + data_bytes, b"WAVE", b"fmt ", *form, b"data", data_bytes)


def _chunks(path: Path, content: bytes) -> dict[bytes, bytes]:
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise UsageError(f"{path}: is not a WAV file")
    found: dict[bytes, bytes] = {}
    offset = 12
    while offset + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, offset)
        body = content[offset + 8 : offset + 8 + size]
        if name == b"data" and size == 0:
            # The writer died before it knew the size: everything behind is sound.
            body = content[offset + 8 :]
        found.setdefault(name, body)
        offset += 8 + len(body) + len(body) % 2
    return found


def _format(path: Path, fmt: bytes) -> tuple[int, int]:
    coding, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if coding == _EXTENSIBLE and len(fmt) >= 26:
        (coding,) = struct.unpack_from("<H", fmt, 24)  # the first two bytes of the sub-format's GUID
    if coding not in _BITS:
        raise UsageError(f"{path}: sound of kind {coding} is not supported; save it as 16 bit PCM")
    if channels != 1:
        raise UsageError(f"{path}: has {channels} channels; save it as mono")
    if bits != _BITS[coding]:
        raise UsageError(f"{path}: has {bits} bits per sample; save it as 16 bit PCM")
    return coding, sample_rate


def _at_rate(path: Path, pcm16: bytes, source_rate: int, sample_rate: int) -> bytes:
    if source_rate == sample_rate:
        return pcm16
    # Files are read before or beside calls; a pcmu call itself never gets here, nor numpy with it.
    from bridge.audio.resample import Resampler

    try:
        resampler = Resampler(source_rate, sample_rate)
    except ValueError as error:
        raise UsageError(f"{path}: cannot be brought to {sample_rate} Hz ({error})") from error
    # A file is no stream: its sound may begin at once instead of a filter's delay later.
    late = round(resampler.delay_ms * sample_rate / 1000.0) * _PCM16_BYTES
    return (resampler.feed(pcm16) + resampler.flush())[late:]

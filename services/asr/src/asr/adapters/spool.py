"""Large things on disk while they are worked on: hours of audio do not fit into memory several times over."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO

import numpy as np
from chassis.errors import Unavailable

from asr.domain.speech import Pcm


@contextmanager
def room_is_needed() -> Iterator[None]:
    """A full disk empties again: inside the block it is something that is away for now, Unavailable."""
    try:
        yield
    except OSError as failure:
        if failure.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("no room left for temporary files") from failure


class SpooledPcm:
    """One channel, written block by block inside a `with`; what `finished` gave is there for as long as it is used.

    The file has no name, so a worker that dies leaves none behind.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self.samples = 0

    def __enter__(self) -> "SpooledPcm":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def append(self, block: Pcm) -> None:
        """Raises Unavailable when the disk is full."""
        with room_is_needed():
            self._file.write(block.tobytes())
        self.samples += len(block)

    def finished(self) -> Pcm:
        """All of it, read from disk where it is used."""
        with room_is_needed():
            self._file.flush()
        return np.memmap(self._file, np.int16, "r", shape=(self.samples,))

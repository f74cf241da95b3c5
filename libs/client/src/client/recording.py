"""A recording on its way up: read in chunks, so that its size is nobody's memory."""

import io
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Recording = str | os.PathLike[str] | bytes | BinaryIO
# Called with the bytes sent so far and the bytes there are.
Progress = Callable[[int, int], None]

CHUNK_BYTES = 256 * 1024


class Multipart:
    """One upload's body: `head`, then the file's bytes, then `tail`."""

    def __init__(self, file: BinaryIO, name: str, metadata: Mapping[str, object], progress: Progress | None) -> None:
        self._file, self._progress = file, progress
        self.size = file.seek(0, io.SEEK_END)
        boundary = secrets.token_hex(16)
        kept = "".join(c for c in name if c.isprintable() and c not in '"\\') or "audio"
        self.head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="metadata"\r\nContent-Type: application/json\r\n\r\n'
            f"{json.dumps(metadata, ensure_ascii=False)}\r\n"
            f'--{boundary}\r\nContent-Disposition: form-data; name="audio"; filename="{kept}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        ).encode()
        self.tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(len(self.head) + self.size + len(self.tail)),
        }

    def rewind(self) -> None:
        self._file.seek(0)

    def read(self) -> bytes:
        """The next chunk; empty at the end. The one before it has been sent by then."""
        if self._progress:
            self._progress(self._file.tell(), self.size)
        return self._file.read(CHUNK_BYTES)


@contextmanager
def multipart(recording: Recording, metadata: Mapping[str, object], progress: Progress | None) -> Iterator[Multipart]:
    """A path, bytes, or an open binary file that can be rewound; a path is closed afterwards."""
    if isinstance(recording, bytes):
        yield Multipart(io.BytesIO(recording), "audio", metadata, progress)
    elif isinstance(recording, str | os.PathLike):
        with Path(recording).open("rb") as file:
            yield Multipart(file, Path(recording).name, metadata, progress)
    else:
        yield Multipart(recording, Path(str(getattr(recording, "name", "audio"))).name, metadata, progress)

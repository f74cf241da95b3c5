"""Files kept with a ticket: what is taken, and what they are called."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import InvalidInput

MAX_BYTES = 5 * 2**20
MAX_ATTACHMENTS = 20
MAX_FILE_NAME = 200

# How the content of each type begins; () where there is nothing to tell it by. Nothing a browser would run (HTML, SVG) is taken.
_ZIP = (b"PK\x03\x04",)
_OLD_OFFICE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_OFFICE = "application/vnd.openxmlformats-officedocument."
_BEGINS: dict[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "application/pdf": (b"%PDF-",),
    "application/zip": _ZIP,
    f"{_OFFICE}wordprocessingml.document": _ZIP,
    f"{_OFFICE}spreadsheetml.sheet": _ZIP,
    "application/msword": _OLD_OFFICE,
    "application/vnd.ms-excel": _OLD_OFFICE,
    "audio/wav": (b"RIFF",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
    "text/plain": (),
    "text/csv": (),
}
_WITHIN_RIFF = {"image/webp": b"WEBP", "audio/wav": b"WAVE"}


@dataclass(frozen=True, slots=True)
class Attachment:
    """`sha256` is that of the content, lower-case hex."""

    attachment_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    by: str
    at: datetime


def check_file(name: str, media_type: str, content: bytes) -> None:
    """Raises InvalidInput naming the field where the file is not taken."""
    if not 1 <= len(name) <= MAX_FILE_NAME or name != name.strip() or name in (".", ".."):
        raise InvalidInput("name", f"must be a file's name of 1 to {MAX_FILE_NAME} characters")
    if re.search(r'[/\\:*?"<>|]', name) or any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in name):
        raise InvalidInput("name", "must be without path, control characters and any of \\/:*?\"<>|")
    if media_type not in _BEGINS:
        raise InvalidInput("media_type", f"must be one of {', '.join(sorted(_BEGINS))}")
    if not 1 <= len(content) <= MAX_BYTES:
        raise InvalidInput("content", f"must have 1 to {MAX_BYTES} bytes")
    if not _is(media_type, content):
        raise InvalidInput("content", f"is not {media_type}")


def _is(media_type: str, content: bytes) -> bool:
    if media_type in ("text/plain", "text/csv"):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return b"\0" not in content
    if not content.startswith(_BEGINS[media_type]):
        return False
    return media_type not in _WITHIN_RIFF or content[8:12] == _WITHIN_RIFF[media_type]

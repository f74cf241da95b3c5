"""Ids: UUIDv7 where new, UUIDv5 where derived from a key, so that doing it twice names the same thing."""

import hashlib
import uuid

import uuid_utils

_SPACE = uuid.UUID("5f0c1f4e-6f0e-5d0b-9c57-6d696e676a69")


def new_id() -> str:
    """A UUIDv7: its order is the order of time."""
    return str(uuid_utils.uuid7())


def derived_id(*parts: str) -> str:
    """The same UUIDv5 for the same parts, always."""
    digest = bytearray(hashlib.sha1(_SPACE.bytes + "\x1f".join(parts).encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # as uuid.uuid5 does, without making a UUID: every event gets one of these
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False

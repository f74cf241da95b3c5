"""Ids: UUIDv7 where new, UUIDv5 where derived from a key, so that doing it twice names the same thing."""

import uuid

import uuid_utils

_SPACE = uuid.UUID("5f0c1f4e-6f0e-5d0b-9c57-6d696e676a69")


def new_id() -> str:
    """A UUIDv7: its order is the order of time."""
    return str(uuid_utils.uuid7())


def derived_id(*parts: str) -> str:
    """The same UUIDv5 for the same parts, always."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(parts)))


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False

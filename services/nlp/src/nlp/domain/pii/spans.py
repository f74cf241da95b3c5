"""Where personal information stands in a contact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PiiKind(StrEnum):
    """What kind of personal information."""

    MOBILE = "mobile"
    FIXED_LINE = "landline"
    IDENTITY_CARD = "id_card"
    BANK_CARD = "bank_card"
    NUMBER = "number"
    SECRET = "secret"
    NAME = "name"
    ADDRESS = "address"
    EMAIL = "email"
    PLATE = "plate"
    CREDIT_CODE = "credit_code"


@dataclass(frozen=True, slots=True, order=True)
class PiiSpan:
    """Characters `[start, end)` of passage number `passage`."""

    passage: int
    start: int
    end: int
    kind: PiiKind

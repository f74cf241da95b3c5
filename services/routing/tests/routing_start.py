"""When the clock that is set by hand begins."""

from datetime import UTC, datetime

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

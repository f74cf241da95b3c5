"""What a ticket says beyond its title, as a part of its document."""

from dataclasses import asdict
from datetime import datetime

from chassis.mongo import Document

from routing.domain.particulars import FieldValue, Finding, Particulars


def particulars_document(particulars: Particulars) -> Document:
    """All but `look_at`, which stands beside it: it is searched by."""
    return {
        "fields": [asdict(value) for value in particulars.fields], "missing": list(particulars.missing),
        "findings": [asdict(finding) for finding in particulars.findings], "checked_at": particulars.checked_at, "looks": particulars.looks,
    }


def particulars_in(document: Document | None, look_at: datetime | None) -> Particulars:
    """Empty where a ticket was stored before there were any."""
    if document is None:
        return Particulars()
    return Particulars(
        tuple(FieldValue(**value) for value in document["fields"]), tuple(document["missing"]),
        tuple(Finding(**finding) for finding in document["findings"]), document["checked_at"], look_at, document["looks"],
    )

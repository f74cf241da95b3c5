"""Every environment variable of nlp, beside those every service reads."""

from pathlib import Path

from chassis.settings import ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    """Those of every service, and these."""

    asr_address: str = Field("127.0.0.1:50053", description="gRPC address of asr, host:port.")
    asr_timeout_s: float = Field(10.0, gt=0, description="Seconds that fetching one transcript may take.")
    packs_folder: Path | None = Field(None, description="Folder of scorecards and signals.yaml; those shipped where not set.")
    sentence_meaning: bool = Field(False, description="Whether rules with `meaning` compare sentences; needs about 150 MB and is off where no rule uses it.")
    interactions_at_once: int = Field(8, ge=1, le=64, description="Contacts one worker scores at the same time.")
    utc_offset_hours: float = Field(8.0, ge=-12, le=14, description="The company's time zone, hours ahead of UTC: deadlines like 明天上午 are resolved in it.")

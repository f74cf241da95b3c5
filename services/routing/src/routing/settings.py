"""Every environment variable routing reads."""

from pathlib import Path

from chassis.settings import ServiceSettings
from pydantic import Field

RULES = Path(__file__).parent / "rules"


class Settings(ServiceSettings):
    """Beside what every service reads."""

    department_rules: Path = Field(RULES / "departments.yaml", description="YAML file: which department a matter belongs to.")
    service_levels: Path = Field(RULES / "service_levels.yaml", description="YAML file: how long each kind of ticket may take.")
    ticket_fields: Path = Field(RULES / "fields.yaml", description="YAML file: what a ticket of each type has to say, and how that is found.")
    nlp_address: str = Field("127.0.0.1:50053", description="gRPC address of nlp, which has the masked transcripts, host:port.")
    timer_poll_s: float = Field(0.5, gt=0, le=60, description="Seconds between two looks for timers that are due.")
    promise_settle_s: float = Field(5.0, ge=0, le=3600, description="Seconds a promise waits for the evaluation of its contact.")
    auto_assign: bool = Field(True, description="Tickets that wait are given to whoever fits best, without being asked.")

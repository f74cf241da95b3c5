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
    blob_url: str = Field(
        default_factory=lambda: Path(".mingjian/blobs").absolute().as_uri(),
        description="Object store for attachments: file://, s3://, gs:// or az://; a folder under the working directory where not set, none kept if empty.",
    )
    crm_url: str = Field("", description="Base URL of the company's own system for the screen-pop; empty asks none.")
    crm_token: str = Field("", description="Bearer token sent to CRM_URL; empty sends none.")
    crm_timeout_s: float = Field(0.8, gt=0, le=10, description="Seconds CRM_URL has to answer; the screen-pop waits no longer.")
    webhook_timeout_s: float = Field(10.0, gt=0, le=30, description="Seconds one attempt at a webhook may take.")
    webhook_http_allowed: bool = Field(False, description="Webhooks may have http:// URLs; for tests on one machine.")
    webhook_inside_allowed: bool = Field(False, description="Webhooks may lead to private and loopback addresses; for receivers inside.")
    promise_settle_s: float = Field(5.0, ge=0, le=3600, description="Seconds a promise waits for the evaluation of its contact.")
    auto_assign: bool = Field(True, description="Tickets that wait are given to whoever fits best, without being asked.")

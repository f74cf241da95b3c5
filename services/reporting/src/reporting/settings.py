"""What reporting reads from the environment."""

from chassis.settings import ServiceSettings
from pydantic import Field


class ReportingSettings(ServiceSettings):
    """The chassis' settings and reporting's own."""

    kpi_catalogue: str = Field("", description="YAML file of KPIs with default targets; the one that ships with the service where empty.")
    compliance_catalogue: str = Field("", description="YAML file saying which items are script and which process; the one that ships where empty.")
    # The stream keeps events 7 days and the dead letters 30; replayed on the last day, one lies 7 days more in its stream.
    folded_kept_days: int = Field(45, gt=37, le=400, description="Days for which ids of folded events are remembered; more than an event can come again.")
    fold_batch: int = Field(100, ge=1, le=500, description="Most events folded in one transaction.")
    consumer_concurrency: int = Field(32, ge=1, le=256, description="Events of one type waiting to be folded at once.")

"""Every environment variable knowledge reads."""

from pathlib import Path

from chassis.settings import ServiceSettings
from pydantic import Field

SEED = Path(__file__).parent / "seed"


class Settings(ServiceSettings):
    """Beside what every service reads."""

    nlp_address: str = Field("127.0.0.1:50053", description="gRPC address of nlp, which has the masked transcripts, host:port.")
    seed_folder: Path = Field(SEED, description="Folder of the shared articles (YAML, one file an industry) and graph.yaml.")
    refresh_s: float = Field(2.0, gt=0, le=3600, description="Seconds between two looks for articles others have published.")

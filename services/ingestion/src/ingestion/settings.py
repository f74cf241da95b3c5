"""Every environment variable ingestion reads, beside those every service reads."""

from pathlib import Path

from chassis.settings import ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    """Limits hold per interaction unless said otherwise."""

    blob_url: str = Field(
        default_factory=lambda: Path(".mingjian/blobs").absolute().as_uri(),
        description="Object store for audio: file://, s3://, gs:// or az://; a folder under the working directory where not set.",
    )
    max_audio_bytes: int = Field(500 * 2**20, gt=0, description="Largest audio file, bytes.")
    max_audio_s: float = Field(4 * 3600.0, gt=0, description="Longest recording, seconds.")
    max_uploads: int = Field(32, gt=0, description="Uploads read at once by this process; each needs about 10 MiB, the rest wait.")
    upload_timeout_s: float = Field(1800.0, gt=0, description="Seconds an upload may take, waiting included.")
    event_concurrency: int = Field(16, gt=0, description="Events of each kind worked on at once.")

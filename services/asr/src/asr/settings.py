"""Every environment variable of asr."""

from chassis.settings import ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    """Those of every service, and these."""

    ingestion_address: str = Field("127.0.0.1:50052", description="gRPC address of ingestion, host:port.")
    triton_address: str = Field("127.0.0.1:8001", description="gRPC address of Triton, host:port.")
    triton_timeout_s: float = Field(60.0, gt=0, description="Seconds one recognition may take, waiting in Triton's queue included.")
    triton_patience_s: float = Field(120.0, gt=0, description="Seconds for which a clip is sent again while Triton is away.")
    interactions_at_once: int = Field(4, ge=1, le=64, description="Interactions one worker transcribes at the same time.")
    clips_at_once: int = Field(16, ge=1, le=256, description="Clips of one interaction in flight at Triton.")
    clips_in_flight: int = Field(32, ge=1, le=1024, description="Clips of all interactions in flight at Triton.")
    max_audio_s: float = Field(4 * 3600.0, gt=0, description="Longest recording in seconds; a longer one fails.")
    max_audio_bytes: int = Field(512 << 20, gt=0, description="Largest audio file in bytes; a larger one fails.")
    download_timeout_s: float = Field(300.0, gt=0, description="Seconds a recording's download may take.")
    ack_wait_s: float = Field(10.0, ge=1, description="Seconds after which the work of a worker that died is given to another.")

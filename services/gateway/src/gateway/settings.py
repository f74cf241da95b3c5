"""Every environment variable the gateway reads."""

from chassis.settings import ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    """Beside what every service reads. GRPC_ADDRESS is the public gRPC edge."""

    http_address: str = Field("0.0.0.0:8080", description="Where REST and server-sent events are served, host:port; port 0 takes a free one.")
    ingestion_address: str = Field("127.0.0.1:50051", description="gRPC address of ingestion, host:port.")
    nlp_address: str = Field("127.0.0.1:50053", description="gRPC address of nlp, host:port.")
    routing_address: str = Field("127.0.0.1:50054", description="gRPC address of routing, host:port.")
    knowledge_address: str = Field("127.0.0.1:50055", description="gRPC address of knowledge, host:port.")
    reporting_address: str = Field("127.0.0.1:50056", description="gRPC address of reporting, host:port.")

    bootstrap_api_key: str = Field("", description="Secret of the first administrator's key, made at start where it is missing; empty makes none.")
    bootstrap_tenant: str = Field("default", description="Company the first administrator's key belongs to.")
    bootstrap_permissions: str = Field("", description="Rights the first key has beyond its role, comma separated, for example pii:read.")
    api_key_pepper: str = Field("", description="Secret mixed into the hashes of API keys; changing it ends every key.")
    key_cache_s: float = Field(3.0, gt=0, le=4, description="Seconds a key is trusted without looking it up; bounds how long a revoked one works.")
    rate_per_s: float = Field(500.0, gt=0, description="Requests a second one key may make in the long run, per process.")
    rate_burst: float = Field(1000.0, ge=1, description="Requests one key may make at once, per process.")

    json_max_bytes: int = Field(10 * 1024 * 1024, ge=1024, description="Largest JSON body, bytes.")
    audio_max_bytes: int = Field(500 * 1024 * 1024, ge=1024, description="Largest audio file, bytes.")
    audio_held_max_bytes: int = Field(
        32 * 1024 * 1024, ge=1024, description="Audio kept in a temporary file, bytes, where a client sends it before its metadata."
    )
    request_timeout_s: float = Field(15.0, gt=0, description="Seconds a service has to answer a unary call.")
    stream_timeout_s: float = Field(600.0, gt=0, description="Seconds a whole upload or download may take.")
    read_timeout_s: float = Field(30.0, gt=0, description="Seconds a client may be silent in the middle of a request or a response.")

    event_buffer: int = Field(1000, ge=1, description="Events kept for a listener that reads more slowly than they come; then it is cut off.")
    event_clients: int = Field(1000, ge=1, description="Listeners to events at once, per process.")
    event_heartbeat_s: float = Field(15.0, gt=0, description="Seconds of silence after which a listener is sent a comment.")

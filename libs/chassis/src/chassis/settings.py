"""What every service reads from the environment; a service adds its own fields to a subclass."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """One field, one environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    nats_url: str = Field("nats://127.0.0.1:4222", description="NATS servers, comma separated.")
    mongo_uri: str = Field("mongodb://127.0.0.1:27017/?directConnection=true", description="MongoDB URI.")
    grpc_address: str = Field("[::]:50051", description="Where the gRPC server listens, host:port; port 0 takes a free one.")
    metrics_address: str = Field("0.0.0.0:9090", description="Where /metrics is served, host:port; empty serves none.")
    identity_key: str = Field("", description="Secret that signs who is calling between services; empty trusts the network.")
    otel_exporter_otlp_endpoint: str = Field("", description="Where traces go by OTLP over gRPC; empty exports none.")
    otel_service_name: str = Field("", description="Name in traces; the service's own where empty.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    stop_grace_s: float = Field(10.0, gt=0, description="Seconds that running work has to finish after SIGTERM.")

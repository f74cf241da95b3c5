"""What console reads from the environment."""

from chassis.settings import ServiceSettings
from pydantic import Field


class Settings(ServiceSettings):
    """The fields every service has, and these. NATS and MongoDB are not used here."""

    gateway_url: str = Field("http://127.0.0.1:8080", description="Where the gateway's REST API answers.")
    gateway_api_key: str = Field("", description="Signs every visitor in with this key: for a laptop. Empty asks for a key.")
    http_address: str = Field("0.0.0.0:8081", description="Where the pages are served, host:port; port 0 takes a free one.")
    storage_secret: str = Field("", description="Secret that signs session cookies; random at each start where empty.")
    session_idle_s: float = Field(8 * 3600.0, gt=0, description="Seconds without a request after which a session ends.")
    max_sessions: int = Field(2_000, ge=1, description="Sessions kept; the one idle longest gives way.")
    cookie_secure: bool = Field(False, description="Send the session cookie over HTTPS only; set it wherever TLS ends in front.")
    gateway_timeout_s: float = Field(15.0, gt=0, description="Seconds the gateway has to answer a question.")
    upload_timeout_s: float = Field(600.0, gt=0, description="Seconds a whole upload may take.")
    max_upload_bytes: int = Field(200 * 1024 * 1024, ge=1, description="Largest audio file taken from a browser, bytes.")
    max_export_rows: int = Field(5_000, ge=1, description="Most rows in one CSV file.")

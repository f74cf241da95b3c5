"""Every environment variable of nlp, beside those every service reads."""

from pathlib import Path

from chassis.settings import ServiceSettings
from pydantic import AnyHttpUrl, Field, SecretStr, TypeAdapter, field_validator, model_validator


class Settings(ServiceSettings):
    """Those of every service, and these."""

    asr_address: str = Field("127.0.0.1:50053", description="gRPC address of asr, host:port.")
    asr_timeout_s: float = Field(10.0, gt=0, description="Seconds that fetching one transcript may take.")
    judge_url: str = Field("", description="OpenAI-compatible endpoint that answers rules with `judge`, for example http://127.0.0.1:8000/v1; off where empty.")
    judge_model: str = Field("", description="Model asked there.")
    judge_key: SecretStr = Field(SecretStr(""), description="Secret sent there as bearer token; none where empty.")
    judge_timeout_s: float = Field(10.0, gt=0, le=120, description="Seconds one answer may take; after that the item is left to a person.")
    judge_questions: int = Field(10, ge=1, le=100, description="Questions asked for each contact and scorecard at most.")
    packs_folder: Path | None = Field(None, description="Folder of scorecards and signals.yaml; those shipped where not set.")
    sentence_meaning: bool = Field(False, description="Whether rules with `meaning` compare sentences; needs about 150 MB and is off where no rule uses it.")
    interactions_at_once: int = Field(8, ge=1, le=64, description="Contacts one worker scores at the same time.")
    scorecards_fresh_s: float = Field(1.0, ge=0, le=60, description="Seconds until a scorecard put in force on one replica judges on every other.")
    publish_needs_simulation: bool = Field(False, description="Whether a scorecard is published only after a simulation of it passed its gate.")
    simulated_at_once: int = Field(4, ge=1, le=64, description="Contacts one worker replays at the same time for a simulation; scoring goes first.")
    utc_offset_hours: float = Field(8.0, ge=-12, le=14, description="The company's time zone, hours ahead of UTC: deadlines like 明天上午 are resolved in it.")
    review_low_score: float = Field(60.0, ge=0, le=100, description="Evaluations with a lower score wait for a person in the review queue.")
    review_sample_share: float = Field(0.05, ge=0, le=1, description="Share of all evaluations that wait for a person in the review queue as a sample.")
    promise_grace_h: float = Field(2.0, ge=0, le=240, description="Hours of working time after its deadline in which a promise may still be heard to be kept.")
    appeal_working_days: int = Field(3, ge=1, le=30, description="Working days within which an appeal must be decided.")
    live_calls: int = Field(2000, ge=1, description="Running calls one worker keeps; another one is read again from asr when its next turn comes.")
    live_idle_s: float = Field(1800.0, gt=0, description="Seconds without a turn after which a running call is no longer kept.")
    live_turns_at_once: int = Field(64, ge=1, le=512, description="Turns one worker takes in at the same time; those of one call wait for each other.")
    live_asr_timeout_s: float = Field(2.0, gt=0, description="Seconds that fetching the earlier turns of a running call may take.")
    longest_turn_s: float = Field(30.0, gt=0, description="Seconds somebody may speak before asr finishes the turn; a lasting silence is told that much later.")

    @field_validator("judge_url")
    @classmethod
    def _is_a_url(cls, said: str) -> str:
        if said:
            TypeAdapter(AnyHttpUrl).validate_python(said)
        return said

    @model_validator(mode="after")
    def _names_its_model(self) -> "Settings":
        if self.judge_url and not self.judge_model:
            raise ValueError("JUDGE_MODEL is needed where JUDGE_URL is set")
        return self

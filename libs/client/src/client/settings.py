"""What both clients send with every call, and how long they wait."""

import httpx

# The platform looks at the whole recording before it answers.
UPLOAD_ANSWER_S = 300.0
# The platform says something at least every fifteen seconds; a connection silent for much longer is dead.
EVENTS_TIMEOUT = httpx.Timeout(10.0, read=60.0)


def headers(api_key: str) -> dict[str, str]:
    """Raises ValueError where there is no key."""
    if not api_key:
        raise ValueError("an API key is needed")
    return {"Authorization": f"Bearer {api_key}", "Accept": "application/json, application/problem+json"}

"""What every response says to the browser, and how large a request may be: nothing is loaded from outside hosts."""

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The page framework compiles templates in the browser, hence unsafe-eval; everything comes from this host alone.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; media-src 'self' blob:; connect-src 'self' ws: wss:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'self'; "
    "form-action 'self'; object-src 'none'"
)
_ORDINARY_BODY_BYTES = 1024 * 1024
# Boundaries and headers of a multipart body around the file itself.
_ENVELOPE_BYTES = 64 * 1024


class _TooLarge(Exception):
    pass


class Guard:
    """Adds security headers and refuses bodies over the limit, counting what really comes in."""

    def __init__(self, app: ASGIApp, *, max_upload_bytes: int) -> None:
        self._app, self._max_upload_bytes = app, max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        is_upload = path.startswith("/_nicegui/client/") and "/upload/" in path
        left = self._max_upload_bytes + _ENVELOPE_BYTES if is_upload else _ORDINARY_BODY_BYTES
        begun = False

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
                if left < 0:
                    raise _TooLarge
            return message

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("X-Frame-Options", "DENY")
            await send(message)

        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        try:
            if declared.isdigit() and int(declared) > left:
                raise _TooLarge
            await self._app(scope, counted, guarded)
        except _TooLarge:
            if begun:
                raise
            await PlainTextResponse("内容超过大小限制", 413)(scope, receive, guarded)

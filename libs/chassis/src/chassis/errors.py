"""What can go wrong, in words every room understands: pure, so that domain and app may raise them."""


class Problem(Exception):
    """A failure the caller can be told. `code` is the name of the gRPC status it becomes."""

    code = "INTERNAL"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidInput(Problem):
    """The input is wrong; `field` names where, as a path such as "metadata.industry"."""

    code = "INVALID_ARGUMENT"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)


class NotFound(Problem):
    """There is no such thing, or not for this tenant."""

    code = "NOT_FOUND"


class AlreadyExists(Problem):
    """The key is used for other content."""

    code = "ALREADY_EXISTS"


class Stale(Problem):
    """The caller changed a version that is not the current one any more."""

    code = "ABORTED"


class NotAllowedNow(Problem):
    """The thing is in a state that does not permit this."""

    code = "FAILED_PRECONDITION"


class Denied(Problem):
    """The caller may not do this."""

    code = "PERMISSION_DENIED"


class Unauthenticated(Problem):
    """Nobody knows the caller."""

    code = "UNAUTHENTICATED"


class TooMuch(Problem):
    """A limit was reached; less, or later."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(Problem):
    """Something this needs is away for now; the same call may work later."""

    code = "UNAVAILABLE"

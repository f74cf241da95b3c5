"""Problems on the wire: our errors as gRPC statuses with the field's name inside, and back."""

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from chassis.errors import Problem

DETAILS_KEY = "grpc-status-details-bin"


def to_trailers(problem: Problem) -> tuple[tuple[str, bytes], ...]:
    """Trailing metadata that name the wrong field; () where none is."""
    if not problem.field:
        return ()
    violation = error_details_pb2.BadRequest.FieldViolation(field=problem.field, description=problem.message)
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    code: int = grpc.StatusCode[problem.code].value[0]
    return ((DETAILS_KEY, status_pb2.Status(code=code, message=problem.message, details=[detail]).SerializeToString()),)


def violated_field(error: grpc.aio.AioRpcError) -> str:
    """The field a failed call names; "" where it names none."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                bad = error_details_pb2.BadRequest()
                if detail.Unpack(bad) and bad.field_violations:
                    return str(bad.field_violations[0].field)
    return ""

"""What the OpenAPI page says about the routes that no descriptor can say."""

from collections.abc import Callable
from typing import Any

from mingjian.ingestion.v1 import ingestion_service_pb2 as pb
from mingjian.routing.v1 import desk_service_pb2 as desk

Json = dict[str, Any]

PROBLEM: Json = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string", "description": "URN of the kind of problem."},
        "title": {"type": "string", "description": "The kind of problem, for people."},
        "status": {"type": "integer", "description": "HTTP status."},
        "detail": {"type": "string", "description": "What is wrong with this request, for people."},
        "instance": {"type": "string", "description": "Path of the request."},
        "grpc_status": {"type": "string", "description": "Name of the gRPC status, for example NOT_FOUND."},
        "field": {"type": "string", "description": "Path of the wrong field, where one is."},
        "errors": {
            "type": "array", "description": "Every wrong field.",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "message": {"type": "string"}}},
        },
    },
    "required": ["type", "title", "status", "detail", "instance", "grpc_status"],
}
_FAILED: Json = {"description": "It failed.", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def HAND_WRITTEN(ref_to: Callable[[Any], Json]) -> dict[str, Json]:
    """Paths with their operations; `ref_to` gives the reference to a message's schema."""
    metadata, interaction = ref_to(pb.InteractionMetadata.DESCRIPTOR), ref_to(pb.Interaction.DESCRIPTOR)
    chat = ref_to(pb.CreateInteractionRequest.DESCRIPTOR)
    return {
        "/v1/interactions": {"post": {
            "operationId": "SendInteraction",
            "tags": ["ingestion"],
            "description": "Send a recorded call as multipart (metadata first, so that the audio is passed on as it arrives), or a chat as JSON. "
            "Repeating it with the same external_id and content returns the first interaction.\n\nNeeds the permission interactions:write.",
            "requestBody": {"required": True, "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object", "required": ["metadata", "audio"],
                        "properties": {"metadata": metadata, "audio": {"type": "string", "contentMediaType": "application/octet-stream"}},
                    },
                    "encoding": {"metadata": {"contentType": "application/json"}},
                },
                "application/json": {"schema": chat},
            }},
            "responses": {
                "202": {"description": "Stored; work on it has begun.", "content": {"application/json": {"schema": interaction}}},
                "default": _FAILED,
            },
        }},
        "/v1/interactions/{interaction_id}/audio": {"get": {
            "operationId": "GetAudio",
            "tags": ["ingestion"],
            "description": "The recording as it was uploaded, or a WAV copy in which personal information is silent; a Range of its bytes where asked "
            "for. X-Redacted says which. Callers without pii:read get the copy always, and FAILED_PRECONDITION while the interaction is not scored. "
            "Written down in the audit log.\n\nNeeds the permission audio:read.",
            "parameters": [
                {"name": "interaction_id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "UUID."},
                _optional("redacted", "query", "true for the copy in which personal information is silent."),
                _optional("Range", "header", "For example bytes=0-1023."),
            ],
            "responses": {
                "200": {"description": "The whole recording.", "content": {"audio/*": {}}},
                "206": {"description": "The bytes asked for.", "content": {"audio/*": {}}},
                "default": _FAILED,
            },
        }},
        "/v1/tickets:export": {"get": {
            "operationId": "ExportTickets",
            "tags": ["routing"],
            "description": "Tickets as CSV in UTF-8 with a byte order mark, newest first: local times, working minutes used of each clock, and no "
            "cell that a spreadsheet would take for a formula. Written down in the audit log.\n\nNeeds the permission tickets:export.",
            "parameters": [
                *(_optional(f.name, "query", f"As in the list of tickets: {f.name}.") for f in desk.TicketCriteria.DESCRIPTOR.fields),
                _optional("zone", "query", "IANA time zone of the times; that of the company's first calendar where not given."),
            ],
            "responses": {"200": {"description": "The table.", "content": {"text/csv": {"schema": {"type": "string"}}}}, "default": _FAILED},
        }},
        "/v1/tickets:import": {"post": {
            "operationId": "ImportTickets",
            "tags": ["routing"],
            "description": "Open a ticket for each row: the columns external_id, type and title are needed; kind, urgency, description, customer_id, "
            "customer_tier, agent_id, product and interaction_id may be there. A row whose external_id was imported before is left alone, so that a table "
            "can be sent again. At most 10 MiB and 10,000 rows.\n\nNeeds the permission tickets:write.",
            "parameters": [_optional("dry_run", "query", "true only says what is wrong.")],
            "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}},
            "responses": {
                "200": {"description": "What was done.", "content": {"application/json": {"schema": ref_to(desk.ImportTicketsResponse.DESCRIPTOR)}}},
                "default": _FAILED,
            },
        }},
        "/v1/tickets/{ticket_id}/attachments/{attachment_id}": {"get": {
            "operationId": "DownloadAttachment",
            "tags": ["routing"],
            "description": "The file, to be saved. Written down in the audit log.\n\nNeeds the permission tickets:read.",
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": "UUID."} for name in ("ticket_id", "attachment_id")
            ],
            "responses": {"200": {"description": "The file.", "content": {"application/octet-stream": {}}}, "default": _FAILED},
        }},
        "/v1/events": {"get": {
            "operationId": "StreamEvents",
            "tags": ["events"],
            "description": "Server-sent events of the caller's company, as they happen. `event` is a short name such as InteractionScored, `data` a "
            "CloudEvent in JSON whose `data` is the event, `id` what to send back as Last-Event-ID to go on from there. A stream that this side "
            "ends says so by StreamEnded.\n\nNeeds the permission events:read, and for each event the one of the service it comes from.",
            "parameters": [
                _optional("types", "query", "Only these, for example InteractionScored,TicketOpened."),
                _optional("last_event_id", "query", "As the header Last-Event-ID, which comes first."),
                _optional("Last-Event-ID", "header", "Go on after this one."),
            ],
            "responses": {"200": {"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}, "default": _FAILED},
        }},
    }


def _optional(name: str, place: str, description: str) -> Json:
    return {"name": name, "in": place, "required": False, "schema": {"type": "string"}, "description": description}

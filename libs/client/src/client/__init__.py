"""The public Python SDK."""

from client.asynchronous import AsyncMingjian
from client.blocking import Mingjian
from client.event_stream import Event
from client.pages import Page
from client.problems import InteractionFailed, MingjianProblem
from client.shapes import ChatTurn, Evaluation, Feedback, Found, Interaction, KpiGroup, Metadata, Ticket, Transcript

__all__ = [
    "AsyncMingjian", "ChatTurn", "Evaluation", "Event", "Feedback", "Found", "Interaction", "InteractionFailed", "KpiGroup", "Metadata",
    "Mingjian", "MingjianProblem", "Page", "Ticket", "Transcript",
]

"""How a key that sees one agent's work alone is held to it, RPC by RPC; what is not listed here it may not call."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from chassis.errors import Denied


class Narrowing(Enum):
    """What has to be true of a call before it is made in the name of one agent, or of one team's supervisor."""

    FREE = "concerns no agent"
    AGENT_FIELD = "agent_id (team_id) of the request is the agent's (team's) own, and set where empty"
    OWN_INTERACTION = "interaction_id of the request is of one of the agent's own interactions"
    OWN_INTERACTION_IF_ANY = "interaction_id of the request is empty or of one of the agent's own interactions"
    OWN_TICKET = "ticket_id of the request is of a ticket about the agent, given to the agent or watched by the agent"
    OWN_TICKETS = "the list is of one of the agent's own interactions, or of tickets given to the agent or watched by the agent"


_RULES: dict[str, Narrowing] = {
    "mingjian.gateway.v1.GatewayService/GetCaller": Narrowing.FREE,
    "mingjian.ingestion.v1.IngestionService/GetInteraction": Narrowing.OWN_INTERACTION,
    "mingjian.ingestion.v1.IngestionService/ListInteractions": Narrowing.AGENT_FIELD,
    "mingjian.ingestion.v1.IngestionService/DownloadAudio": Narrowing.OWN_INTERACTION,
    "mingjian.nlp.v1.NlpService/GetEvaluation": Narrowing.OWN_INTERACTION,
    "mingjian.nlp.v1.NlpService/GetTranscript": Narrowing.OWN_INTERACTION,
    "mingjian.nlp.v1.NlpService/ListEvaluations": Narrowing.AGENT_FIELD,
    "mingjian.nlp.v1.NlpService/ListAlerts": Narrowing.OWN_INTERACTION,
    "mingjian.nlp.v1.NlpService/Evaluate": Narrowing.FREE,
    "mingjian.nlp.v1.NlpService/ListScorecards": Narrowing.FREE,
    "mingjian.nlp.v1.NlpService/ListPromises": Narrowing.AGENT_FIELD,
    "mingjian.nlp.v1.ScorecardService/ListScorecardVersions": Narrowing.FREE,
    "mingjian.nlp.v1.ScorecardService/GetScorecardVersion": Narrowing.FREE,
    "mingjian.nlp.v1.ReviewService/ListReviews": Narrowing.AGENT_FIELD,
    "mingjian.nlp.v1.ReviewService/OpenAppeal": Narrowing.OWN_INTERACTION,
    "mingjian.nlp.v1.ReviewService/ListAppeals": Narrowing.AGENT_FIELD,
    "mingjian.routing.v1.RoutingService/GetTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/ListTickets": Narrowing.OWN_TICKETS,
    "mingjian.routing.v1.RoutingService/StartTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/EscalateTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/CommentTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/ResolveTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/WaitTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/ResumeTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/AnswerTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/RecordCustomerMessage": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/DiagnoseTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.DeskService/WatchTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.DeskService/UnwatchTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.DeskService/AddAttachment": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.DeskService/DownloadAttachment": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.DeskService/ListSavedFilters": Narrowing.FREE,
    "mingjian.routing.v1.DeskService/SaveFilter": Narrowing.FREE,
    "mingjian.routing.v1.DeskService/DeleteSavedFilter": Narrowing.FREE,
    "mingjian.routing.v1.DeskService/GetScreenPop": Narrowing.OWN_INTERACTION,
    "mingjian.routing.v1.RectificationService/PlanRectification": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RectificationService/SummarizeRectifications": Narrowing.AGENT_FIELD,
    "mingjian.routing.v1.LevelService/GetServiceLevels": Narrowing.FREE,
    "mingjian.routing.v1.LevelService/ListServiceLevels": Narrowing.FREE,
    "mingjian.routing.v1.LevelService/PreviewDeadlines": Narrowing.FREE,
    "mingjian.routing.v1.RuleService/GetRoutingRules": Narrowing.FREE,
    "mingjian.routing.v1.RuleService/ListRoutingRules": Narrowing.FREE,
    "mingjian.routing.v1.RuleService/TestRouting": Narrowing.FREE,
    "mingjian.routing.v1.StaffService/ListStaff": Narrowing.AGENT_FIELD,
    "mingjian.routing.v1.StaffService/SetPresence": Narrowing.AGENT_FIELD,
    "mingjian.routing.v1.FieldService/ListTicketFields": Narrowing.FREE,
    "mingjian.routing.v1.FieldService/UpdateTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.FieldService/CheckTicket": Narrowing.OWN_TICKET,
    "mingjian.knowledge.v1.KnowledgeService/SearchArticles": Narrowing.FREE,
    "mingjian.knowledge.v1.KnowledgeService/RecommendArticles": Narrowing.OWN_INTERACTION_IF_ANY,
    "mingjian.knowledge.v1.KnowledgeService/GetArticle": Narrowing.FREE,
    "mingjian.knowledge.v1.KnowledgeService/ListArticles": Narrowing.FREE,
    "mingjian.knowledge.v1.KnowledgeService/SubmitArticle": Narrowing.FREE,
    "mingjian.knowledge.v1.KnowledgeService/GetSolutionGraph": Narrowing.FREE,
    "mingjian.knowledge.v1.KnowledgeService/ListSuggestions": Narrowing.OWN_INTERACTION,
    "mingjian.reporting.v1.ReportingService/QueryKpis": Narrowing.AGENT_FIELD,
    "mingjian.reporting.v1.ReportingService/CompareKpis": Narrowing.AGENT_FIELD,
    "mingjian.reporting.v1.ReportingService/ListItemRates": Narrowing.AGENT_FIELD,
    "mingjian.reporting.v1.ReportingService/ListTargets": Narrowing.FREE,
}


# What a key that sees one team's work alone may do beyond that; appeals and promises are held to the team by nlp itself.
_TEAM_RULES: dict[str, Narrowing] = {
    "mingjian.nlp.v1.NlpService/GetOriginals": Narrowing.OWN_INTERACTION,
    "mingjian.nlp.v1.ScorecardService/GetRuleSchema": Narrowing.FREE,
    "mingjian.nlp.v1.ScorecardService/LintScorecard": Narrowing.FREE,
    "mingjian.nlp.v1.ScorecardService/TestRule": Narrowing.FREE,
    "mingjian.nlp.v1.ScorecardService/TestScorecard": Narrowing.FREE,
    "mingjian.nlp.v1.ReviewService/ListReviewQueue": Narrowing.AGENT_FIELD,
    "mingjian.nlp.v1.ReviewService/ReviewEvaluation": Narrowing.OWN_INTERACTION,
    "mingjian.nlp.v1.ReviewService/ListReviews": Narrowing.OWN_INTERACTION,
    "mingjian.nlp.v1.ReviewService/DecideAppeal": Narrowing.FREE,
    "mingjian.nlp.v1.NlpService/ListPromises": Narrowing.OWN_INTERACTION,
    "mingjian.routing.v1.RoutingService/ListTickets": Narrowing.AGENT_FIELD,
    "mingjian.routing.v1.RoutingService/AssignTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/CloseTicket": Narrowing.OWN_TICKET,
    "mingjian.routing.v1.RoutingService/ReopenTicket": Narrowing.OWN_TICKET,
}


def rules() -> Mapping[str, Narrowing]:
    """Every RPC an agent's key may be used for, as "package.Service/Method", and how it is narrowed."""
    return _RULES


def narrowing_of(method: str, *, of_a_team: bool = False) -> Narrowing:
    """Raises Denied where a call cannot be held to one agent's, or one team's, work."""
    try:
        return _TEAM_RULES[method] if of_a_team and method in _TEAM_RULES else _RULES[method]
    except KeyError:
        whose = "team" if of_a_team else "agent"
        raise Denied(f"this cannot be narrowed to one {whose}'s own work, so a key that is held to it may not do it") from None


def agent_of_event(event: Mapping[str, Any]) -> str:
    """The agent an event (as JSON) is about; "" where it is about none, and then no agent's key is shown it."""
    return _whose(event, "agent_id")


def team_of_event(event: Mapping[str, Any]) -> str:
    """The team an event (as JSON) is about; "" where it is about none, and then no key of one team is shown it."""
    return _whose(event, "team_id")


def _whose(event: Mapping[str, Any], field: str) -> str:
    interaction = event.get("interaction")
    if interaction:
        return str(interaction.get("metadata", {}).get(field, ""))
    about: Mapping[str, Any] = next((event[noun] for noun in ("ticket", "promise", "appeal") if event.get(noun)), {})
    return str(about.get(field, ""))

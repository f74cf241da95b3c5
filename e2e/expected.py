"""What must be true of the whole, as data: the hops of a call's trace and the events it causes."""

# (span of the caller, its service) -> (span that continues it, its service). One test per row; a broken hop has a name.
EDGES = [
    (("gateway", "POST /v1/interactions"), ("ingestion", "mingjian.ingestion.v1.IngestionService/UploadInteraction")),
    (("ingestion", "mingjian.ingestion.v1.IngestionService/UploadInteraction"), ("asr", "consume mingjian.ingestion.v1.InteractionReceived")),
    (("asr", "consume mingjian.ingestion.v1.InteractionReceived"), ("ingestion", "mingjian.ingestion.v1.IngestionService/DownloadAudio")),
    (("asr", "consume mingjian.ingestion.v1.InteractionReceived"), ("nlp", "consume mingjian.asr.v1.TranscriptCompleted")),
    (("nlp", "consume mingjian.asr.v1.TranscriptCompleted"), ("asr", "mingjian.asr.v1.AsrService/GetTranscript")),
    (("nlp", "consume mingjian.asr.v1.TranscriptCompleted"), ("routing", "consume mingjian.nlp.v1.InteractionScored")),
    (("nlp", "consume mingjian.asr.v1.TranscriptCompleted"), ("ingestion", "consume mingjian.nlp.v1.InteractionScored")),
    (("nlp", "consume mingjian.asr.v1.TranscriptCompleted"), ("knowledge", "consume mingjian.nlp.v1.InteractionScored")),
    (("nlp", "consume mingjian.asr.v1.TranscriptCompleted"), ("reporting", "consume mingjian.nlp.v1.InteractionScored")),
    (("knowledge", "consume mingjian.nlp.v1.InteractionScored"), ("nlp", "mingjian.nlp.v1.NlpService/GetTranscript")),
    (("routing", "consume mingjian.nlp.v1.InteractionScored"), ("reporting", "consume mingjian.routing.v1.TicketOpened")),
]

# Event -> how many one angry complaint causes: a number, or None for at least one.
EVENTS = {
    "mingjian.ingestion.v1.InteractionReceived": 1,
    "mingjian.asr.v1.TranscriptionStarted": 1,
    "mingjian.asr.v1.TranscriptCompleted": 1,
    "mingjian.nlp.v1.InteractionScored": 1,
    "mingjian.nlp.v1.AlertRaised": None,
    "mingjian.routing.v1.TicketOpened": None,
    "mingjian.knowledge.v1.SolutionSuggested": 1,
}

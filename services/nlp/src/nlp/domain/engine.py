"""The quality engine: scorecards and signals compiled once, one contact judged at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nlp.domain.canonical import plain, sha256_of
from nlp.domain.conditions import Attribute, Condition, Hit, Judged, Silence
from nlp.domain.courses import Asked, Question, answers_of
from nlp.domain.dialogue import Dialogue, Interaction, Role
from nlp.domain.emotion.course import feelings
from nlp.domain.emotion.model import shipped
from nlp.domain.evaluation import Evaluator
from nlp.domain.hints import CardHints, hints_for
from nlp.domain.judging import Judgement, judge
from nlp.domain.pii.masking import Redaction, redact
from nlp.domain.promises import Promise
from nlp.domain.rule_texts import RuleTexts
from nlp.domain.rules import RuleBook, Scanned
from nlp.domain.scorecards import Scorecard
from nlp.domain.sentences import SentenceEncoder
from nlp.domain.signals import NEGATIVE, NEUTRAL, Mood, Signals, is_urgent, mood, risk_words, ticket_type

ENGINE = "mingjian-rules/1.1.0"
COMMON = "common"
NEGATIVE_EMOTION = "negative_emotion"
UNKEPT = "promise_unkept"  # the rule of the signals by which a customer is heard to say that a promise was not kept


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a supervisor must know, where it was first heard."""

    kind: str
    hit: Hit
    urgent: bool


@dataclass(frozen=True)
class Assessment:
    """Everything the engine has to say about one contact; texts in it are unmasked, `redaction` masks them."""

    scorecard: Scorecard
    judgement: Judgement
    mood: Mood
    customer_emotion: str
    ticket_type: str
    urgent: bool
    risk_keywords: tuple[str, ...]
    alerts: tuple[Alert, ...]
    promises: tuple[Promise, ...]
    redaction: Redaction
    texts: RuleTexts
    unkept: Hit | None = None


@dataclass(frozen=True)
class Reading:
    """One contact read for one scorecard: what its items are judged on, and what was derived from the words before."""

    evaluator: Evaluator
    mood: Mood
    customer_emotion: str
    ticket_type: str
    urgent: bool


class QualityEngine:
    """Judges contacts, by the scorecard that applies to their attributes.

    What `shared` has compiled of the same scorecards, for the same signals, is not compiled again.
    """

    def __init__(
        self, scorecards: Iterable[Scorecard], signals: Signals, encoder: SentenceEncoder | None = None, *, shared: QualityEngine | None = None,
    ) -> None:
        self.scorecards: dict[str, Scorecard] = {card.scorecard_id: card for card in scorecards}
        if COMMON not in self.scorecards:
            raise ValueError("a scorecard 'common' is needed")
        self._signals = signals
        self._rules_sha256: dict[str, str] = {}
        self._asks: dict[str, bool] = {}
        self._hints = {name: hints_for(card, signals.hints) for name, card in self.scorecards.items()}
        self._books = {name: _book(card, self.scorecards[COMMON].rules, signals, encoder, shared) for name, card in self.scorecards.items()}
        self._texts = {name: RuleTexts(card, self._books[name].rules) for name, card in self.scorecards.items()}

    @property
    def models(self) -> Mapping[str, str]:
        """Name -> version or SHA-256 of every model that has a say."""
        return {"emotion": shipped().version}

    def rules_sha256(self, card: Scorecard) -> str:
        """SHA-256 of a scorecard, the signals and the rules both may use, as compiled, lower-case hex."""
        if card.scorecard_id not in self._rules_sha256:
            self._rules_sha256[card.scorecard_id] = sha256_of([plain(made, named=True) for made in (card, self._signals, self.scorecards[COMMON].rules)])
        return self._rules_sha256[card.scorecard_id]

    def scorecard_for(self, interaction: Interaction) -> Scorecard:
        """The scorecard that counts: of those that apply, the one that names most attributes; `common` where none names any."""
        known = attributes_of(interaction)
        applying = [card for card in self.scorecards.values() if not card.additional and card.judges(known)]
        return max(applying, key=lambda card: (len(card.applies_to), card.scorecard_id == COMMON, card.scorecard_id), default=self.scorecards[COMMON])

    def additional_for(self, interaction: Interaction) -> tuple[Scorecard, ...]:
        """The scorecards by which the contact is judged besides, in order of id."""
        known = attributes_of(interaction)
        return tuple(card for _, card in sorted(self.scorecards.items()) if card.additional and card.judges(known))

    def phrase_count(self, card: Scorecard) -> int:
        """How many different phrases a scorecard and the signals look for."""
        return self._books[card.scorecard_id].phrase_count

    def assess(self, dialogue: Dialogue) -> Assessment:
        """Judge one contact."""
        card = self.scorecard_for(dialogue.interaction)
        return self.conclude(card, self.read(card, dialogue))

    def scan(self, card: Scorecard, dialogue: Dialogue) -> Scanned:
        """The phrases of a scorecard and of the signals in one contact."""
        return self._books[card.scorecard_id].read(dialogue)

    def read(self, card: Scorecard, dialogue: Dialogue, asked: Iterable[Asked] = ()) -> Reading:
        """Read one contact for a scorecard, whichever its attributes would choose, with what is derived from the words as attributes.

        `asked` is what a language model answered beforehand.
        """
        return self.derive(Evaluator(self.scan(card, dialogue), attributes_of(dialogue.interaction), answers=answers_of(asked)))

    def questions(self, card: Scorecard, dialogue: Dialogue, asked: Iterable[Asked] = ()) -> tuple[Question, ...]:
        """What a language model has still to be asked about a contact, in order."""
        if card.scorecard_id not in self._asks:
            book = self._books[card.scorecard_id]
            self._asks[card.scorecard_id] = any(isinstance(part, Judged) for listed in _conditions(card, self._signals) for part in book.inside(listed))
        if not self._asks[card.scorecard_id]:
            return ()
        reading = self.read(card, dialogue, asked)
        self.conclude(card, reading)
        return tuple(reading.evaluator.questions)

    def derive(self, evaluator: Evaluator, feeling: Mood | None = None) -> Reading:
        """What follows from the words, each step known to the next; `evaluator` knows what was known of the contact before, `feeling` its mood if known."""
        feeling, evaluator = self.feel(evaluator, feeling)
        kind, _ = ticket_type(self._signals, evaluator)
        evaluator = evaluator.with_attributes({"ticket_type": kind})
        urgent = is_urgent(self._signals, evaluator)
        return Reading(evaluator.with_attributes({"urgency": "high" if urgent else "normal"}), feeling, _where_it_ended(feeling), kind, urgent)

    def feel(self, evaluator: Evaluator, feeling: Mood | None = None) -> tuple[Mood, Evaluator]:
        """The first of what follows: how the customer feels, and the contact with that known."""
        feeling = mood(self._signals, evaluator) if feeling is None else feeling
        evaluator = evaluator.with_course(feelings(feeling.course, evaluator.scanned.dialogue.turns))
        return feeling, evaluator.with_attributes({"customer_emotion": _where_it_ended(feeling), "customer_emotion_worst": feeling.worst})

    def alerts(self, card: Scorecard, reading: Reading) -> tuple[Alert, ...]:
        """What a supervisor must know of the contact as read, each kind once, in order."""
        return _alerts(card.alerts, reading.mood, reading.evaluator, reading.urgent)

    def hints_for(self, card: Scorecard) -> CardHints:
        """What the agent of a live call judged by the scorecard is shown, each with its item."""
        return self._hints[card.scorecard_id]

    def feelings_last(self, card: Scorecard) -> frozenset[int] | None:
        """The conditions, by identity, on which a customer's mood hangs beside the customer's own turns; None where it hangs on more than their words."""
        conditions = [weighted.condition for listed in self._signals.emotion.values() for weighted in listed]
        lasting = all(self._books[card.scorecard_id].lasting(condition) for condition in conditions)
        return frozenset(map(id, conditions)) if lasting else None

    def hangs_on_what_it_is_about(self, card: Scorecard) -> bool:
        """Whether any alert or hint hangs on the kind of contact or its urgency, which then must be known after every turn."""
        book, told = self._books[card.scorecard_id], [condition for conditions in card.alerts.values() for condition in conditions]
        for hint, item in self._hints[card.scorecard_id]:
            told.extend([hint.condition] if hint.condition is not None else item.conditions() if item is not None else ())
        return any(isinstance(part, Attribute) and part.name in ("ticket_type", "urgency") for condition in told for part in book.inside(condition))

    def silences(self, card: Scorecard) -> tuple[tuple[str, float, Condition], ...]:
        """The alerts that a silence raises: kind, seconds it lasts, condition."""
        book = self._books[card.scorecard_id]
        return tuple(
            (kind, part.longer_than_s, condition)
            for kind, conditions in card.alerts.items() for condition in conditions for part in book.inside(condition) if isinstance(part, Silence)
        )

    def conclude(self, card: Scorecard, reading: Reading) -> Assessment:
        """Judge a contact that was read for the scorecard."""
        evaluator, feeling = reading.evaluator, reading.mood
        return Assessment(
            scorecard=card,
            judgement=judge(card, evaluator),
            mood=feeling,
            customer_emotion=reading.customer_emotion,
            ticket_type=reading.ticket_type,
            urgent=reading.urgent,
            risk_keywords=risk_words(self._signals, evaluator),
            alerts=self.alerts(card, reading),
            promises=evaluator.scanned.promises,
            redaction=redact(evaluator.scanned.dialogue),
            texts=self._texts[card.scorecard_id],
            unkept=_first_hit(evaluator, UNKEPT),
        )


def attributes_of(interaction: Interaction) -> dict[str, str]:
    """What is known of a contact before its words."""
    return {
        **interaction.attributes,
        "industry": interaction.industry,
        "channel": interaction.channel,
        "direction": interaction.direction,
    }


def _book(
    card: Scorecard, common: Mapping[str, Condition], signals: Signals, encoder: SentenceEncoder | None, shared: QualityEngine | None
) -> RuleBook:
    """A scorecard's rules over the `common` ones, which the signals use and it may too."""
    conditions = _conditions(card, signals)
    if shared is not None and shared._signals is signals and (known := shared.scorecards.get(card.scorecard_id)) is not None:
        same = zip(_conditions(known, signals), conditions, strict=False)
        of_same = known.rules is card.rules and shared.scorecards[COMMON].rules is common
        if of_same and len(known.items) == len(card.items) and all(one is other for one, other in same):
            return shared._books[card.scorecard_id]
    return RuleBook({**common, **card.rules, **signals.rules}, conditions, encoder)


def _conditions(card: Scorecard, signals: Signals) -> list[Condition]:
    conditions = [condition for item in card.items for condition in item.conditions()]
    conditions.extend(condition for alternatives in card.alerts.values() for condition in alternatives)
    conditions.extend(signals.conditions())
    return conditions


def _first_hit(evaluator: Evaluator, rule: str) -> Hit | None:
    """Where a rule first hit; None where it did not, or the book has none of that name."""
    return next(iter(evaluator.rule(rule).hits), None) if rule in evaluator.scanned.book.rules else None


def _where_it_ended(feeling: Mood) -> str:
    """The strongest emotion shown, unless the customer was brought back from it and ended content."""
    if feeling.worst in NEGATIVE and feeling.last == "satisfied":
        return "satisfied" if feeling.worst == "anxious" else NEUTRAL
    return feeling.worst


def _alerts(kinds: Mapping[str, tuple[Condition, ...]], feeling: Mood, evaluator: Evaluator, urgent: bool) -> tuple[Alert, ...]:
    first: dict[str, Hit] = {}
    if feeling.worst in NEGATIVE and feeling.tipped is not None:
        first[NEGATIVE_EMOTION] = feeling.tipped
    for kind, conditions in kinds.items():
        hits = [hit for condition in conditions for hit in evaluator.finding(condition, kind).hits]
        if hits:
            first[kind] = min(hits, key=lambda hit: (hit.passage, hit.start))
    alerts = [Alert(kind, hit, urgent) for kind, hit in first.items()]
    return tuple(sorted(alerts, key=lambda alert: (alert.hit.passage, alert.hit.start_ms or 0, alert.kind)))


def customer_matter(dialogue: Dialogue, limit: int = 200) -> list[tuple[str, str]]:
    """The customer's first words on the matter as (turn_id, text), up to `limit` characters; greetings are passed over."""
    said: list[tuple[str, str]] = []
    length = 0
    for turn in dialogue.turns:
        if turn.role is not Role.CUSTOMER or (not said and len(turn.text.strip()) < 6):
            continue
        if length + len(turn.text) > limit and said:
            break
        said.append((turn.turn_id, turn.text))
        length += len(turn.text)
        if len(said) == 3:
            break
    return said

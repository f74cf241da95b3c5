import time

from hypothesis import given
from hypothesis import strategies as st
from nlp.adapters.yaml_packs import load_packs
from nlp.bench import BOOK, book, call
from nlp.domain.dialogue import Dialogue
from nlp.domain.engine import QualityEngine
from nlp.domain.evaluation import Evaluator
from nlp.domain.rule_parser import parse_condition
from nlp.domain.rules import RuleBook, parse_rules
from nlp_contacts import contact

WORDS = ("退款", "投诉", "抱歉", "来电", "重启", "感谢", "没到账")
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(lambda listed: {"words": listed})
leaves = st.builds(
    lambda node, role, limits: node | ({"role": role} if role else {}) | ({"range": limits} if limits else {}),
    phrases, st.sampled_from((None, "agent", "customer")), st.sampled_from((None, {"first_turns": 1}, {"last_turns": 2}, {"after": ["投诉"]})),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts, role: {"any": parts, "role": role}, st.lists(inner, min_size=1, max_size=12), st.sampled_from(("any", "agent"))),
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"all": parts, "within_turns": 1}, st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda parts: {"sequence": parts}, st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda part, least: {"count": {"of": part, "at_least": least}}, inner, st.integers(0, 2)),
        st.builds(lambda of, answer: {"each": {"of": of, "answered_by": answer}}, inner, inner),
    ),
    max_leaves=12,
)
turns = st.lists(
    st.builds(lambda role, words, sure: ({role: "，".join(words) + "。"}, sure), st.sampled_from(("agent", "customer")),
              st.lists(st.sampled_from((*WORDS, "好的")), min_size=1, max_size=2), st.sampled_from((0.5, 0.7, 1.0))),
    min_size=1, max_size=6,
)


class LookingAtEverything(Evaluator):
    """Skips nothing."""

    def __post_init__(self):
        super().__post_init__()
        self.scanned.book.absences.shape = lambda condition, lists: None
        self.scanned.book.absences.alternatives = lambda condition: None


@given(conditions, turns)
def test_what_no_phrase_touches_is_found_as_if_it_had_been_looked_at(node, said):
    dialogue = contact([turn for turn, _ in said])
    dialogue = Dialogue(dialogue.interaction, tuple(_surely(turn, sure) for turn, (_, sure) in zip(dialogue.turns, said, strict=True)))
    rules = {"named": node, "other": {"any": ["named", {"words": ["感谢"]}], "role": "agent"}}
    condition = parse_condition({"any": ["other", "named", node]}, "test")
    book, whole = (RuleBook(parse_rules(rules), [condition]) for _ in range(2))
    found = Evaluator(book.read(dialogue)).finding(condition, "test")
    assert found == LookingAtEverything(whole.read(dialogue)).finding(condition, "test")


def _surely(turn, confidence):
    return type(turn)(turn.turn_id, turn.role, turn.text, turn.start_ms, turn.end_ms, confidence)


def test_ten_times_the_rules_do_not_cost_twice_as_much():
    packs = load_packs()
    dialogue = call(20, industry=BOOK)
    spent = {}
    for rules in (100, 1000):
        engine = QualityEngine([packs.cards["common"], book(rules, packs.cards)], packs.signals)
        times = []
        for _ in range(6):
            began = time.process_time()
            engine.assess(Dialogue(dialogue.interaction, dialogue.turns))
            times.append(time.process_time() - began)
        spent[rules] = min(times)
    assert spent[1000] < 2 * spent[100]

from datetime import UTC, datetime

import pytest
from chassis.errors import Denied, InvalidInput
from gateway.adapters.proto_methods import event_classes, public_methods
from gateway.domain.audit import Chain, Entry, chained, is_audited
from gateway.domain.limits import Buckets, TooFast
from gateway.domain.narrowing import Narrowing, agent_of_event, rules
from gateway.domain.ranges import NoSuchBytes, wanted
from gateway.domain.roles import ALL, PII_READ, ROLES, check_grant, permissions_of
from gateway.domain.stream import UNMASKED, Position, parse_position, permission_for
from hypothesis import given
from hypothesis import strategies as st


def test_every_permission_that_an_rpc_asks_for_is_known_and_in_the_administrators_role():
    assert {m.permission for m in public_methods()} <= ALL | {PII_READ}  # which stands in no role
    assert ROLES["admin"] == ALL
    assert all(permissions <= ALL for permissions in ROLES.values())


def test_no_role_sees_unmasked_words_by_itself():
    assert not any(PII_READ in permissions for permissions in ROLES.values())
    assert PII_READ in permissions_of("viewer", [PII_READ])


def test_only_those_who_need_recordings_hear_them():
    assert {role for role, may in ROLES.items() if "audio:read" in may} == {"admin", "supervisor", "inspector"}


@pytest.mark.parametrize(
    ("role", "agent_id", "extra", "creator", "refused"),
    [
        ("viewer", "", set(), "admin", None),
        ("viewer", "", {PII_READ}, "admin", None),
        ("agent", "a1", set(), "admin", None),
        ("king", "", set(), "admin", "role"),
        ("agent", "", set(), "admin", "agent_id"),
        ("viewer", "a1", set(), "admin", "agent_id"),
        ("viewer", "", {"coffee:make"}, "admin", "extra_permissions"),
        ("admin", "", set(), "supervisor", Denied),
        ("viewer", "", {PII_READ}, "supervisor", Denied),
        ("integrator", "", set(), "supervisor", Denied),
        ("viewer", "", set(), "supervisor", None),
    ],
)
def test_nobody_gives_what_they_lack(role, agent_id, extra, creator, refused):
    def grant():
        check_grant(
            role, agent_id, "", frozenset(extra), creator_role=creator, creator_permissions=permissions_of(creator, ["keys:admin"]), creator_narrowed=False
        )

    if refused is None:
        grant()
    elif refused is Denied:
        with pytest.raises(Denied):
            grant()
    else:
        with pytest.raises(InvalidInput) as caught:
            grant()
        assert caught.value.field == refused


def test_a_key_narrowed_to_an_agent_makes_no_keys():
    with pytest.raises(Denied):
        check_grant("viewer", "", "", frozenset(), creator_role="agent", creator_permissions=ALL, creator_narrowed=True)


def test_every_narrowing_fits_the_request_it_is_for():
    by_name = {m.name: m for m in public_methods()}
    needs = {
        Narrowing.AGENT_FIELD: {"agent_id"}, Narrowing.OWN_INTERACTION: {"interaction_id"}, Narrowing.OWN_INTERACTION_IF_ANY: {"interaction_id"},
        Narrowing.OWN_TICKET: {"ticket_id"}, Narrowing.OWN_TICKETS: {"interaction_id", "assignee"}, Narrowing.FREE: set(),
    }
    for name, narrowing in rules().items():
        fields = set(by_name[name].request.DESCRIPTOR.fields_by_name)
        assert needs[narrowing] <= fields, name
        if narrowing is Narrowing.FREE:
            assert not fields & {"agent_id", "interaction_id", "ticket_id", "customer_id"}, name


def test_everything_an_agents_role_allows_is_narrowed():
    allowed = {m.name for m in public_methods() if m.permission in ROLES["agent"]}
    assert allowed <= set(rules())


@pytest.mark.parametrize(
    ("method", "permission", "may", "audited"),
    [
        ("mingjian.ingestion.v1.IngestionService/DownloadAudio", "audio:read", ROLES["inspector"], True),
        ("mingjian.nlp.v1.NlpService/GetTranscript", "interactions:read", ROLES["admin"], False),
        ("mingjian.nlp.v1.NlpService/GetTranscript", "interactions:read", permissions_of("viewer", [PII_READ]), True),
        ("mingjian.routing.v1.RoutingService/CloseTicket", "tickets:write", ALL, True),
        ("mingjian.routing.v1.RoutingService/GetTicket", "tickets:read", ALL, False),
        ("mingjian.reporting.v1.ReportingService/SetTarget", "kpis:write", ALL, True),
        ("mingjian.gateway.v1.GatewayService/CreateApiKey", "keys:admin", ALL, True),
        ("mingjian.gateway.v1.GatewayService/RevokeApiKey", "keys:admin", ALL, True),
        ("mingjian.gateway.v1.GatewayService/ListApiKeys", "keys:admin", ALL, False),
    ],
)
def test_what_is_written_down(method, permission, may, audited):
    assert is_audited(method, permission, may) is audited
    assert method in {m.name for m in public_methods()}


def test_every_ticket_change_is_written_down():
    changes = [m for m in public_methods() if m.permission == "tickets:write"]
    assert len(changes) >= 8 and all(is_audited(m.name, m.permission, ALL) for m in changes)


def entries(count):
    made, previous = [], "0" * 64
    for n in range(1, count + 1):
        made.append(chained(Entry("t1", n, datetime(2026, 11, 21, 8, 0, n % 60, 123456, tzinfo=UTC), "key:k", "a.B/C", f"o{n}", "OK"), previous))
        previous = made[-1].hash
    return made


def test_an_untouched_chain_holds():
    chain = Chain()
    chain.check(entries(20))
    assert (chain.broken_at, chain.length) == (0, 20)


@given(st.integers(0, 9), st.sampled_from(["principal", "action", "object_id", "status", "tenant", "at", "hash", "removed", "swapped"]))
def test_a_changed_removed_or_moved_entry_is_found(at, what):
    from dataclasses import replace

    made = entries(12)
    if what == "removed":
        del made[at]
    elif what == "swapped":
        made[at], made[at + 1] = made[at + 1], made[at]
    elif what == "at":
        made[at] = replace(made[at], at=datetime(2020, 1, 1, tzinfo=UTC))
    else:
        made[at] = replace(made[at], **{what: "f" * 64})
    chain = Chain()
    chain.check(made)
    assert chain.broken_at == at + 1


def test_a_bucket_gives_its_burst_and_then_its_rate():
    buckets = Buckets(per_s=2, burst=3)
    for _ in range(3):
        buckets.take("k", 100.0)
    with pytest.raises(TooFast) as caught:
        buckets.take("k", 100.0)
    assert caught.value.retry_after_s == 1
    buckets.take("k", 100.5)
    buckets.take("other", 100.5)


def test_buckets_are_bounded():
    buckets = Buckets(per_s=1, burst=1, most=2)
    for key in ("a", "b", "c"):
        buckets.take(key, 0.0)
    with pytest.raises(TooFast):
        buckets.take("c", 0.0)


@pytest.mark.parametrize(
    ("header", "size", "span"),
    [
        ("", 10, None), ("bytes=0-", 10, (0, 9)), ("bytes=2-4", 10, (2, 4)), ("bytes=5-99", 10, (5, 9)), ("bytes=-3", 10, (7, 9)), ("bytes=-99", 10, (0, 9)),
        ("bytes=4-2", 10, None), ("bytes=0-1,3-4", 10, None), ("items=0-1", 10, None), ("bytes=-", 10, None),
    ],
)
def test_ranges(header, size, span):
    assert wanted(header, size) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_behind_the_end_is_none(header):
    with pytest.raises(NoSuchBytes):
        wanted(header, 10)


@given(st.dictionaries(st.sampled_from(["asr", "nlp", "routing", "ingestion"]), st.integers(0, 2**62), min_size=1))
def test_a_position_comes_back_from_its_token(of):
    assert parse_position(str(Position(of))).of == of


@pytest.mark.parametrize("token", ["5", "nlp=-1", "nlp=x", "nlp=1;", "NLP=1", "nlp=1," * 40])
def test_a_foreign_token_is_refused(token):
    with pytest.raises(InvalidInput) as caught:
        parse_position(token)
    assert caught.value.field == "Last-Event-ID"


def test_every_event_has_a_permission_and_hidden_fields_are_there():
    classes = event_classes()
    assert all(permission_for(name) in ALL for name in classes if name != "mingjian.asr.v1.TurnTranscribed")
    assert permission_for("mingjian.asr.v1.TurnTranscribed") is None  # it is what was said, unmasked
    for name, (first, *rest) in UNMASKED.items():
        kind = classes[name].DESCRIPTOR.fields_by_name[first]
        assert rest and rest[0] in kind.message_type.fields_by_name


def test_an_event_is_about_the_agent_of_its_interaction_or_ticket():
    assert agent_of_event({"interaction": {"metadata": {"agent_id": "a1"}}}) == "a1"
    assert agent_of_event({"ticket": {"agent_id": "a2"}}) == "a2"
    assert agent_of_event({"promise": {"agent_id": "a3"}}) == "a3"
    assert agent_of_event({"appeal": {"agent_id": "a4"}}) == "a4"
    assert agent_of_event({"article": {}}) == ""

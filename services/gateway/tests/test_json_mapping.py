import base64
from itertools import chain

import orjson
import pytest
from chassis.errors import InvalidInput
from chassis.json_writer import shortest, to_json
from gateway.adapters.json_mapping import dumps, fill, loads, set_from_text
from gateway.adapters.proto_methods import PUBLISHERS, SERVICES, class_of, load_contracts
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, json_format, message_factory, struct_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mingjian.ingestion.v1 import ingestion_service_pb2 as ingestion
from mingjian.nlp.v1 import nlp_service_pb2 as nlp
from mingjian.reporting.v1 import reporting_service_pb2 as reporting


def every_message():
    load_contracts()
    pool = descriptor_pool.Default()
    names = ["mingjian.asr.v1.AsrService", *chain.from_iterable(SERVICES.values())]
    files = [f"{name.rpartition('.')[0].replace('.', '/')}/{name.rpartition('.')[2].removesuffix('Service').lower()}_service.proto" for name in names]
    files += [f"mingjian/{p}/v1/events.proto" for p in PUBLISHERS]
    return sorted((class_of(d) for f in files for d in pool.FindFileByName(f).message_types_by_name.values()), key=lambda c: c.DESCRIPTOR.full_name)


TIMES = st.builds(Timestamp, seconds=st.integers(-62135596800, 253402300799), nanos=st.integers(0, 999_999_999))
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1), FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1), FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
}


def value_of(field, depth):
    if field.message_type is not None:
        return TIMES if field.message_type.full_name == "google.protobuf.Timestamp" else messages(class_of(field.message_type), depth + 1)
    if field.enum_type is not None:
        return st.sampled_from([v.number for v in field.enum_type.values])
    if field.cpp_type in INTEGERS:
        return INTEGERS[field.cpp_type]
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return st.floats(allow_nan=False, allow_infinity=False)
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return st.floats(allow_nan=False, allow_infinity=False, width=32)
    return st.binary(max_size=20) if field.type == FieldDescriptor.TYPE_BYTES else st.text(max_size=12)


@st.composite
def messages(draw, kind, depth=0):
    made = kind()
    for field in kind.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(made, field.name).update(draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)))
        elif field.is_repeated:
            getattr(made, field.name).extend(draw(st.lists(value_of(field, depth), max_size=2 if depth < 2 else 1)))
        elif field.message_type is not None:
            getattr(made, field.name).CopyFrom(draw(value_of(field, depth)))
        else:
            setattr(made, field.name, draw(value_of(field, depth)))
    return made


@pytest.mark.parametrize("kind", every_message(), ids=lambda k: k.DESCRIPTOR.full_name)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_message_comes_back_from_json_as_it_was(kind, data):
    message = data.draw(messages(kind))
    text = dumps(message)
    back = kind()
    fill(back, loads(text))
    assert back == message
    assert orjson.dumps(orjson.loads(text)) == text  # nothing in it that JSON readers see differently


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_written_shortest_and_read_back_the_same(value):
    word = shortest(value)
    message = nlp.Evidence()
    fill(message, {"confidence": word})
    assert message.confidence == value
    assert len(repr(word)) <= len(repr(float(f"{value:.9g}")))


def test_names_enums_times_and_presence_are_as_promised():
    interaction = ingestion.Interaction(interaction_id="i", status=ingestion.INTERACTION_STATUS_SCORING, medium=ingestion.MEDIUM_CHAT)
    interaction.received_at.FromJsonString("2026-11-21T08:00:00.25Z")
    interaction.audio.size_bytes = 2**53 + 1
    interaction.metadata.channels.left = ingestion.ROLE_AGENT
    said = to_json(interaction)
    assert (said["status"], said["medium"], said["received_at"]) == ("scoring", "chat", "2026-11-21T08:00:00.250Z")
    assert said["audio"]["size_bytes"] == 2**53 + 1
    assert said["metadata"]["channels"] == {"left": "agent", "right": "unspecified"}
    assert said["reason"] == ""
    assert "updated_at" not in said and "outcome" not in said and "started_at" not in said["metadata"]
    item = to_json(nlp.ItemResult(result=nlp.ITEM_OUTCOME_PASS, confidence=0.9))
    assert (item["result"], item["confidence"], item["evidence"]) == ("pass", 0.9, [])
    assert "value" not in to_json(reporting.KpiValue(kpi="fcr_rate"))
    assert to_json(reporting.KpiValue(value=0))["value"] == 0
    assert to_json(reporting.KpiValue(sense=reporting.TARGET_SENSE_AT_LEAST))["sense"] == "at_least"


def test_a_word_for_a_number_of_a_newer_service_is_the_number():
    newer = nlp.ItemResult(result=nlp.ITEM_OUTCOME_PASS).SerializeToString().replace(b"\x20\x01", b"\x20\x63")
    assert to_json(nlp.ItemResult.FromString(newer))["result"] == 99


def test_numbers_that_json_does_not_have_become_null_and_are_not_read():
    assert b'"value":null' in dumps(reporting.KpiValue(value=float("nan")))
    assert b'"confidence":null' in dumps(nlp.Evidence(confidence=float("inf")))
    with pytest.raises(InvalidInput):
        loads(b'{"value": NaN}')


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        (nlp.Evaluation, {"nope": 1}, "nope"),
        (nlp.Evaluation, [], "body"),
        (nlp.Evaluation, {"items": {}}, "items"),
        (nlp.Evaluation, {"items": [{}, {"evidence": [{"confidence": "high"}]}]}, "items[1].evidence[0].confidence"),
        (nlp.Evaluation, {"items": [{"evidence": [{"start_ms": 2**31}]}]}, "items[0].evidence[0].start_ms"),
        (nlp.Evaluation, {"items": [{"evidence": [{"start_ms": True}]}]}, "items[0].evidence[0].start_ms"),
        (nlp.Evaluation, {"items": [{"evidence": [{"confidence": 1e300}]}]}, "items[0].evidence[0].confidence"),
        (nlp.Evaluation, {"items": [{"result": "PASS"}]}, "items[0].result"),
        (nlp.Evaluation, {"items": [{"result": []}]}, "items[0].result"),
        (nlp.Evaluation, {"fatal": "yes"}, "fatal"),
        (nlp.Evaluation, {"score": True}, "score"),
        (nlp.Evaluation, {"scorecard": "telecom"}, "scorecard"),
        (nlp.Evaluation, {"highlights": ["a", 5]}, "highlights[1]"),
        (nlp.Evaluation, {"scored_at": "2026-13-01T00:00:00Z"}, "scored_at"),
        (nlp.Evaluation, {"scored_at": "2026-11-21"}, "scored_at"),
        (nlp.Evaluation, {"scored_at": "0001-01-01T00:00:00+23:59"}, "scored_at"),
        (nlp.Evaluation, {"scored_at": 5}, "scored_at"),
        (ingestion.UploadInteractionRequest, {"chunk": "*"}, "chunk"),
        (ingestion.UploadInteractionRequest, {"metadata": {}, "chunk": ""}, "chunk"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(kind, value, field):
    with pytest.raises(InvalidInput) as caught:
        fill(kind(), value)
    assert caught.value.field == field


def test_whole_floats_nulls_and_offsets_are_taken():
    evidence = nlp.Evidence()
    fill(evidence, {"start_ms": 5.0, "text": None})
    assert (evidence.start_ms, evidence.text) == (5, "")
    evaluation = nlp.Evaluation()
    fill(evaluation, {"scored_at": "2026-11-21T08:00:00.123456789+08:00"})
    assert evaluation.scored_at.ToJsonString() == "2026-11-21T00:00:00.123456789Z"


def test_times_are_written_as_protobuf_writes_them():
    for seconds, nanos in ((0, 0), (1, 5), (-1, 999_000_000), (253402300799, 1000), (-62135596800, 0), (1795000000, 120_000_000)):
        at = Timestamp(seconds=seconds, nanos=nanos)
        assert to_json(nlp.Promise(deadline=at))["deadline"] == at.ToJsonString()


def test_parameters_are_read_by_the_type_of_their_field():
    asked = nlp.ListEvaluationsRequest()
    set_from_text(asked, "fatal", ["True"])
    set_from_text(asked, "from", ["2026-11-21T00:00:00 08:00"])  # a plus sign that was not escaped
    assert asked.fatal and getattr(asked, "from").ToJsonString() == "2026-11-20T16:00:00Z"
    nested = nlp.EvaluateRequest()
    set_from_text(nested, "metadata.channels.left", ["agent"])
    assert nested.metadata.channels.left == ingestion.ROLE_AGENT
    for name, text in (("metadata", "x"), ("metadata.nope", "x"), ("turns.text", "x"), ("metadata.agent_id.x", "y"), ("metadata.started_at.seconds", "1")):
        with pytest.raises(InvalidInput):
            set_from_text(nested, name, [text])
    keys = nlp.Evaluation()
    set_from_text(keys, "highlights", ["a", "b"])
    assert list(keys.highlights) == ["a", "b"]


def test_types_the_contracts_do_not_use_yet_follow_protobufs_own_mapping():
    """Maps, messages within themselves, durations and structs, in a file made here."""
    file = descriptor_pb2.FileDescriptorProto(name="odd.proto", package="odd", syntax="proto3", dependency=[
        "google/protobuf/duration.proto", "google/protobuf/struct.proto", "google/protobuf/timestamp.proto",
    ])
    node = file.message_type.add(name="Node")
    node.field.add(name="name", number=1, type=9, label=1)
    node.field.add(name="children", number=2, type=11, label=3, type_name=".odd.Node")
    node.field.add(name="parent", number=3, type=11, label=1, type_name=".odd.Node")
    node.field.add(name="took", number=4, type=11, label=1, type_name=".google.protobuf.Duration")
    node.field.add(name="open", number=5, type=11, label=1, type_name=".google.protobuf.Struct")
    node.field.add(name="counts", number=6, type=11, label=3, type_name=".odd.Node.CountsEntry")
    node.field.add(name="blob", number=7, type=12, label=1)
    node.field.add(name="at", number=8, type=11, label=3, type_name=".google.protobuf.Timestamp")
    entry = node.nested_type.add(name="CountsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=9, label=1)
    entry.field.add(name="value", number=2, type=3, label=1)
    assert struct_pb2.DESCRIPTOR and duration_pb2.DESCRIPTOR  # known to the pool
    pool = descriptor_pool.Default()
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("odd.Node"))
    said = {
        "name": "root", "children": [{"name": "leaf", "children": [], "counts": {}, "blob": "", "at": []}], "took": "1.500s", "open": {"a": [1.0, None]},
        "counts": {"x": 5}, "blob": base64.b64encode(b"\x00\xff").decode(), "at": ["2026-11-21T00:00:00Z"],
    }
    made = kind()
    fill(made, said)
    assert to_json(made) == said
    assert made == json_format.ParseDict({**said, "counts": {"x": "5"}}, kind())

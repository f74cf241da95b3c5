import uuid

import nats.errors
import pytest
from chassis.ids import _SPACE, derived_id
from chassis.messaging import wrap
from chassis.messaging.client import FastClient, header_block
from chassis.messaging.connection import connect
from chassis.messaging.consumer import _delivered
from hypothesis import given
from hypothesis import strategies as st
from mingjian.asr.v1.events_pb2 import TranscriptionStarted
from nats.aio.client import Client
from nats.aio.msg import Msg
from testkit.waiting import eventually

LINES = st.lists(st.text("aB-é \t:", max_size=8).map(str.encode) | st.binary(max_size=12), max_size=6)


@given(LINES)
def test_headers_are_read_as_nats_py_reads_them(lines):
    raw = b"\r\n".join([*(line.replace(b"\r", b"").replace(b"\n", b"") for line in lines), b"", b""])
    if b"\xff" in raw or not _is_text(raw):
        return  # a broken character may take its neighbour along; neither reading is right
    assert FastClient._parse_header_lines(raw) == Client._parse_header_lines(raw)


def _is_text(raw):
    try:
        return bool(raw.decode().isprintable) and not any(c in raw.decode() for c in "\x1c\x1d\x1e\x1f\x85\x0b\x0c\xa0")
    except UnicodeDecodeError:
        return False


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\n", "\r"])
def test_a_header_with_a_line_break_is_refused(value):
    with pytest.raises(nats.errors.BadHeaderError):
        header_block({"a": "b", "c": value})


@pytest.mark.parametrize("subject", ["", "a b", "a\r\nPUB x 0", "a\tb"])
async def test_a_subject_that_would_break_the_protocol_is_refused(nats_url, subject):
    client = await connect(nats_url, "test")
    with pytest.raises(nats.errors.BadSubjectError):
        await client.send(subject)
    await client.close()


async def test_what_is_sent_arrives_with_its_headers(nats_url):
    client = await connect(nats_url, "test")
    seen = []

    async def see(message):
        seen.append((message.subject, message.reply, message.data, message.headers))

    await client.subscribe("send.*", cb=see)
    await client.send("send.a", b"1", reply="r", block=header_block({"ce-subject": "客户 é", "x": "1"}))
    await client.send("send.b", b"2")

    async def both():
        return len(seen) == 2

    await eventually(both)
    assert seen == [("send.a", "r", b"1", {"ce-subject": "客户 é", "x": "1"}), ("send.b", "", b"2", None)]
    await client.close()
    with pytest.raises(nats.errors.ConnectionClosedError):
        await client.send("send.a")


async def test_more_than_the_server_takes_is_refused_before_it_is_sent(nats_url):
    client = await connect(nats_url, "test")
    with pytest.raises(nats.errors.MaxPayloadError):
        await client.send("send.a", b"x" * (client.max_payload + 1))
    await client.close()


@pytest.mark.parametrize("reply", [
    "$JS.ACK.nlp.reporting-x.3.100.101.1700000000123456789.5",
    "$JS.ACK._.acc.nlp.reporting-x.3.100.101.1700000000123456789.5",
    "$JS.ACK.hub.acc.nlp.reporting-x.3.100.101.1700000000123456789.5.token",
])
def test_which_delivery_it_is_and_since_when_it_is_stored_are_read_as_nats_py_reads_them(reply):
    theirs = Msg.Metadata._from_reply(reply)
    assert _delivered(reply) == (theirs.num_delivered, pytest.approx(theirs.timestamp.timestamp()))


def test_a_message_that_does_not_come_from_a_stream_is_refused():
    with pytest.raises(nats.errors.NotJSMessageError):
        _delivered("_INBOX.x")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_a_derived_id_is_a_uuid5(parts):
    assert derived_id(*parts) == str(uuid.uuid5(_SPACE, "\x1f".join(parts)))


def test_an_envelope_names_the_same_id_for_the_message_and_the_event():
    made = wrap(TranscriptionStarted(interaction_id="i1"), tenant="t1", key="i1")
    assert made.headers["Nats-Msg-Id"] == made.headers["ce-id"] == derived_id("mingjian.asr.v1.TranscriptionStarted", "t1", "i1")

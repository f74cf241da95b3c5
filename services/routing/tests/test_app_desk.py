import asyncio
from dataclasses import replace

import pytest
from chassis import blobs
from chassis.errors import AlreadyExists, InvalidInput, NotAllowedNow, NotFound
from chassis.ids import derived_id, new_id
from routing.adapters.mongo_desk import MongoBulkRuns, MongoSavedFilters
from routing.adapters.obstore_files import ObstoreFiles
from routing.app import TicketFilter, Who
from routing.app_desk import MAX_FILTERS, Bulk, BulkAction, Desk
from routing.domain.attachments import MAX_ATTACHMENTS, MAX_BYTES, check_file
from routing.domain.clocks import Target
from routing.domain.desk import MAX_WATCHERS, watch
from routing.domain.opening import Contact, Wanted
from routing.domain.tickets import Action, Kind, State, Urgency

CHIEF = Who("t1", "chief")
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


@pytest.fixture
async def desk(routing, db, tmp_path):
    runs = MongoBulkRuns(db)
    await runs.prepare()
    files = ObstoreFiles(blobs.open_store((tmp_path / "blobs").as_uri()))
    return Desk(routing, MongoSavedFilters(db), runs, files, new_id, derived_id)


async def opened(routing, **contact):
    wanted = Wanted(Contact("t1", **({"interaction_id": new_id()} | contact)), Kind.SERVICE, "故障", Urgency.NORMAL, (), "宽带断了", "三天上不了网")
    return await routing.open_by_hand(CHIEF, wanted, "")


async def all_of(chunks):
    return b"".join([chunk async for chunk in chunks])


async def test_who_watches_sees_the_ticket_and_finds_it_until_he_stops(desk, routing):
    ticket = await opened(routing, agent_id="A1")
    agent = Who("t1", "key:7", "A9")
    with pytest.raises(NotFound):
        await routing.get(agent, ticket.ticket_id)
    watched = await desk.watch(CHIEF, ticket.ticket_id, "A9")
    assert watched.watchers == ("A9",) and watched.history[-1].action is Action.WATCHED
    assert (await desk.watch(CHIEF, ticket.ticket_id, "A9")).version == watched.version  # once more changes nothing
    assert (await routing.get(agent, ticket.ticket_id)).ticket_id == ticket.ticket_id
    assert [t.ticket_id for t in (await routing.page(agent, TicketFilter(watcher="A9"), 10, "")).tickets] == [ticket.ticket_id]
    await desk.unwatch(agent, ticket.ticket_id, "")
    assert (await routing.page(CHIEF, TicketFilter(watcher="A9"), 10, "")).tickets == ()
    with pytest.raises(NotFound):
        await routing.get(agent, ticket.ticket_id)


async def test_an_agent_cannot_let_others_watch_and_watchers_are_limited(desk, routing, open_ticket):
    ticket = await opened(routing, agent_id="A1")
    with pytest.raises(InvalidInput) as refused:
        await desk.watch(Who("t1", "key:1", "A1"), ticket.ticket_id, "A2")
    assert refused.value.field == "watcher"
    full = replace(open_ticket(), watchers=tuple(f"w{n}" for n in range(MAX_WATCHERS)))
    with pytest.raises(NotAllowedNow):
        watch(full, "one-more", "chief", full.opened_at)


async def test_a_file_comes_back_as_it_was_is_kept_once_and_goes_with_a_reason(desk, routing):
    ticket = await opened(routing)
    await desk.attach(CHIEF, ticket.ticket_id, 1, "截图.png", "image/png", PNG, "路由器")
    again = await desk.attach(CHIEF, ticket.ticket_id, 0, "截图.png", "image/png", PNG, "")
    assert again.version == 2 and [a.name for a in again.attachments] == ["截图.png"]
    attachment, chunks = await desk.file(CHIEF, ticket.ticket_id, again.attachments[0].attachment_id)
    assert await all_of(chunks) == PNG and attachment.size_bytes == len(PNG)
    with pytest.raises(InvalidInput):
        await desk.detach(CHIEF, ticket.ticket_id, attachment.attachment_id, 0, " ")
    gone = await desk.detach(CHIEF, ticket.ticket_id, attachment.attachment_id, 0, "客户要求删除")
    assert gone.attachments == () and "客户要求删除" in gone.history[-1].note
    with pytest.raises(NotFound):
        await desk.file(CHIEF, ticket.ticket_id, attachment.attachment_id)
    with pytest.raises(NotFound):
        await all_of(desk.files.read("t1", ticket.ticket_id, attachment.attachment_id))


async def test_a_file_whose_deletion_a_crash_prevented_goes_with_the_next_call(desk, routing, monkeypatch):
    ticket = await opened(routing)
    attached = await desk.attach(CHIEF, ticket.ticket_id, 0, "a.png", "image/png", PNG, "")
    file_id = attached.attachments[0].attachment_id

    async def die(*args):
        raise KeyboardInterrupt  # a crash between the ticket's change and the file's deletion

    with monkeypatch.context() as patch:
        patch.setattr(ObstoreFiles, "delete", die)
        with pytest.raises(KeyboardInterrupt):
            await desk.detach(CHIEF, ticket.ticket_id, file_id, 0, "删除")
    assert await all_of(desk.files.read("t1", ticket.ticket_id, file_id)) == PNG
    with pytest.raises(NotFound):
        await desk.detach(CHIEF, ticket.ticket_id, file_id, 0, "删除")
    with pytest.raises(NotFound):
        await all_of(desk.files.read("t1", ticket.ticket_id, file_id))


async def test_a_ticket_keeps_so_many_files_and_none_without_a_place_for_them(desk, routing):
    ticket = await opened(routing)
    for n in range(MAX_ATTACHMENTS):
        await desk.attach(CHIEF, ticket.ticket_id, 0, f"{n}.txt", "text/plain", b"x", "")
    with pytest.raises(NotAllowedNow):
        await desk.attach(CHIEF, ticket.ticket_id, 0, "21.txt", "text/plain", b"x", "")
    with pytest.raises(NotAllowedNow, match="BLOB_URL"):
        await replace(desk, files=None).attach(CHIEF, (await opened(routing)).ticket_id, 0, "a.txt", "text/plain", b"x", "")


@pytest.mark.parametrize(
    ("name", "media_type", "content", "field"),
    [
        ("", "image/png", PNG, "name"), ("../etc/passwd", "image/png", PNG, "name"), ("a\nb.png", "image/png", PNG, "name"),
        ("x" * 201, "image/png", PNG, "name"), ("发票\u202egnp.exe", "image/png", PNG, "name"), ("..", "image/png", PNG, "name"),
        ("a.html", "text/html", b"<script>", "media_type"), ("a.svg", "image/svg+xml", b"<svg/>", "media_type"), ("a", "", b"x", "media_type"),
        ("a.png", "image/png", b"<script>alert(1)</script>", "content"), ("a.txt", "text/plain", b"\xff\xfe", "content"),
        ("a.png", "image/png", b"", "content"), ("a.txt", "text/plain", b"x" * (MAX_BYTES + 1), "content"),
        ("a.webp", "image/webp", b"RIFF1234WAVEfmt ", "content"),
    ],
)
def test_what_is_no_harmless_file_is_refused_by_its_fields_name(name, media_type, content, field):
    with pytest.raises(InvalidInput) as refused:
        check_file(name, media_type, content)
    assert refused.value.field == field


async def test_public_words_answer_the_customer_and_internal_ones_do_not(routing, clock):
    ticket = await opened(routing)
    inside = await routing.comment(CHIEF, ticket.ticket_id, 0, "先查一下", public=False)
    assert inside.first_responded_at is None and not inside.history[-1].public
    said = await routing.comment(CHIEF, ticket.ticket_id, 0, "您好，工程师今天上门", public=True)
    assert said.first_responded_at == clock.at and said.history[-1].public and said.history[-1].action is Action.COMMENTED
    await routing.customer_said(CHIEF, ticket.ticket_id, 0, "几点？")
    asked = await routing.get(CHIEF, ticket.ticket_id)
    assert asked.clocks[Target.NEXT_RESPONSE].since is not None
    answered = await routing.comment(CHIEF, ticket.ticket_id, 0, "三点", public=True)
    assert answered.clocks[Target.NEXT_RESPONSE].since is None
    assert await routing.get(CHIEF, ticket.ticket_id) == answered


async def test_saved_filters_are_ones_own_named_once_and_limited(desk):
    mine = await desk.save(CHIEF, "", "我的超时", TicketFilter(overdue=True, state=State.OPEN, kind=Kind.SERVICE))
    assert await desk.saved(CHIEF) == (mine,) and await desk.saved(Who("t1", "other")) == () and await desk.saved(Who("t2", "chief")) == ()
    with pytest.raises(AlreadyExists):
        await desk.save(CHIEF, "", "我的超时", TicketFilter())
    changed = await desk.save(CHIEF, mine.filter_id, "超时", TicketFilter(query="宽带"))
    assert await desk.saved(CHIEF) == (changed,)
    with pytest.raises(NotFound):
        await desk.save(CHIEF, new_id(), "别的", TicketFilter())
    with pytest.raises(InvalidInput):
        await desk.save(CHIEF, "", "一个字", TicketFilter(query="宽"))
    await desk.forget(CHIEF, mine.filter_id)
    await desk.forget(CHIEF, mine.filter_id)
    await asyncio.gather(*(desk.save(CHIEF, "", f"f{n}", TicketFilter()) for n in range(3)))  # none is lost to another
    for n in range(3, MAX_FILTERS):
        await desk.save(CHIEF, "", f"f{n}", TicketFilter())
    with pytest.raises(NotAllowedNow):
        await desk.save(CHIEF, "", "one more", TicketFilter())


async def test_of_many_each_is_done_or_refused_by_itself(desk, routing):
    good, stale, closed, unseen = [await opened(routing) for _ in range(4)]
    await routing.comment(CHIEF, stale.ticket_id, 0, "变了")
    for step in (routing.assign(CHIEF, closed.ticket_id, 0, "wang", ""), routing.start(CHIEF, closed.ticket_id, 0, ""),
                 routing.resolve(CHIEF, closed.ticket_id, 0, "好了", ""), routing.close(CHIEF, closed.ticket_id, 0, "")):
        await step
    missing = new_id()
    named = ((good.ticket_id, 1), (stale.ticket_id, 1), (closed.ticket_id, 0), (missing, 0), (unseen.ticket_id, 0))
    results = await desk.bulk(CHIEF, Bulk(BulkAction.ASSIGN, named, "k1", assignee="zhao"))
    assert [(r.ticket_id, r.status) for r in results] == [
        (good.ticket_id, "OK"), (stale.ticket_id, "ABORTED"), (closed.ticket_id, "FAILED_PRECONDITION"), (missing, "NOT_FOUND"), (unseen.ticket_id, "OK"),
    ]
    assert results[1].version == 2 and "current version is 2" in results[1].reason
    assert (await routing.get(CHIEF, good.ticket_id)).assignee == "zhao"


async def test_the_same_key_does_nothing_twice_and_goes_on_where_a_crash_stopped_it(desk, routing, monkeypatch):
    made = [await opened(routing) for _ in range(4)]
    bulk = Bulk(BulkAction.COMMENT, tuple((t.ticket_id, 0) for t in made), "k2", note="统一回访")
    change, left = type(routing.tickets).change, [2]

    async def dies_after_two(self, *args):
        if not left[0]:
            raise KeyboardInterrupt  # a crash in the middle
        left[0] -= 1
        await change(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(type(routing.tickets), "change", dies_after_two)
        with pytest.raises(KeyboardInterrupt):
            await desk.bulk(CHIEF, bulk)
    for _ in range(2):
        assert {r.status for r in await desk.bulk(CHIEF, bulk)} == {"OK"}
    for ticket in made:
        assert [e.note for e in (await routing.get(CHIEF, ticket.ticket_id)).history].count("统一回访") == 1
    with pytest.raises(AlreadyExists) as refused:
        await desk.bulk(CHIEF, replace(bulk, note="别的"))
    assert refused.value.field == "idempotency_key"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"tickets": ()}, "tickets"), ({"tickets": tuple((new_id(), 0) for _ in range(201))}, "tickets"), ({"tickets": (("a", 0), ("a", 0))}, "tickets"),
        ({"key": ""}, "idempotency_key"), ({"key": "k" * 201}, "idempotency_key"), ({"action": BulkAction.ASSIGN}, "assignee"),
        ({"action": BulkAction.ESCALATE, "note": " "}, "note"),
    ],
)
async def test_a_bulk_change_that_makes_no_sense_is_refused_by_its_fields_name(desk, changed, field):
    with pytest.raises(InvalidInput) as refused:
        await desk.bulk(CHIEF, replace(Bulk(BulkAction.COMMENT, ((new_id(), 0),), "k", note="x"), **changed))
    assert refused.value.field == field


async def test_each_bulk_action_does_what_it_says(desk, routing):
    ticket = await opened(routing)
    one = ((ticket.ticket_id, 0),)
    for number, bulk in enumerate((
        Bulk(BulkAction.ASSIGN, one, "", assignee="wang"), Bulk(BulkAction.WATCH, one, "", watcher="li"),
        Bulk(BulkAction.COMMENT, one, "", note="已答复", public=True), Bulk(BulkAction.ESCALATE, one, "", note="需二线"),
    )):
        assert [r.status for r in await desk.bulk(CHIEF, replace(bulk, key=f"k{number}"))] == ["OK"]
    after = await routing.get(CHIEF, ticket.ticket_id)
    assert (after.line, after.watchers, after.first_responded_at is not None) == (2, ("li",), True)
    assert (await desk.bulk(CHIEF, Bulk(BulkAction.CLOSE, one, "k9")))[0].status == "FAILED_PRECONDITION"

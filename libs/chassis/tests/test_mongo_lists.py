"""Lists newest first, compared with a plain filter over random documents."""

import random
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from chassis.mongo import LAST, IndexModel, newest_first, windows

DOCUMENTS, LISTS, DAY_MS = 600, 60, 86_400_000
NOW_MS = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp() * 1000)


def order(at_ms, identity, digits):
    return f"{at_ms:0{digits}d}{identity}"


def random_things(dice, now_ms, digits):
    """From an hour ahead to fifteen years ago, some at the same instant."""
    instants = [now_ms - int(10 ** dice.uniform(0, 11.7)) for _ in range(DOCUMENTS * 3 // 4)] + [now_ms + 3_600_000]
    return [
        {
            "_id": f"k{n:04d}", "tenant": dice.choice(("t1", "t1", "t2")), "order": order(dice.choice(instants), f"k{n:04d}", digits),
            "agent": dice.choice(("a1", "a2", "a3")), "marks": dice.sample(("fatal", "angry"), dice.randrange(3)), "about": {"team": dice.choice(("m1", "m2"))},
            "turns": [{"text": "您好", "start_ms": 0}], "outbox": [],
        }
        for n in range(DOCUMENTS)
    ]


async def indexed(db):
    names = (("tenant", "order"), ("tenant", "agent", "order"), ("tenant", "marks", "order"))
    await db.things.create_indexes([IndexModel([(field, 1) for field in fields], name="_".join(fields)) for fields in names])


def holds(thing, equal, beyond):
    found = thing | {"about.team": thing["about"]["team"]}
    asked = [*equal.items(), *beyond.items()]
    return all(value in found[name] if name == "marks" else found[name] == value for name, value in asked)


@pytest.mark.parametrize("digits", [14, 15])
async def test_page_after_page_a_list_is_what_a_plain_filter_finds(db, digits):
    dice, now_ms = random.Random(digits), int(datetime.now(UTC).timestamp() * 1000)
    things = random_things(dice, now_ms, digits)
    await indexed(db)
    await db.things.insert_many(things)
    for _ in range(LISTS):
        equal = {"tenant": "t1"} | dice.choice(({}, {"agent": "a1"}, {"marks": "fatal"}))
        beyond = dice.choice(({}, {}, {"about.team": "m1"}, {"agent": "a2"}, {"about.team": "m2", "marks": "angry"}))
        since, until = (order(now_ms - int(10 ** dice.uniform(3, 11.5)), "", digits) if dice.random() < 0.4 else none for none in ("", LAST))
        expected = sorted((t["order"] for t in things if holds(t, equal, beyond) and since <= t["order"] < until), reverse=True)
        size, found, top = dice.randrange(1, 150), [], until
        while True:
            page = await newest_first(db.things, equal, size, digits=digits, since=since, until=top, beyond=beyond)
            assert len(page) <= size
            if not page:
                break
            found += [document["order"] for document in page]
            top = page[-1]["order"]
        assert found == expected, (equal, beyond, since, until)


@pytest.mark.parametrize("beyond", [{}, {"about.team": "m1"}], ids=["", "beyond"])
async def test_what_a_list_does_not_show_is_not_read(db, beyond):
    await db.things.insert_many(random_things(random.Random(1), NOW_MS, 14))
    shown = await newest_first(db.things, {"tenant": "t1"}, 3, digits=14, beyond=beyond, projection={"turns.text": 0, "outbox": 0})
    assert [set(document) for document in shown] == [{"_id", "tenant", "order", "agent", "marks", "about", "turns"}] * 3
    assert shown[0]["turns"] == [{"start_ms": 0}]


@pytest.mark.parametrize("until", ["1x", "abc", "", "-1"])
async def test_an_end_that_is_no_time_does_no_harm(db, until):
    await db.things.insert_many(random_things(random.Random(1), NOW_MS, 14))
    found = await newest_first(db.things, {"tenant": "t1"}, 5, digits=14, until=until)
    assert all(document["order"] < until for document in found)


def stages(plan):
    """Every stage of a plan, with the index it uses."""
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan["stage"], plan.get("indexName", "")
        for value in plan.values():
            yield from stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value)


class Asked:
    """A collection that keeps what is asked of it, as commands to be explained."""

    def __init__(self, collection):
        self.collection, self.commands = collection, []

    def find(self, query, projection):
        self.commands.append({"find": "things", "filter": query, "sort": {"order": -1}, "limit": 51})
        return self.collection.find(query, projection)

    def aggregate(self, pipeline):
        self.commands.append({"aggregate": "things", "pipeline": pipeline, "cursor": {}})
        return self.collection.aggregate(pipeline)


@pytest.mark.parametrize(("equal", "index"), [({}, "tenant_order"), ({"agent": "a1"}, "tenant_agent_order"), ({"marks": "fatal"}, "tenant_marks_order")])
@pytest.mark.parametrize("beyond", [{}, {"about.team": "m1"}], ids=["", "beyond"])
async def test_a_page_reads_little_more_than_it_shows_from_one_index(db, equal, index, beyond):
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    pattern = {"tenant": "t1", "agent": "a1", "marks": ["fatal"], "about": {"team": "m1"}}
    await indexed(db)
    await db.things.insert_many([pattern | {"_id": n, "order": order(now_ms - n * 10_000, n, 14)} for n in range(3000)])  # one in ten seconds
    asked = Asked(db.things)
    found = await newest_first(asked, {"tenant": "t1"} | equal, 51, digits=14, beyond=beyond)
    assert [document["_id"] for document in found] == list(range(51))
    looked_at, chosen = 0, set()
    for command in asked.commands:
        plan = await db.command("explain", command, verbosity="executionStats")
        used = dict(stages(plan["queryPlanner"]))
        assert "COLLSCAN" not in used
        chosen.add(used.get("IXSCAN"))
        looked_at += plan["executionStats"]["totalKeysExamined"]
    assert chosen == ({index, "_id_"} if beyond else {index})
    assert 51 <= looked_at < 4 * 51


@pytest.mark.parametrize("since", ["", order(NOW_MS, "", 14), order(NOW_MS - DAY_MS, "", 14), order(NOW_MS + DAY_MS, "", 14)])
@pytest.mark.parametrize("until", [LAST, order(NOW_MS, "k1", 14), order(NOW_MS - DAY_MS // 24, "", 14), order(NOW_MS + 2 * DAY_MS, "", 14), order(5, "", 14)])
def test_windows_join_without_gap_or_overlap_from_the_end_to_the_beginning(since, until):
    found = list(windows(since, until, digits=14, now_ms=NOW_MS))
    assert all(newer[0] == older[1] for newer, older in pairwise(found))
    assert all(low < high for low, high in found)
    assert (found[0][1], found[-1][0]) == (until, since) if since < until else not found

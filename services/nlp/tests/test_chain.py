from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from nlp.domain.chain import GENESIS, ChainLink, Head, appended, is_whole

RECORDS = [(f"e{n}", f"{n:064x}") for n in range(1, 6)]


def whole(links, before=Head()):  # noqa: B008 - it is frozen
    for link in links:
        if not is_whole("t1", link, before):
            return link.place.sequence
        before = link.head
    return 0


def test_places_count_from_one_and_each_link_names_the_one_before():
    links = appended("t1", Head(), RECORDS)
    assert [link.place.sequence for link in links] == [1, 2, 3, 4, 5]
    assert [link.place.previous_sha256 for link in links] == [GENESIS, *(link.place.sha256 for link in links[:-1])]
    assert whole(links) == 0


@given(st.integers(1, 4))
def test_a_chain_written_in_two_batches_is_that_written_in_one(cut):
    first = appended("t1", Head(), RECORDS[:cut])
    assert first + appended("t1", first[-1].head, RECORDS[cut:]) == appended("t1", Head(), RECORDS)


@given(st.integers(0, 4), st.sampled_from(["evaluation_id", "record_sha256"]))
def test_a_link_whose_record_is_another_is_not_whole(index, field):
    links = appended("t1", Head(), RECORDS)
    links[index] = replace(links[index], **{field: "f" * 64})
    assert whole(links) == index + 1


@given(st.integers(0, 4), st.integers(0, 4))
def test_links_out_of_order_are_noticed_at_the_first_that_moved(one, other):
    links = appended("t1", Head(), RECORDS)
    links[one], links[other] = links[other], links[one]
    moved = links[min(one, other)].place.sequence
    assert whole(links) == (0 if one == other else moved)


def test_a_rewritten_link_breaks_the_one_behind_it():
    links = appended("t1", Head(), RECORDS)
    forged = appended("t1", links[0].head, [("e2", "f" * 64)])[0]
    assert whole([links[0], forged, *links[2:]]) == 3


def test_the_same_records_of_another_tenant_make_another_chain():
    assert appended("t1", Head(), RECORDS)[-1].place.sha256 != appended("t2", Head(), RECORDS)[-1].place.sha256
    link = appended("t2", Head(), RECORDS)[0]
    assert not is_whole("t1", link, Head())
    assert not is_whole("t2", replace(link, place=ChainLink(2, link.place.sha256, GENESIS)), Head())

from dataclasses import asdict, dataclass, field

import pytest
from nlp.adapters.mongo_documents import read, write
from nlp.adapters.mongo_records import as_judged, laid_over, shown, to_document
from nlp.adapters.protobuf_evaluations import contact_from_wire
from nlp_platform import interaction, scored


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Tree:
    leaves: tuple[Leaf, ...]
    best: Leaf | None
    notes: dict[str, str] = field(default_factory=dict)


TREE = Tree((Leaf("a"), Leaf("b", 2.0)), Leaf("c"), {"why": "x"})


@pytest.mark.parametrize("tree", [TREE, Tree((), None)])
def test_what_is_written_is_what_is_read(tree):
    assert read(Tree, write(tree)) == tree
    plain = asdict(tree)
    assert write(tree) == plain | {"leaves": list(plain["leaves"])}


def test_what_a_document_lacks_has_its_default_a_list_left_out_is_empty_and_any_other_lack_is_told():
    assert read(Tree, {"best": {"name": "c"}}) == Tree((), Leaf("c"))
    with pytest.raises(KeyError, match="best"):
        read(Tree, {"leaves": []})


async def test_an_evaluation_is_read_as_it_was_judged_and_as_it_is_shown(platform):
    from dataclasses import replace

    await scored(platform)
    judged, _ = await platform.evaluations.find("t1", "i1")
    document = to_document(contact_from_wire(interaction(), "t1"), judged)
    assert as_judged(document) == shown(document) == judged
    after = replace(judged, score=1.0, items=(replace(judged.items[0], result="na", reviewed=True), *judged.items[1:]))
    over = laid_over(judged, after)
    assert (set(over["fields"]), len(over["items"])) == ({"score"}, 1)
    assert shown(document | {"shown": over}) == after
    assert as_judged(document | {"shown": over}) == judged

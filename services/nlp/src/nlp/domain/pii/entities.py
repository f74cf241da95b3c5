"""Names and addresses that no word announces, found by the shipped tagger in the passages that may hold one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from importlib.resources import files

import rjieba

from nlp.domain.dialogue import Passage
from nlp.domain.pii.spans import PiiKind, PiiSpan
from nlp.domain.pii.surnames import ORDINARY_WORD, SURNAME
from nlp.domain.pii.tagger import Entity, EntityTagger, read_tagger
from nlp.domain.recent import recent

WEIGHTS = "weights.npz"
# Surnames that begin few other words, before a character that makes none of those: one passage in eighteen has one. With what the
# dictionary takes for names it is one in ten.
_MAY_NAME = re.compile(
    "(?<![工流过进日章课路旅全一二两三四五几这那每半纸0-9])[王李张刘陈杨赵黄周吴徐孙胡朱郭何罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范石姚谭廖邹熊陆郝孔崔康毛邱秦江史顾侯邵孟龙段雷钱汤尹黎乔贺赖龚欧聂梅殷庄柳俞]"
    "(?!先生|女士|小姐|[一二三四五六日天末期何务意序度谢多可诺款额包病巾油间苏])[\u4e00-\u9fff]|[\u4e00-\u9fff]·[\u4e00-\u9fff]"
)
_PERSON = re.compile(rf"{SURNAME}[\u4e00-\u9fff]{{1,2}}|[\u4e00-\u9fff·]{{3,12}}")
_SURNAMED = re.compile(SURNAME)
# A country, province or city alone is where half of all customers are; finer than that it says where one of them is.
_FINE = re.compile("[区县旗镇乡村路街巷弄栋幢楼室院苑园寓厦社屯庄湾里]|[0-9一二三四五六七八九十]号")
_NUMBER = re.compile("[0-9０-９]{7}")
_MAY_ADDRESS = re.compile("[省市区县旗镇乡村路街巷弄苑园厦寓].{0,40}[区县镇乡村路街巷弄号栋幢楼室苑园厦寓庄]|[路街巷弄]")
_BLOCK_CHARS = 20_000
_NAME_MARGIN, _FOREIGN_MARGIN, _ADDRESS_MARGIN = 10.0, 40.0, 0.0
_SHORTEST_ADDRESS = 4


def entity_spans(passages: Sequence[Passage], known: Collection[int] = (), tagger: EntityTagger | None = None) -> Iterator[PiiSpan]:
    """Names and addresses, in order; the address of the passages in `known` is found already."""
    chosen = [
        index for index, passage in enumerate(passages)
        if _may_name(passage.text) or (index not in known and _MAY_ADDRESS.search(passage.text))
    ]
    tagger = tagger or shipped_tagger()
    block: list[tuple[int, int, str]] = []
    size = 0
    for index in chosen:
        text = passages[index].text
        for start in range(0, len(text), _BLOCK_CHARS):
            part = text[start : start + _BLOCK_CHARS]
            if size + len(part) > _BLOCK_CHARS:
                yield from _in_block(block, tagger)
                block, size = [], 0
            block.append((index, start, part))
            size += len(part)
    yield from _in_block(block, tagger)


@recent
def _may_name(text: str) -> bool:
    return _MAY_NAME.search(text) is not None or any(tag.startswith("nr") and len(word) > 1 for word, tag in rjieba.tag(text))


def _in_block(block: Sequence[tuple[int, int, str]], tagger: EntityTagger) -> Iterator[PiiSpan]:
    for (index, offset, part), entities in zip(block, tagger.find_in([part for *_, part in block]), strict=True):
        for entity in entities:
            if _counts(entity, part[entity.start : entity.end]):
                kind = PiiKind.NAME if entity.kind == "name" else PiiKind.ADDRESS
                yield PiiSpan(index, entity.start + offset, entity.end + offset, kind)


def _counts(entity: Entity, text: str) -> bool:
    if entity.kind == "address":
        return entity.margin >= _ADDRESS_MARGIN and len(text) >= _SHORTEST_ADDRESS and _FINE.search(text) is not None and not _NUMBER.search(text)
    if not _PERSON.fullmatch(text) or ORDINARY_WORD.match(text):
        return False
    return entity.margin >= (_NAME_MARGIN if _SURNAMED.match(text) and len(text) <= 4 else _FOREIGN_MARGIN)


@cache
def shipped_tagger() -> EntityTagger:
    """The tagger with the weights that come with this package."""
    return read_tagger((files("nlp") / "entities" / WEIGHTS).read_bytes(), rjieba.tag)

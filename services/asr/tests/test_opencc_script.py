from concurrent.futures import ThreadPoolExecutor

from asr.adapters.opencc_script import OpenccScript


def test_traditional_characters_become_simplified() -> None:
    assert OpenccScript()("您的寬帶費用,請問有什麼可以幫您") == "您的宽带费用,请问有什么可以帮您"


def test_several_threads_may_use_it_at_once() -> None:
    simplify = OpenccScript()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(simplify, ["電話"] * 200)) == {"电话"}

from knowledge.domain.recommend import MAX_STATEMENTS, problem_statements


def test_small_talk_states_no_problem():
    assert problem_statements(["你好", "好的，谢谢", "没有了。", "嗯嗯", "我家的空调一直在漏水"]) == ("我家的空调一直在漏水",)


def test_a_long_turn_is_cut_into_sentences():
    long = "我上个月在你们店里买的空调用了不到两个星期就开始往下滴水。安装的师傅当时说没有问题。还有冰箱冷藏室也不制冷，里面的菜全都坏掉了，你们给我一个说法！"
    statements = problem_statements([long])
    assert len(statements) >= 2 and all(s in long for s in statements)


def test_repeated_statements_count_once_and_there_is_a_limit():
    assert problem_statements(["宽带断网了没人修"] * 3) == ("宽带断网了没人修",)
    assert len(problem_statements(f"宽带断网第{n}次报修" for n in range(1000))) == MAX_STATEMENTS
    assert all(len(s) <= 200 for s in problem_statements(["宽带断网" * 500]))

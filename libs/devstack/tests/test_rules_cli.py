import json

from devstack.cli import app
from typer.testing import CliRunner

CARD = "id: shop\nversion: '1'\ntitle: 小店\nextends: common\n"


def test_the_test_utterances_of_a_file_are_tried(tmp_path, capfd):
    file = tmp_path / "shop.yaml"
    file.write_text(CARD + "rule_tests:\n  apologised:\n    hit: ['坐席：非常抱歉']\n    miss: ['坐席：好的', '坐席：对不起']\n")
    assert CliRunner().invoke(app, ["rules", "test", str(file)]).exit_code == 1
    assert f"{file}:8:21: rule_tests.apologised.miss[1]: 应为 miss，实际 hit" in capfd.readouterr().out


def test_a_file_that_cannot_be_read_is_refused_with_line_and_column(tmp_path, capfd):
    file = tmp_path / "shop.yaml"
    file.write_text(CARD + "rulez: {}\n")
    assert CliRunner().invoke(app, ["rules", "test", str(file)]).exit_code == 2
    assert f"{file}:5:1: " in capfd.readouterr().err


def test_what_is_wrong_with_a_file_is_named(tmp_path, capfd):
    file = tmp_path / "shop.yaml"
    file.write_text(CARD + "rules:\n  thanked: {words: [谢谢], range: {first_turns: 0}}\n")
    assert CliRunner().invoke(app, ["rules", "lint", str(file)]).exit_code == 1
    said = capfd.readouterr().out
    assert f"{file}:6:34: 错误 [unsatisfiable] rules.thanked.range.first_turns: 永远不会成立" in said
    assert "例：坐席：谢谢" in said


def test_the_schema_is_printed(capfd):
    assert CliRunner().invoke(app, ["rules", "schema"]).exit_code == 0
    assert json.loads(capfd.readouterr().out)["$schema"].endswith("2020-12/schema")

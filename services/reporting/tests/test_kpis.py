import pytest
from chassis.errors import InvalidInput, NotFound
from reporting.adapters.yaml_catalogue import BadCatalogue, load_catalogue, load_compliance
from reporting.domain.kpis import ItemRate, checked_target, value, worst_first

CATALOGUE = load_catalogue()


def measured(kpi, **figures):
    return value(CATALOGUE.named(kpi), {k.replace("__", "."): n for k, n in figures.items()})


def test_the_targets_asked_for_are_the_defaults():
    assert {k.kpi: (k.sense, k.target) for k in CATALOGUE.kpis if k.target is not None} == {
        "script_rate": ("at_least", 0.98), "process_rate": ("at_least", 0.95), "fcr_rate": ("at_least", 0.85), "repeat_rate": ("at_most", 0.1),
        "ticket_overdue_rate": ("at_most", 0.05), "csat": ("at_least", 4.5), "complaint_rate": ("at_most", 0.005), "nps": ("at_least", 30),
    }


def test_every_kpi_is_explained_in_chinese():
    for kpi in CATALOGUE.kpis:
        assert any("一" <= c <= "鿿" for c in kpi.title) and len(kpi.definition) >= 6, kpi.kpi


def test_a_ratio_has_its_parts_and_meets_its_target_or_not():
    found = measured("fcr_rate", f__issues_resolved=17, f__issues=20)
    assert (found.value, found.numerator, found.denominator, found.met) == (0.85, 17, 20, True)
    assert measured("fcr_rate", f__issues_resolved=16, f__issues=20).met is False
    assert measured("repeat_rate", f__repeats=2, f__identified=20).met is True
    assert measured("repeat_rate", f__repeats=3, f__identified=20).met is False


def test_nothing_measured_is_no_value_and_nothing_missed():
    found = measured("csat")
    assert (found.value, found.met, found.denominator) == (None, None, 0)
    assert measured("contacts").value == 0
    assert measured("aht_p90").value is None


def test_nps_is_promoters_less_detractors():
    assert measured("nps", f__nps_promoters=6, f__nps_detractors=2, f__nps_answers=10).value == 40
    assert measured("nps", f__nps_detractors=2, f__nps_answers=2).value == -100


def test_times_and_scores_come_in_their_units():
    assert measured("aht", f__call_ms=180_000, f__calls_timed=2).value == 1.5
    assert measured("score", f__score_centi=17_550, f__contacts=2).value == 87.75
    assert measured("aht_p50", h__103=1).value == pytest.approx(1, rel=0.05)


def test_a_tenants_target_replaces_the_default():
    own = CATALOGUE.with_targets({"fcr_rate": 0.7})
    assert own.named("fcr_rate").target == 0.7
    assert own.named("csat").target == 4.5


@pytest.mark.parametrize(("kpi", "target", "field"), [
    ("fcr_rate", 1.01, "target"), ("fcr_rate", -0.1, "target"), ("fcr_rate", float("nan"), "target"), ("nps", 101, "target"), ("contacts", 5, "kpi"),
])
def test_a_target_that_is_no_figure_is_refused(kpi, target, field):
    with pytest.raises(InvalidInput) as caught:
        checked_target(CATALOGUE.named(kpi), target)
    assert caught.value.field == field


def test_an_unknown_kpi_is_not_found():
    with pytest.raises(NotFound):
        CATALOGUE.named("luck")


def test_a_breach_needs_enough_measured_and_is_told_once():
    few, many = {"f.issues": 29}, {"f.issues": 30}
    assert CATALOGUE.breaches(few, []) == []
    [breach] = CATALOGUE.breaches(many, [])
    assert breach.kpi.kpi == "fcr_rate"
    assert CATALOGUE.breaches(many, ["fcr_rate"]) == []


def test_the_worst_item_comes_first_and_the_unjudged_last():
    rates = [ItemRate("a", "", "", 9, 1, 0), ItemRate("b", "", "", 0, 0, 5), ItemRate("c", "", "", 1, 9, 0), ItemRate("d", "", "", 0, 1, 0)]
    assert [r.item_id for r in worst_first(rates)] == ["d", "c", "a", "b"]


def test_script_and_process_share_no_item():
    compliance = load_compliance()
    assert compliance.side("apology", "客户体验") == compliance.side("greeting", "流程规范") == "script"
    assert compliance.side("first_responder", "流程规范") == "process"


@pytest.mark.parametrize("line", [
    "- {kpi: x, title: 甲, definition: 乙, unit: litres, numerator: [f.x]}",
    "- {kpi: x, title: 甲, definition: 乙, unit: ratio, numerator: [f.x], sens: at_least}",
    "- {kpi: x, title: 甲, unit: ratio, numerator: [f.x]}",
    "- {kpi: x, title: 甲, definition: 乙, unit: ratio}",
    "- {kpi: x, title: 甲, definition: 乙, unit: ratio, numerator: [f.x], sense: more}",
    "kpis: 3",
])
def test_a_catalogue_that_cannot_be_counted_by_is_refused(tmp_path, line):
    (tmp_path / "kpis.yaml").write_text(line, "utf-8")
    with pytest.raises(BadCatalogue):
        load_catalogue(str(tmp_path / "kpis.yaml"))

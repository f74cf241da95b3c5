import inspect
from datetime import UTC, date, datetime

import httpx
import pytest
from client import AsyncMingjian, InteractionFailed, Mingjian, MingjianProblem
from fastapi import Response
from testkit.processes import free_port


@pytest.fixture
def mingjian(platform):
    with Mingjian(platform.url + "/", platform.key) as made:
        yield made


def test_a_recording_goes_up_as_metadata_and_audio_while_progress_is_told(platform, mingjian, tmp_path):
    file = tmp_path / "通话 1.wav"
    file.write_bytes(bytes(range(256)) * 4000)
    told = []
    sent = mingjian.upload(file, {"industry": "telecom", "product": "宽带"}, progress=lambda done, total: told.append((done, total)))
    assert sent == {"interaction_id": "i1", "status": "received"}
    assert platform.uploaded["metadata"] == {"industry": "telecom", "product": "宽带"}
    assert platform.uploaded["audio"] == file.read_bytes()
    assert platform.uploaded["name"] == "通话 1.wav"
    assert int(platform.uploaded["length"]) > 1_024_000
    assert told[0] == (0, 1_024_000) and told[-1] == (1_024_000, 1_024_000)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_bytes_and_open_files_go_up_as_well(platform, mingjian, tmp_path):
    mingjian.upload(b"sound", {})
    assert platform.uploaded["audio"] == b"sound"
    (tmp_path / "a.mp3").write_bytes(b"more sound")
    with (tmp_path / "a.mp3").open("rb") as file:
        mingjian.upload(file, {})
        assert not file.closed
    assert (platform.uploaded["audio"], platform.uploaded["name"]) == (b"more sound", "a.mp3")


def test_a_chat_goes_up_as_json(platform, mingjian):
    mingjian.send_chat([{"role": "customer", "text": "宽带断了"}], {"industry": "telecom"})
    assert platform.uploaded["chat"] == {"metadata": {"industry": "telecom"}, "turns": [{"role": "customer", "text": "宽带断了"}]}


def test_a_refusal_says_status_field_and_reason(mingjian):
    with pytest.raises(MingjianProblem) as caught:
        mingjian.send_chat([{"role": "customer", "text": "?"}], {"industry": "farming"})  # type: ignore[typeddict-item]
    found = caught.value
    assert (found.status, found.title, found.field, found.grpc_status) == (400, "The request is not right", "metadata.industry", "INVALID_ARGUMENT")
    assert "telecom" in found.detail and "metadata.industry" in str(found)


def test_a_wrong_key_is_a_problem(platform):
    with Mingjian(platform.url, "other") as stranger, pytest.raises(MingjianProblem) as caught:
        stranger.caller()
    assert caught.value.status == 401


def test_a_refusal_before_the_body_was_read_is_a_problem_too(platform):
    with Mingjian(platform.url, "other", retries=0) as stranger:
        for _ in range(3):
            with pytest.raises(MingjianProblem) as caught:
                stranger.upload(bytes(30_000_000), {"external_id": "e1"})
            assert caught.value.status == 401


def test_an_answer_that_is_no_problem_document_is_one_all_the_same(platform, mingjian):
    platform.fail["/v1/tickets"] = [Response("<h1>Bad Gateway</h1>", 502)]
    with pytest.raises(MingjianProblem) as caught:
        mingjian.list_tickets()
    assert (caught.value.status, caught.value.detail) == (502, "<h1>Bad Gateway</h1>")


def away(platform, seconds=0):
    return platform.problem(503, "UNAVAILABLE", "away", headers={"Retry-After": str(seconds)})


def test_reading_is_tried_again_while_the_platform_is_away(platform, mingjian):
    platform.fail["/v1/kpis"] = [away(platform), away(platform), platform.problem(429, "RESOURCE_EXHAUSTED", "too fast")]
    assert mingjian.kpis()
    assert platform.asked["GET", "/v1/kpis"] == 4


def test_patience_has_an_end(platform):
    platform.fail["/v1/kpis"] = [away(platform) for _ in range(5)]
    with Mingjian(platform.url, platform.key, retries=1) as mingjian, pytest.raises(MingjianProblem) as caught:
        mingjian.kpis()
    assert caught.value.status == 503
    assert platform.asked["GET", "/v1/kpis"] == 2


def test_what_may_have_arrived_is_sent_again_only_where_that_does_no_harm(platform, mingjian):
    platform.fail["/v1/interactions"] = [away(platform)]
    with pytest.raises(MingjianProblem):
        mingjian.upload(b"sound", {})
    assert platform.asked["POST", "/v1/interactions"] == 1
    platform.fail["/v1/interactions"] = [away(platform), away(platform)]
    assert mingjian.upload(b"sound", {"external_id": "e1"})["interaction_id"] == "i1"
    assert platform.asked["POST", "/v1/interactions"] == 4
    assert platform.uploaded["audio"] == b"sound"


def test_a_platform_that_is_not_there_is_a_transport_error():
    with Mingjian(f"http://127.0.0.1:{free_port()}", "key", retries=1) as mingjian, pytest.raises(httpx.TransportError):
        mingjian.caller()


def test_waiting_tells_each_status_once(platform, mingjian):
    platform.statuses = ["received", "received", "scoring", "scored"]
    told = []
    assert mingjian.wait_until_scored("i1", timeout_s=20, on_status=told.append)["status"] == "scored"
    assert told == ["received", "scoring", "scored"]


def test_waiting_ends_with_the_reason_of_a_failure(platform, mingjian):
    platform.statuses = ["failed"]
    with pytest.raises(InteractionFailed, match="录音无法识别"):
        mingjian.wait_until_scored("i1")


def test_waiting_has_an_end(platform, mingjian):
    platform.statuses = ["scoring"]
    with pytest.raises(TimeoutError):
        mingjian.wait_until_scored("i1", timeout_s=0.5)


def test_what_is_missing_is_a_problem_with_its_field(mingjian):
    with pytest.raises(MingjianProblem) as caught:
        mingjian.interaction("missing")
    assert (caught.value.status, caught.value.field) == (404, "interaction_id")


def test_all_pages_are_gone_through_and_one_can_be_asked_for(platform, mingjian):
    assert [i["interaction_id"] for i in mingjian.interactions(agent_id="a", page_size=3)] == [f"ai{n}" for n in range(7)]
    assert platform.asked["GET", "/v1/interactions"] == 3
    page = mingjian.list_interactions(page_size=5)
    assert (len(page.items), page.next_page_token) == (5, "5")


def test_filters_go_along_as_the_api_names_them(platform, mingjian):
    mingjian.list_interactions(status="failed", since=datetime(2026, 11, 1, tzinfo=UTC), until="2026-11-21T00:00:00Z")
    asked = platform.seen[-1][2]
    assert asked == {"status": "failed", "from": "2026-11-01T00:00:00+00:00", "to": "2026-11-21T00:00:00Z", "page_size": "50"}
    with pytest.raises(ValueError, match="time zone"):
        mingjian.list_interactions(since=datetime(2026, 11, 1))
    assert mingjian.kpis(since=date(2026, 11, 1), group_by="agent")[0]["asked"] == {"from": "2026-11-01", "group_by": "agent"}  # type: ignore[typeddict-item]


def test_results_are_read(mingjian, tmp_path):
    assert mingjian.transcript("i1")["interaction_id"] == "i1"
    assert mingjian.evaluation("i1")["score"] == 87.5
    assert mingjian.suggestions("i1")[0]["article"]["article_id"] == "a1"
    assert mingjian.search_articles("流量不够", industry="telecom")[0]["article"] == {"title": "流量不够", "industry": "telecom"}
    assert [t["interaction_id"] for t in mingjian.tickets(interaction_id="i1", overdue=True)] == ["i1"]
    assert mingjian.save_audio("i1", tmp_path / "a.wav") == (tmp_path / "a.wav").stat().st_size == 256 * 4096
    assert mingjian.save_audio("i1", tmp_path / "b.wav", redacted=True) == 256 * 2048


def test_a_ticket_is_changed_by_its_action(mingjian):
    assert mingjian.change_ticket("t1", "assign", assignee="王工", version=3) == {"ticket_id": "t1:assign", "said": {"assignee": "王工", "version": 3}}


def test_a_key_is_made(mingjian):
    made = mingjian.create_api_key("坐席", "agent", agent_id="a1")
    assert (made["secret"], made["key"]["role"], made["key"]["agent_id"]) == ("s", "agent", "a1")


def test_an_empty_id_never_becomes_a_list(mingjian):
    with pytest.raises(ValueError, match="empty"):
        mingjian.interaction("")


def test_both_clients_have_the_same_methods_with_the_same_parameters():
    def methods(kind):
        return {
            name: [(p.name, p.kind, p.default) for p in inspect.signature(method).parameters.values()]
            for name, method in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")
        }

    assert methods(Mingjian) == methods(AsyncMingjian)

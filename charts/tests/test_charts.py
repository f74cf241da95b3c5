"""Render every chart with the real Helm engine and check what must hold for all of them."""

from functools import cache
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import pytest
import yaml
from chassis.lifecycle import Life
from chassis.messaging import Events, consuming
from devstack.charts import SERVICES, Object, environment_of, only, pod_of, render
from google.protobuf.message import Message
from mingjian.asr.v1.events_pb2 import TranscriptCompleted
from mingjian.ingestion.v1.events_pb2 import InteractionReceived

CHARTS = Path(__file__).resolve().parents[1]
WORKLOADS = (*SERVICES, "triton")
EVERY = (*WORKLOADS, "mingjian")
EDGE = ("gateway", "console")
# Kinds that other people define; their schemas are not Kubernetes' own.
FOREIGN = {"ScaledObject", "ServiceMonitor"}
OLDEST, NEWEST = "1.30", "1.34"
# Every optional object on, so that none of them goes unseen.
EVERYTHING = {
    "autoscaling": {"enabled": True, "triggers": [{"type": "cpu", "metadata": {"value": "70"}}]},
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "persistence": {"enabled": True},
    "nodeSelector": {"disk": "ssd"},
    "priorityClassName": "high",
}
INGRESS = {"enabled": True, "host": "mingjian.example", "className": "nginx", "tlsSecret": "tls"}


@cache
def defaults(chart: str) -> tuple[Object, ...]:
    return tuple(render(CHARTS / chart))


def full(chart: str) -> list[Object]:
    return render(CHARTS / chart, EVERYTHING | ({"ingress": INGRESS} if chart in EDGE else {}))


@pytest.mark.parametrize("chart", EVERY)
def test_the_chart_passes_helm_lint(chart: str) -> None:
    report = helm.lint(CHARTS / chart, {}, strict=True)
    assert [m for m in report["messages"] if m["severity"] > 1] == []


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("chart", WORKLOADS)
def test_every_object_fits_the_kubernetes_schema(chart: str, version: str) -> None:
    for objects in (defaults(chart), full(chart)):
        for thing in objects:
            if thing["kind"] not in FOREIGN:
                kubernetes_validate.validate(thing, version, strict=True)


def test_the_schema_check_refuses_a_misspelt_field() -> None:
    broken = render(CHARTS / "routing")
    only(broken, "Deployment")["spec"]["templates"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(only(broken, "Deployment"), NEWEST, strict=True)


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_triton_fits_the_kubernetes_schema_in_both_profiles(profile: str) -> None:
    for thing in render(CHARTS / "triton", {"profile": profile}):
        if thing["kind"] not in FOREIGN:
            kubernetes_validate.validate(thing, NEWEST, strict=True)


@pytest.mark.parametrize("chart", WORKLOADS)
def test_no_container_may_become_root_or_write_its_image(chart: str) -> None:
    pod = pod_of(only(defaults(chart), "Deployment"))
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("chart", WORKLOADS)
def test_tmp_is_writable_and_bounded(chart: str) -> None:
    pod = pod_of(only(defaults(chart), "Deployment"))
    assert any(m["mountPath"] == "/tmp" for m in pod["containers"][0]["volumeMounts"])
    assert all(v["emptyDir"]["sizeLimit"] for v in pod["volumes"] if "emptyDir" in v)


@pytest.mark.parametrize("chart", WORKLOADS)
def test_every_container_says_what_it_needs_and_where_it_ends(chart: str) -> None:
    pod = pod_of(only(defaults(chart), "Deployment"))
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("chart", WORKLOADS)
def test_start_readiness_and_life_are_probed_on_a_port_the_container_has(chart: str) -> None:
    container = pod_of(only(defaults(chart), "Deployment"))["containers"][0]
    ports = {p["containerPort"] for p in container["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert (container[probe].get("grpc") or container[probe]["httpGet"])["port"] in ports


@pytest.mark.parametrize("chart", WORKLOADS)
def test_the_service_leads_to_every_port(chart: str) -> None:
    ports = pod_of(only(defaults(chart), "Deployment"))["containers"][0]["ports"]
    service = only(defaults(chart), "Service")["spec"]
    assert {p["targetPort"] for p in service["ports"]} == {p["name"] for p in ports}


@pytest.mark.parametrize("chart", WORKLOADS)
def test_every_object_carries_the_labels_and_selectors_match_the_pods(chart: str) -> None:
    objects = full(chart)
    for thing in objects:
        labels = thing["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == chart
        assert labels["app.kubernetes.io/part-of"] == "mingjian"
        assert labels.keys() >= {f"app.kubernetes.io/{k}" for k in ("instance", "version", "component", "managed-by")}
    pod_labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        only(objects, "Deployment")["spec"]["selector"]["matchLabels"],
        only(objects, "Service")["spec"]["selector"],
        only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        only(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"],
    ]
    assert all(selector.items() <= pod_labels for selector in selectors)


@pytest.mark.parametrize("chart", WORKLOADS)
def test_a_drain_takes_one_pod_at_a_time_and_is_never_blocked(chart: str) -> None:
    assert only(defaults(chart), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("chart", WORKLOADS)
def test_a_pod_has_time_to_finish_after_the_pause_before_stopping(chart: str) -> None:
    pod = pod_of(only(defaults(chart), "Deployment"))
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    plain, _ = environment_of(defaults(chart))
    assert pause + int(plain.get("STOP_GRACE_S", 10)) < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("chart", WORKLOADS)
def test_a_scaled_deployment_leaves_its_replicas_to_the_scaler(chart: str) -> None:
    scaled = render(CHARTS / chart, {"autoscaling": {"enabled": True}})
    assert "replicas" not in only(scaled, "Deployment")["spec"]
    assert only(scaled, "ScaledObject")["spec"]["scaleTargetRef"]["name"] == chart
    fixed = render(CHARTS / chart, {"autoscaling": {"enabled": False}, "replicas": 3})
    assert only(fixed, "Deployment")["spec"]["replicas"] == 3
    assert not [o for o in fixed if o["kind"] == "ScaledObject"]


@pytest.mark.parametrize("chart", WORKLOADS)
def test_a_changed_environment_makes_new_pods(chart: str) -> None:
    def checksum(values: Object) -> str:
        return str(only(render(CHARTS / chart, values), "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/environment"])

    assert checksum({}) != checksum({"env": {"A_SETTING": "other"}})
    assert checksum({}) == checksum({"replicas": 5})


@pytest.mark.parametrize("chart", WORKLOADS)
def test_a_misspelt_value_is_refused_by_name(chart: str) -> None:
    with pytest.raises(helm.HelmError, match="replica_count"):
        render(CHARTS / chart, {"replica_count": 2})


@pytest.mark.parametrize("chart", WORKLOADS)
def test_a_chart_is_three_files_and_two_links(chart: str) -> None:
    assert sorted(str(p.relative_to(CHARTS / chart)) for p in (CHARTS / chart).rglob("*") if p.is_file() or p.is_symlink()) == [
        "Chart.yaml", "charts/base", "templates/all.yaml", "values.schema.json", "values.yaml",
    ]


def test_false_zero_and_empty_win_over_a_default_and_a_port_of_zero_is_none() -> None:
    objects = render(CHARTS / "gateway", {"service": {"headless": False}, "replicas": 0, "topologySpread": [], "env": {"LOG_LEVEL": ""}})
    assert only(objects, "Deployment")["spec"]["replicas"] == 0
    assert "topologySpreadConstraints" not in pod_of(only(objects, "Deployment"))
    assert environment_of(objects)[0]["LOG_LEVEL"] == ""
    assert "clusterIP" not in only(objects, "Service")["spec"]
    assert only(render(CHARTS / "gateway", {"service": {"headless": True}}), "Service")["spec"]["clusterIP"] == "None"
    assert {p["name"] for p in only(defaults("console"), "Service")["spec"]["ports"]} == {"http", "metrics"}


def test_calls_are_allowed_on_both_sides_or_on_neither() -> None:
    values = {c: yaml.safe_load((CHARTS / c / "values.yaml").read_text()) for c in SERVICES}
    outgoing = {(caller, peer) for caller in SERVICES for peer in values[caller].get("peers", [])}
    incoming = {(caller, called) for called in SERVICES for caller in values[called].get("calledBy", [])}
    assert outgoing == incoming


@pytest.mark.parametrize("chart", SERVICES)
def test_a_service_is_reached_by_its_callers_only(chart: str) -> None:
    policy = only(defaults(chart), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    grpc = [rule for rule in policy["ingress"] if rule["ports"][0]["port"] == "grpc"]
    assert all(rule["from"] for rule in grpc)
    assert all(rule.get("ports") for rule in policy["egress"]), "a rule without ports would open everything"


@pytest.mark.parametrize("chart", EDGE)
def test_the_edge_takes_an_ingress(chart: str) -> None:
    assert not [o for o in defaults(chart) if o["kind"] == "Ingress"]
    ingress = only(render(CHARTS / chart, {"ingress": {"enabled": True, "host": "mingjian.example"}}), "Ingress")
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"] == {"service": {"name": chart, "port": {"name": "http"}}}
    with pytest.raises(helm.HelmError, match=r"ingress\.host is missing"):
        render(CHARTS / chart, {"ingress": {"enabled": True}})


def test_audio_lives_on_a_claim_until_an_object_store_is_named() -> None:
    objects = defaults("ingestion")
    assert environment_of(objects)[0]["BLOB_URL"].startswith("file:///data/")
    assert only(objects, "PersistentVolumeClaim")["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert only(objects, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    away = render(CHARTS / "ingestion", {"env": {"BLOB_URL": "s3://audio"}, "persistence": {"enabled": False}})
    assert not [o for o in away if o["kind"] == "PersistentVolumeClaim"]


@pytest.mark.parametrize(("chart", "event"), [("asr", InteractionReceived), ("nlp", TranscriptCompleted)])
async def test_workers_scale_on_what_waits_for_the_consumer_they_really_make(chart: str, event: type[Message], events: Events) -> None:
    (trigger,) = only(defaults(chart), "ScaledObject")["spec"]["triggers"]
    assert trigger["type"] == "nats-jetstream"
    assert trigger["metadata"]["natsServerMonitoringEndpoint"] == "nats-headless.mingjian.svc:8222"

    async def handle(_: object) -> None:
        return

    async with consuming(events, Life(), chart, event, handle):
        info = await events.js.consumer_info(trigger["metadata"]["stream"], trigger["metadata"]["consumer"])
    assert str(info.config.filter_subject).startswith(event.DESCRIPTOR.full_name)


def test_triton_scales_on_time_queued_per_time_computed() -> None:
    (trigger,) = only(defaults("triton"), "ScaledObject")["spec"]["triggers"]
    assert trigger["type"] == "prometheus"
    queued, computed = trigger["metadata"]["query"].split("/", 1)
    assert "nv_inference_queue_duration_us" in queued
    assert "nv_inference_compute_infer_duration_us" in computed
    assert trigger["metricType"] == "Value"


def test_triton_asks_for_a_gpu_only_in_its_gpu_profile() -> None:
    cpu, gpu = (pod_of(only(render(CHARTS / "triton", {"profile": p}), "Deployment")) for p in ("cpu", "gpu"))
    assert gpu["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert gpu["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert gpu["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert "nvidia.com/gpu" not in cpu["containers"][0]["resources"]["limits"]
    assert "nodeSelector" not in cpu
    with pytest.raises(helm.HelmError, match="one of cpu, gpu"):
        render(CHARTS / "triton", {"profile": "tpu"})


def test_tritons_weights_come_by_an_init_container_into_a_volume_the_server_only_reads() -> None:
    pod = pod_of(only(defaults("triton"), "Deployment"))
    (fetch,) = pod["initContainers"]
    assert {"name": "TARGET", "value": environment_of(defaults("triton"))[0]["WHISPER_DIR"]} in fetch["env"]
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "weights"]
    assert mount["readOnly"]

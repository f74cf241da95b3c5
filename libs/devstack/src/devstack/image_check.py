"""Start each image as its chart would, against real servers on this machine: read-only, as user 10001, in the chart's environment."""

import json
import secrets
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import yaml
from grpc_health.v1 import health_pb2

from devstack.charts import SERVICES, Object, environment_of, only, pod_of, render
from devstack.images import ROOT, ImageError, console, engine, pip_secrets, reference, run
from devstack.platform import Platform
from devstack.processes import free_port

# What must not be in an image that runs: it would help an intruder and nobody else.
_TOOLS = ("pip", "pip3", "gcc", "cc", "g++", "make", "git", "curl")
# Sent through the images when all of them run.
CALL = ROOT / "e2e/calls/c01_broadband_complaint.wav"
_CALL_S = 300.0
_INSPECT = """
import importlib.metadata, json, os, shutil, sys
names = sorted({d.metadata["Name"].lower() for d in importlib.metadata.distributions()})
print(json.dumps({"uid": os.getuid(), "tools": [t for t in sys.argv[1:] if shutil.which(t)], "packages": names}))
"""


@dataclass(slots=True)
class Result:
    """What was seen of one image. `fault` is empty where all of it was right."""

    ready_s: float = 0.0
    memory_mb: float = 0.0
    limit: str = ""
    stop_s: float = 0.0
    exit_code: int | None = None
    fault: str = ""

    def row(self) -> list[str]:
        return [
            f"{self.ready_s:.1f} s" if self.ready_s else "", f"{self.memory_mb:.0f} MB of {self.limit}" if self.memory_mb else "",
            f"{self.stop_s:.1f} s" if self.stop_s else "", "" if self.exit_code is None else str(self.exit_code),
            "failed" if self.fault else "good",
        ]


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything listens, and the values of the Secret that the charts refer to."""

    nats_url: str
    ports: Mapping[str, Mapping[str, int]]
    secret: Mapping[str, str]
    folder: Path

    def volumes(self) -> dict[str, Path]:
        """Folders that stand for volumes, writable for anybody, as a cluster's fsGroup would make them for the pod."""
        made = {name: self.folder / name for name in ("weights", "data")}
        for path in made.values():
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        return made

    def values(self, chart: str) -> Object:
        """The chart's values for this machine: other ports and addresses, all else as shipped."""
        ports = self.ports[chart]
        plain, _ = environment_of(render(ROOT / "charts" / chart))
        env = {
            name: f"127.0.0.1:{self.ports[peer]['grpc']}"
            for name in plain if (peer := name.removesuffix("_ADDRESS").lower()) in self.ports and name.endswith("_ADDRESS") and peer != chart
        }
        if "GATEWAY_URL" in plain:
            env["GATEWAY_URL"] = f"http://127.0.0.1:{self.ports['gateway']['http']}"
        return {"ports": dict(ports), "env": env, "replicas": 1, "global": {"env": {"NATS_URL": self.nats_url}}}


def environment(objects: Sequence[Object], secret: Mapping[str, str]) -> dict[str, str]:
    """The container's environment with the Secret's values in their places. Raises ImageError naming a key that is missing."""
    plain, references = environment_of(objects)
    for name, ref in references.items():
        if ref["key"] in secret:
            plain[name] = secret[ref["key"]]
        elif not ref.get("optional"):
            raise ImageError(f"{name}: the Secret has no key {ref['key']}")
    return plain


def run_flags(pod: Object, mounts: Mapping[str, Path]) -> list[str]:
    """The engine's flags that give one container what the pod gives it. `mounts` holds folders that stand for volumes."""
    (container,) = pod["containers"]
    security = container["securityContext"]
    user = pod["securityContext"]
    flags = [
        "--network=host", f"--user={user['runAsUser']}:{user['runAsGroup']}", f"--stop-timeout={pod['terminationGracePeriodSeconds']}",
        f"--memory={_docker_size(container['resources']['limits']['memory'])}",
        *(f"--cap-drop={c}" for c in security["capabilities"]["drop"]),
    ]
    if security["readOnlyRootFilesystem"]:
        flags.append("--read-only")
    if not security["allowPrivilegeEscalation"]:
        flags.append("--security-opt=no-new-privileges")
    volumes = {v["name"]: v for v in pod["volumes"]}
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        if mount["name"] in mounts:
            flags.append(f"--volume={mounts[mount['name']]}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}")
        elif mount["mountPath"] == "/dev/shm":
            flags.append(f"--shm-size={_docker_size(volume['emptyDir']['sizeLimit'])}")
        else:
            # Both engines mount a tmpfs noexec by themselves; an emptyDir is not.
            flags.append(f"--tmpfs={mount['mountPath']}:rw,exec,mode=1777,size={_docker_size(volume['emptyDir']['sizeLimit'])}")
    return flags


def _docker_size(quantity: str) -> str:
    """512Mi -> 512m, 2Gi -> 2g, as both engines read it."""
    return quantity.removesuffix("i").lower()


def probe_answers(probe: Object) -> bool:
    """Ask as the kubelet would."""
    if "grpc" in probe:
        with grpc.insecure_channel(f"127.0.0.1:{probe['grpc']['port']}") as channel:
            check_health = channel.unary_unary(
                "/grpc.health.v1.Health/Check", request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                answer = check_health(health_pb2.HealthCheckRequest(service=probe["grpc"].get("service", "")), timeout=2)
            except grpc.RpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{probe['httpGet']['port']}{probe['httpGet']['path']}", timeout=2) as response:
            return bool(200 <= response.status < 400)
    except (urllib.error.URLError, OSError):
        return False


@dataclass(slots=True)
class Running:
    """A started container and what its chart says of it."""

    name: str
    id: str
    pod: Object
    began: float
    result: Result = field(default_factory=Result)

    @property
    def container(self) -> Object:
        first: Object = self.pod["containers"][0]
        return first

    def state(self) -> tuple[bool, int]:
        found = json.loads(run([engine(), "inspect", "--format", "{{json .State}}", self.id]).stdout)
        return bool(found["Running"]), int(found["ExitCode"])

    def said(self) -> str:
        done = run([engine(), "logs", "--tail", "15", self.id], check=False)
        return (done.stdout + done.stderr).strip()

    def wait_ready(self) -> None:
        """Until all three probes answer, no longer than the chart's startup probe allows."""
        startup = self.container["startupProbe"]
        deadline = self.began + startup["periodSeconds"] * startup["failureThreshold"]
        waiting = [self.container[p] for p in ("startupProbe", "readinessProbe", "livenessProbe")]
        while waiting:
            waiting = [p for p in waiting if not probe_answers(p)]
            if waiting and not self.state()[0]:
                raise ImageError(f"ended with {self.state()[1]} while starting:\n{self.said()}")
            if waiting and time.monotonic() > deadline:
                raise ImageError(f"not ready within the {deadline - self.began:.0f} s of its startup probe:\n{self.said()}")
            time.sleep(0.1)
        self.result.ready_s = time.monotonic() - self.began

    def weigh(self) -> None:
        stats = run([engine(), "stats", "--no-stream", "--format", "{{.MemUsage}}", self.id], check=False).stdout
        self.result.memory_mb = _megabytes(stats.partition("/")[0].strip())
        self.result.limit = self.container["resources"]["limits"]["memory"]

    def stop(self) -> None:
        """SIGTERM, as the kubelet sends it, and the time from there to the end."""
        began = time.monotonic()
        grace = self.pod["terminationGracePeriodSeconds"] - self.container["lifecycle"]["preStop"]["sleep"]["seconds"]
        run([engine(), "kill", "--signal=TERM", self.id])
        try:
            code = int(run([engine(), "wait", self.id], timeout_s=grace).stdout.split()[-1])
        except subprocess.TimeoutExpired:
            raise ImageError(f"still running {grace} s after SIGTERM:\n{self.said()}") from None
        self.result.stop_s, self.result.exit_code = time.monotonic() - began, code
        if code:
            raise ImageError(f"ended with {code} after SIGTERM:\n{self.said()}")

    def remove(self) -> None:
        run([engine(), "rm", "--force", self.id], check=False)


def _megabytes(text: str) -> float:
    for unit, factor in (("KiB", 1 / 1024), ("MiB", 1.0), ("GiB", 1024.0), ("kB", 1e-3), ("MB", 1.0), ("GB", 1e3), ("B", 1e-6)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return 0.0


def inspect(name: str, tag: str) -> None:
    """Raises ImageError where the image runs as root or holds what it must not: tools, another service, an installer."""
    command = [engine(), "run", "--rm", "--read-only", "--network=none", "--entrypoint", "python3", reference(name, tag), "-c", _INSPECT, *_TOOLS]
    found = json.loads(run(command).stdout)
    if found["uid"] != 10001:
        raise ImageError(f"runs as user {found['uid']}, not 10001")
    if name == "triton-weights":
        return  # its work is to install pinned packages
    if found["tools"]:
        raise ImageError(f"holds {', '.join(found['tools'])}")
    foreign = ({"pip", "uv", "uv-build", "pytest", "mypy", "testkit", "devstack"} | set(SERVICES) - {name}) & set(found["packages"])
    if foreign:
        raise ImageError(f"holds packages it does not need: {', '.join(sorted(foreign))}")


def start(name: str, tag: str, site: Site) -> Running:
    """Start one image as its chart says. Raises ImageError where its Secret or the engine will not have it."""
    objects = render(ROOT / "charts" / name, site.values(name))
    pod = pod_of(only(objects, "Deployment"))
    command = [engine(), "run", "--detach", *run_flags(pod, site.volumes())]
    for key, value in environment(objects, site.secret).items():
        command += ["--env", f"{key}={value}"]
    began = time.monotonic()
    container = run([*command, reference(name, tag)]).stdout.strip()
    return Running(name, container, pod, began)


def fetch_weights(tag: str, site: Site) -> None:
    """Run triton's init container as the chart says, with this machine's way to a package index."""
    pod = pod_of(only(render(ROOT / "charts/triton"), "Deployment"))
    (first,) = pod["initContainers"]
    with pip_secrets() as files:
        command = [engine(), "run", "--rm", "--read-only", "--network=host", "--user=10001:10001", "--cap-drop=ALL", "--tmpfs=/tmp:rw,mode=1777,size=2g"]
        command += [f"--volume={site.volumes()['weights']}:/weights", f"--volume={files['pip.conf']}:/etc/pip.conf:ro"]
        if "ca.crt" in files:
            command.append(f"--volume={files['ca.crt']}:/run/secrets/ca.crt:ro")
        for variable in first["env"]:
            command += ["--env", f"{variable['name']}={variable['value']}"]
        files["pip.conf"].chmod(0o644)
        files["pip.conf"].parent.chmod(0o755)
        run([*command, reference("triton-weights", tag)], timeout_s=900)


def one_call(site: Site) -> str:
    """Send a recorded call to the platform made of images and say what came out. Raises ImageError where it is not scored in time."""
    metadata = {**yaml.safe_load(CALL.with_suffix(".yaml").read_text())["meta"], "direction": "inbound"}
    url, key = f"http://127.0.0.1:{site.ports['gateway']['http']}", site.secret["bootstrap-api-key"]
    began = time.monotonic()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http, console.status("one recorded call through all of them"):
        form: dict[str, tuple[str | None, str | bytes, str]] = {
            "metadata": (None, json.dumps(metadata), "application/json"), "audio": (CALL.name, CALL.read_bytes(), "audio/wav"),
        }
        sent = http.post("/v1/interactions", files=list(form.items()))
        if sent.status_code != 202:
            raise ImageError(f"refused with {sent.status_code}: {sent.text}")
        path = f"/v1/interactions/{sent.json()['interaction_id']}"
        while (found := http.get(path).raise_for_status().json())["status"] != "scored":
            if found["status"] == "failed" or time.monotonic() - began > _CALL_S:
                raise ImageError(f"{found['status']} after {time.monotonic() - began:.0f} s: {found.get('reason', '')}")
            time.sleep(0.2)
        turns = http.get(f"{path}/transcript").raise_for_status().json()["turns"]
        evaluation = http.get(f"{path}/evaluation").raise_for_status().json()
    if not turns or not evaluation["items"]:
        raise ImageError(f"scored with {len(turns)} turns and {len(evaluation['items'])} items")
    taken = time.monotonic() - began
    return f"{CALL.name} went through all of them in {taken:.1f} s: {len(turns)} turns, score {evaluation['score']:.0f}, {evaluation['ticket_type']}"


def check(names: Sequence[str], tag: str) -> dict[str, Result]:
    """Start all of them together, so that each finds its peers, and stop them in reverse; a fault in one does not hide another's."""
    results: dict[str, Result] = {}
    with ExitStack() as up:
        folder = Path(up.enter_context(tempfile.TemporaryDirectory()))
        site = _servers(folder, up)
        order = [n for n in ("triton-weights", "triton", *SERVICES) if n in names]
        running: list[Running] = []
        for name in order:
            began = time.monotonic()
            results[name] = Result()
            try:
                with console.status(f"checking {name}"):
                    inspect(name, tag)
                    if name == "triton-weights":
                        fetch_weights(tag, site)
                        results[name] = Result(ready_s=time.monotonic() - began, exit_code=0)
                        continue
                    started = start(name, tag, site)
                    up.callback(started.remove)
                    results[name] = started.result
                    started.wait_ready()
                running.append(started)
                console.print(f"{name} is ready after {started.result.ready_s:.1f} s")
            except ImageError as error:
                results[name].fault = str(error)
        if {r.name for r in running} == {"triton", *SERVICES}:
            try:
                console.print(one_call(site))
            except (ImageError, httpx.HTTPError) as error:
                results["gateway"].fault = f"a call sent through the images: {error}"
        for container in reversed(running):
            try:
                container.weigh()
                container.stop()
            except ImageError as error:
                container.result.fault = str(error)
    return results


def _servers(folder: Path, up: ExitStack) -> Site:
    """nats-server and the MongoDB-wire server, running until the stack unwinds."""
    servers = up.enter_context(Platform(folder / "servers", without=(*SERVICES, "triton")))
    ports = {
        name: {port["name"]: free_port() for port in pod_of(only(render(ROOT / "charts" / name), "Deployment"))["containers"][0]["ports"]}
        for name in (*SERVICES, "triton")
    }
    secret = {
        "mongo-uri": servers.mongo_uri,
        **{key: secrets.token_urlsafe(32) for key in ("identity-key", "api-key-pepper", "console-storage-secret")},
        "bootstrap-api-key": f"mj_{secrets.token_urlsafe(32)}",
    }
    return Site(servers.nats_url, ports, secret, folder)

import os
import signal
import sys

import grpc
import pytest
from chassis.grpc_client import channel
from chassis.identity import service_identity
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mingjian.routing.v1 import routing_service_pb2 as pb
from mingjian.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from testkit.processes import free_port, mongo_server, process
from testkit.waiting import eventually


@pytest.fixture
def environment(own_nats_url, tmp_path):
    port = free_port()
    with mongo_server(tmp_path / "mongo") as uri:
        yield {"NATS_URL": own_nats_url, "MONGO_URI": uri, "GRPC_ADDRESS": f"127.0.0.1:{port}", "METRICS_ADDRESS": "", "PATH": os.environ["PATH"]}


def started(environment, tmp_path):
    assignments = [f"{k}={v}" for k, v in environment.items()]
    return process(["env", "-i", *assignments, sys.executable, "-m", "routing"], log=tmp_path / "routing.log")


async def serving(address):
    async with grpc.aio.insecure_channel(address) as made:
        answer = await health_pb2_grpc.HealthStub(made).Check(health_pb2.HealthCheckRequest(), timeout=1)
        return answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_the_process_serves_forgets_nothing_over_a_kill_and_stops_cleanly(environment, tmp_path):
    address = environment["GRPC_ADDRESS"]
    async with channel(address, identity=lambda: service_identity("test", "t1")) as made:
        stub = RoutingServiceStub(made)
        with started(environment, tmp_path) as child:
            await eventually(lambda: serving(address), within_s=60)
            ticket = (await stub.OpenTicket(pb.OpenTicketRequest(type="投诉", title="退费"), wait_for_ready=True)).ticket
            child.kill()
            child.wait(10)
        with started(environment, tmp_path) as child:
            await eventually(lambda: serving(address), within_s=60)
            again = await stub.GetTicket(pb.GetTicketRequest(ticket_id=ticket.ticket_id), wait_for_ready=True)
            assert again.ticket == ticket
            child.send_signal(signal.SIGTERM)
            assert child.wait(20) == 0, (tmp_path / "routing.log").read_text()[-2000:]

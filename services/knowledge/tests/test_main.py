import os
import signal
import sys

import grpc
from chassis.grpc_client import channel
from chassis.identity import service_identity
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mingjian.knowledge.v1 import knowledge_service_pb2 as pb
from mingjian.knowledge.v1.knowledge_service_pb2_grpc import KnowledgeServiceStub
from testkit.processes import free_port, mongo_server, process
from testkit.waiting import eventually


async def serving(address):
    async with grpc.aio.insecure_channel(address) as made:
        answer = await health_pb2_grpc.HealthStub(made).Check(health_pb2.HealthCheckRequest(), timeout=1)
        return answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_the_process_seeds_itself_answers_and_stops_cleanly(own_nats_url, tmp_path):
    address = f"127.0.0.1:{free_port()}"
    with mongo_server(tmp_path / "mongo") as uri:
        environment = {"NATS_URL": own_nats_url, "MONGO_URI": uri, "GRPC_ADDRESS": address, "METRICS_ADDRESS": "", "PATH": os.environ["PATH"]}
        command = ["env", "-i", *(f"{k}={v}" for k, v in environment.items()), sys.executable, "-m", "knowledge"]
        with process(command, log=tmp_path / "knowledge.log") as child:
            await eventually(lambda: serving(address), within_s=90)
            async with channel(address, identity=lambda: service_identity("test", "t1")) as made:
                response = await KnowledgeServiceStub(made).SearchArticles(pb.SearchArticlesRequest(q="光猫亮红灯没有网络"))
                assert response.results[0].article.article_id == "telecom-broadband-down"
            child.send_signal(signal.SIGTERM)
            assert child.wait(20) == 0, (tmp_path / "knowledge.log").read_text()[-2000:]

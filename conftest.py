"""The fixtures every test may use."""

pytest_plugins = ["testkit.servers", "testkit.spans", "testkit.triton"]


def pytest_addoption(parser):
    parser.addoption("--target", choices=["local", "cluster"], default="local", help="e2e: processes here, or a platform at MINGJIAN_URL with MINGJIAN_KEY")

"""The fixtures every test may use."""

pytest_plugins = ["testkit.servers", "testkit.spans", "testkit.triton"]

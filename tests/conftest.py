import os, json, secrets, pytest
from types import SimpleNamespace
@pytest.fixture(scope="session")
def stack():
    return SimpleNamespace(bootstrap_servers=os.environ["STREAMGAUGE_KAFKA__BOOTSTRAP_SERVERS"], redis_url=os.environ["STREAMGAUGE_REDIS__URL"])
@pytest.fixture
def namespace():
    return "t"+secrets.token_hex(4)

"""Several endpoints at once, and a session that knows each by its name."""

from __future__ import annotations

import pytest

from tests.conftest import NOWHERE
from tests.fault_server import FaultServer, good
from xiantong_nb.connection import Connection
from xiantong_nb.presets import PRESETS
from xiantong_nb.session import Session


@pytest.fixture(name="servers")
def three_servers():
    """Three endpoints, called a, b and c."""
    made = {name: FaultServer() for name in "abc"}
    for server in made.values():
        server.play(good("yes"))
    yield made
    for server in made.values():
        server.close()


@pytest.fixture(name="session")
def session_of_three(servers):
    """A session that asks them."""
    made = Session(folder=NOWHERE, environment={})
    for name, server in servers.items():
        made.here[name] = Connection(name, PRESETS["custom"], server.url, "m")
    yield made
    made.close()

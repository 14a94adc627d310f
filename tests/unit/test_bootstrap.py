"""What the shell is wired with."""

import socket
import threading

import pytest
import redis

from stream.bootstrap import probing_redis


def test_a_probe_asks_once() -> None:
    # /health must say that Redis is gone while it is gone, not after half a minute of retries.
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                asked.append(address)
                connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        with pytest.raises(redis.ConnectionError):
            probing_redis(f"redis://127.0.0.1:{port}/0").ping()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert len(asked) == 1

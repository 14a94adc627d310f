"""What a person has at hand: a shell and ``redis-cli``."""

import shutil
import subprocess
from typing import Any
from urllib.parse import urlsplit

from stream.embedded.redis_server import find_redis


def redis_cli(stack: Any, *arguments: str) -> list[str]:
    """Run ``redis-cli`` on the test's Redis and return the lines it printed."""
    at = urlsplit(stack.redis_url)
    program = shutil.which("redis-cli") or find_redis().with_name("redis-cli")
    done = subprocess.run(
        [program, "-h", at.hostname, "-p", str(at.port), "--no-auth-warning", *arguments],
        env={"REDISCLI_AUTH": at.password or ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return [line for line in done.stdout.splitlines() if line]  # nothing prints an empty line

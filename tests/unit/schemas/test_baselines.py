import json
from pathlib import Path

import msgspec

from schemas.baselines import Baseline, baseline_id, encode_baseline

SMALL = Path(__file__).parents[2] / "golden/contract/baseline/valid/small.json"


def test_same_content_has_the_same_id() -> None:
    baseline = msgspec.json.decode(SMALL.read_bytes(), type=Baseline)
    again = msgspec.json.decode(encode_baseline(baseline), type=Baseline)
    assert baseline_id(again) == baseline_id(baseline)
    reordered = msgspec.structs.replace(
        baseline, features=dict(reversed(baseline.features.items()))
    )
    assert baseline_id(reordered) == baseline_id(baseline)


def test_any_change_has_another_id() -> None:
    document = json.loads(SMALL.read_text("utf-8"))
    document["features"]["age"]["counts"][1] += 1
    changed = msgspec.json.decode(json.dumps(document), type=Baseline)
    original = msgspec.json.decode(SMALL.read_bytes(), type=Baseline)
    assert baseline_id(changed) != baseline_id(original)

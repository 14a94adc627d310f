"""``profile``: files on a disk, whole or not at all, and one sentence where they are not right."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from stream.baseline.build import build_baseline
from stream.cli.main import main
from stream.profile.file import FILE_BYTES_MAX, encode
from stream.profile.window import profile_of

END_MS = 1_790_002_800_000


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Any:
    """Run ``profile …``; returns its exit code, what it printed and what it said beside."""

    def run(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["streamgauge", "profile", *map(str, arguments)])
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        else:
            code = 0
        out, err = capsysbinary.readouterr()
        return code, out.decode(), " ".join(err.decode().split())

    return run


@pytest.fixture
def files(counted_window: Any, tmp_path: Path) -> Any:
    """Two hours of one version, and one of another."""
    rng = np.random.default_rng(0)
    data = {"age": rng.normal(41, 13, 2_000), "prediction": rng.integers(0, 2, 2_000)}
    baseline = build_baseline(data, model_name="credit", model_version="1")
    out = []
    for version, hour in (("1", 0), ("1", 1), ("2", 0)):
        events = [{"features": {"age": float(age)}} for age in rng.normal(41, 13, 200)]
        window = counted_window(baseline, events, version=version, end_ms=END_MS + hour * 3_600_000)
        out.append(tmp_path / f"{version}-{hour}.sgp")
        out[-1].write_bytes(encode(profile_of(window, named=True)))
    return out


def test_files_are_added_up_and_shown(run: Any, files: Any, tmp_path: Path) -> None:
    total = tmp_path / "total.sgp"
    code, out, _ = run("merge", files[0], files[1], "-o", total, "--json")
    assert code == 0
    made = orjson.loads(out)
    assert (made["events"], made["windows"], made["names"]) == (400, 2, True)
    assert made["bytes"] == total.stat().st_size
    run("merge", files[1], files[0], "-o", tmp_path / "turned.sgp")
    assert (tmp_path / "turned.sgp").read_bytes() == total.read_bytes()
    (report,) = orjson.loads(run("show", total, "--json")[1])
    assert report["count"] == 400
    code, out, _ = run("show", total)
    assert code == 0
    assert "credit 1 · 2026-09-21 14:00 to 2026-09-21 16:00 UTC · 400 events" in out
    assert "2 windows" in out
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".sgp"] * 5


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("show", "gone.sgp"), 2, "gone.sgp can't be read (No such file"),
        (("show", "."), 2, "can't be read (Is a directory"),
        (("show", "text"), 1, "text is no profile"),
        (("show", "cut"), 1, "cut is damaged: its checksum is another one"),
        (("show", "later"), 1, "later is a profile of a later version"),
        (("show", "large"), 1, "large is larger than"),
        (("merge", "a", "-o", "x"), 2, "give two or more"),
        (("merge", "a", "a", "-o", "x"), 1, "would count it twice"),
        (("merge", "a", "c", "-o", "x"), 1, "one profile is of credit 1 and one of credit 2"),
        (("merge", "a", "b", "-o", "no/x"), 2, "no/x can't be written (No such file"),
        (("export", "credit", "-v", "1", "-w", "x", "-o", "x"), 2, "'x' is no duration"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    run: Any,
    files: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, file in zip("abc", files, strict=True):
        file.rename(name)
    whole = Path("a").read_bytes()
    Path("text").write_text("name,value")
    Path("cut").write_bytes(whole[:-1])
    Path("later").write_bytes(whole.replace(b"profile 1", b"profile 2", 1))
    with Path("large").open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert why in err
    assert not Path("x").exists()
    assert not list(tmp_path.glob("*.draft"))


def test_windows_that_overlap_are_told(run: Any, counted_window: Any, tmp_path: Path) -> None:
    for number in range(2):
        window = counted_window(None, [{"features": {"age": 1}}] * (3 + number))
        (tmp_path / f"{number}").write_bytes(encode(profile_of(window, named=True)))
    code, _, err = run("merge", tmp_path / "0", tmp_path / "1", "-o", tmp_path / "sum")
    assert code == 0
    assert "windows overlap" in err

"""The demo, from its command to its last screen, on the servers that the settings name."""

from typing import Any


def test_it_ends_with_performance_and_an_alert(programs: Any) -> None:
    programs.environment["COLUMNS"] = "200"
    done = programs.run("demo", "--speed", "5")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    text = "\n".join(lines)
    assert "each counted exactly once in every window size (1d, 30d, 7d)" in text
    assert "7,728 sent 21 days after their predictions, each joined exactly once" in text
    assert "2021-08-31 to 2022-03-29 error accuracy-drop" in lines
    measured = next(line.split() for line in lines if line.startswith("accuracy 67"))
    assert measured[2:8] == ["84", "82", "57", "51", "31", "56"]
    assert measured[-2:] == ["–", "–"], "labels of the last weeks are not known yet"
    estimated = next(line.split() for line in lines if line.startswith("estimated"))
    assert all(share.isdigit() for share in estimated[1:])

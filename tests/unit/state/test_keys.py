from schemas.names import NAME_PATTERN
from stream.state.keys import PartitionId, StateKeys, VersionId


def test_what_stands_in_keys_needs_no_escape() -> None:
    assert not set(":{} %*") & set(NAME_PATTERN.split("[")[1].split("]")[0])


def test_a_partition_is_read_as_it_was_written() -> None:
    partition = PartitionId("aUJxoAw+TLSHvqEBkGNeIQ", 12)
    assert PartitionId.parse(str(partition)) == partition


def test_all_keys_are_apart_from_each_other_and_in_the_namespace() -> None:
    keys = StateKeys("ml")
    version, other = VersionId("a", "b.c"), VersionId("a.b", "c")
    all_keys = [
        keys.clocks,
        keys.versions,
        keys.partition(PartitionId("clocks", 0)),
        *(
            make(of)
            for make in (keys.version, keys.panes, keys.sample, keys.fence, keys.decided)
            for of in (version, other)
        ),
        keys.pane(version, "60000:0"),
    ]
    assert len(set(all_keys)) == len(all_keys)
    assert all(key.startswith("ml:state:") for key in all_keys)

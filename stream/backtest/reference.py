"""Baselines for a backtest from a file: one that is written out, or reference data to build it of.

Reference data are rows with a column for each feature, as `streamgauge baseline build` takes them,
or a log of prediction events: last month's, say.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from schemas.baselines import Baseline
from schemas.models import ModelConfig
from stream.baseline.build import build_baseline
from stream.baseline.errors import BaselineError
from stream.baseline.read import read_table
from stream.baseline.soundness import check_baseline
from stream.emit.roles import ROLES
from stream.state.keys import VersionId

_EVENT = frozenset({"model_name", "features"})
"""Fields by which a table of events is known."""
_OF_EVENTS = ("timestamp", "prediction", "probability", "label")


class _Shown(msgspec.Struct):
    """What ``streamgauge baseline show ID --json`` prints."""

    baseline: Baseline


class FileSource:
    """Makes the baseline of a model version from a file, which is read at once; see `Source`.

    Parameters
    ----------
    path : ``.json`` is a baseline, anything else is data
    named : role to column, where columns are there
    ignored : columns that are no features
    features_max : bound on features
    tell : gets a sentence for each thing that was left out though nobody asked for it

    Attributes
    ----------
    columns : names of the columns of the data

    Raises
    ------
    BaselineError
        When the file can't be used, also where the baseline is made.
    """

    def __init__(
        self,
        path: Path,
        named: Mapping[str, str],
        ignored: Sequence[str],
        features_max: int,
        tell: Callable[[str], None],
    ) -> None:
        self._name = path.name
        self._named = named
        self._ignored = ignored
        self._features_max = features_max
        self._tell = tell
        self._written = _written(path) if path.suffix.lower() == ".json" else None
        self._table = None if self._written else read_table(path)
        self.columns: Sequence[str] = [] if self._table is None else self._table.column_names

    def __call__(self, version: VersionId, config: ModelConfig) -> Baseline:
        """Make the baseline of a version."""
        if self._written is not None:
            return self._written
        rows = rows_of(self._table, version.model, self._name)
        columns = set(rows.column_names)
        roles = {role: column for role, column in self._named.items() if column in columns}
        beside = [column for role, column in roles.items() if role not in ROLES]
        kinds = {n: f.kind for n, f in config.features.items() if f.kind and n in columns}
        try:
            return build_baseline(
                rows,
                model_name=version.model,
                model_version=version.version,
                roles={role: column for role, column in roles.items() if role in ROLES},
                ignored=[*beside, *(column for column in self._ignored if column in columns)],
                kinds=kinds,
                features_max=self._features_max,
                segments=config.segments,
                task=config.task,
                positive_class=config.positive_class,
                tell=self._tell,
            )
        except BaselineError as error:
            raise BaselineError(f"{self._name}: {error}") from error


def rows_of(table: pa.Table, model: str, name: str) -> pa.Table:
    """Return rows with a column for each feature, also where the table is one of events.

    Parameters
    ----------
    table : rows or events
    model : whose events are taken
    name : of the file, for the error message

    Raises
    ------
    BaselineError
        When there is no event of the model that has a prediction.
    """
    if not set(table.column_names) >= _EVENT or not pa.types.is_struct(
        table.schema.field("features").type
    ):
        return table
    events = table.filter(pc.equal(table["model_name"], model))
    if "prediction" in events.column_names:
        events = events.filter(pc.is_valid(events["prediction"]))
    if events.num_rows == 0:
        raise BaselineError(f"{name} has no prediction of {model}: give another file for it")
    kind = events.schema.field("features").type
    features = events["features"].combine_chunks().flatten()
    columns = {kind.field(i).name: features[i] for i in range(kind.num_fields)}
    columns |= {role: events[role] for role in _OF_EVENTS if role in events.column_names}
    return pa.table(columns)


def _written(path: Path) -> Baseline:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BaselineError(f"{path} can't be read ({error.strerror}): check the path") from error
    baseline = _decoded(path, data)
    check_baseline(baseline)
    return baseline


def _decoded(path: Path, data: bytes) -> Baseline:
    try:
        return msgspec.json.decode(data, type=_Shown).baseline
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, RecursionError) as error:
        raise BaselineError(f"{path.name} is no JSON: {error}") from error
    try:
        return msgspec.json.decode(data, type=Baseline)
    except msgspec.ValidationError as error:
        raise BaselineError(
            f"{path.name} is no baseline ({error}): write one with"
            " `streamgauge baseline show ID --json`"
        ) from error

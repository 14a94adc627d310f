"""Shapes of tables: the first key or choice in one that its struct does not know.

msgspec names an unknown key, but not what is known in its place, which is what a person needs.
"""

from typing import Any

import msgspec.inspect as shape

__all__ = ["first_unknown"]


def first_unknown(value: object, kind: Any) -> tuple[str, str | None, tuple[str, ...]] | None:
    """Find the first unknown key, or choice outside an enumeration.

    Parameters
    ----------
    value
        Tables, lists and scalars.
    kind
        The type it should have.

    Returns
    -------
    tuple
        The dotted path; the choice given, None for an unknown key; what is allowed. None where
        nothing is unknown. Wrong types are not looked at.
    """
    return _first(value, shape.type_info(kind), "")


def _first(
    value: object, kind: shape.Type, path: str
) -> tuple[str, str | None, tuple[str, ...]] | None:
    if isinstance(kind, shape.UnionType):
        return next((found for t in kind.types if (found := _first(value, t, path))), None)
    if isinstance(kind, shape.EnumType | shape.LiteralType) and isinstance(value, str):
        choices = kind.values if isinstance(kind, shape.LiteralType) else kind.cls
        allowed = tuple(map(str, choices))
        return None if value in allowed else (path, value, allowed)
    if isinstance(kind, shape.StructType) and isinstance(value, dict):
        return _first_in_struct(value, kind, path)
    if isinstance(kind, shape.DictType) and isinstance(value, dict):
        parts = [(item, kind.value_type, _joined(path, name)) for name, item in value.items()]
    elif isinstance(kind, shape.VarTupleType) and isinstance(value, list | tuple):
        parts = [(item, kind.item_type, f"{path}[{i}]") for i, item in enumerate(value)]
    else:
        return None
    return next((found for part in parts if (found := _first(*part))), None)


def _first_in_struct(
    table: dict[Any, object], kind: shape.StructType, path: str
) -> tuple[str, str | None, tuple[str, ...]] | None:
    known = {field.encode_name: field.type for field in kind.fields}
    for name, item in table.items():
        if name not in known:
            return _joined(path, name), None, tuple(known)
        if found := _first(item, known[name], _joined(path, name)):
            return found
    return None


def _joined(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)

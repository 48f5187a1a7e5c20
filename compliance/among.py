"""Rows whose key is one of many, by one parameter: with one for each key, most of the time went into the statement."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func, select


def among(column: SQLColumnExpression[Any], values: Sequence[str | int]) -> ColumnElement[bool]:
    """Whether the column is one of the values (SQLite: `json_each`)."""
    each = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(each.c.value))

"""What all plain data of the report shares: its type, and the version of its keys."""

from __future__ import annotations

from typing import Any

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes."""

Data = dict[str, Any]

"""What every part of the catalog has: an id, a name, and other names that it goes by."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from petaday.catalog.validate import Strict

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Part(Strict):
    """A part that one can ask for by id, name or alias."""

    id: Id
    name: str
    aliases: tuple[str, ...] = ()

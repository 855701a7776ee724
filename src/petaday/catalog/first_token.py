"""What a serving stack adds to the time to the first token beside its iterations: a fitted figure with its record."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from petaday.catalog.part import Id
from petaday.catalog.validate import Strict

Share = Annotated[float, Field(ge=0)]


class Errors(Strict):
    """How far a fit to measurements under an engine profile stays off.

    rows: measurements behind it; loss, p90: median and 90th percentile of |predicted/measured - 1| over them
    held_out_rows, held_out, held_out_p90: the same over the rows of the same groups that the fit did not see
    """

    engine: Id
    rows: Annotated[int, Field(gt=0)]
    loss: Share
    p90: Share
    held_out_rows: Annotated[int, Field(gt=0)]
    held_out: Share
    held_out_p90: Share
    date: str
    command: str


class FirstToken(Errors):
    """Of one engine profile.

    answer: seconds of a request outside the engine's iterations: HTTP, tokenising, hand-overs between processes, the way
        of the first token back
    """

    answer: Annotated[float, Field(ge=0, le=2)]

"""Lengths of prompts and outputs as recorded traces have them."""

from __future__ import annotations

import itertools
from typing import Annotated, Self

from pydantic import Field, model_validator

from petaday.catalog.part import Part
from petaday.catalog.validate import Strict

Tokens = Annotated[float, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Marginal(Strict):
    """Tokens of prompts or outputs alone.

    mean: of the trace; quantiles: tokens at the law's probabilities; distance: largest distance between the trace's
    cumulated shares and those of requests drawn by the law (Kolmogorov-Smirnov)
    """

    mean: Tokens
    quantiles: tuple[Tokens, ...]
    distance: Share


class LengthLaw(Part):
    """A trace's lengths.

    rows: requests of the trace; rank_correlation: Spearman's, of a request's prompt and output tokens
    """

    rows: Annotated[int, Field(gt=0)]
    probabilities: tuple[Share, ...]
    prompt: Marginal
    output: Marginal
    rank_correlation: Annotated[float, Field(ge=-1, le=1)]
    source: Annotated[str, Field(min_length=1)]
    licence: Annotated[str, Field(min_length=1)]
    command: str

    @model_validator(mode="after")
    def _rising(self) -> Self:
        known = self.probabilities
        if known[:1] != (0.0,) or known[-1:] != (1.0,) or any(b <= a for a, b in itertools.pairwise(known)):
            raise ValueError("the probabilities do not rise from 0 to 1")
        for part in (self.prompt, self.output):
            tokens = part.quantiles
            if len(tokens) != len(known) or any(b < a for a, b in itertools.pairwise(tokens)):
                raise ValueError("there is not one quantile for each probability, or they fall")
        return self

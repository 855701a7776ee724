"""Latency limits of MLPerf Inference's Server and Interactive scenarios: 99th percentiles in seconds."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from petaday.serving.layout import Floats


class Limits(NamedTuple):
    """Seconds to the first token, and of an output token, that 99 % of requests must stay under.

    answer: of the whole answer instead, where a benchmark limits no tokens
    """

    first_token: float
    output_token: float
    answer: float = inf

    def seconds(self, output: Floats) -> Floats:
        """Seconds of an output token that answers of so many tokens allow."""
        return np.minimum(self.output_token, self.answer / output)


LIMITS = {
    ("llama-2-70b", "server"): Limits(2.0, 0.200),
    ("llama-2-70b", "interactive"): Limits(0.450, 0.040),
    ("llama-3.1-70b", "server"): Limits(2.0, 0.200),
    ("llama-3.1-70b", "interactive"): Limits(0.450, 0.040),
    ("llama-2-7b", "server"): Limits(2.0, 0.200),
    ("llama-3.1-405b", "server"): Limits(6.0, 0.175),
    ("llama-3.1-405b", "interactive"): Limits(4.5, 0.080),
    ("llama-3.1-8b", "server"): Limits(2.0, 0.100),
    ("llama-3.1-8b", "interactive"): Limits(0.5, 0.030),
    ("mixtral-8x7b", "server"): Limits(2.0, 0.200),
    ("gpt-j-6b", "server"): Limits(20.0, inf, 20.0),
    ("deepseek-r1", "server"): Limits(2.0, 0.080),
    ("deepseek-r1", "interactive"): Limits(1.5, 0.015),
}
"""mlcommons/inference_policies, inference_rules.adoc, benchmarks of the closed division; models of the open division that
stand in for Llama 2 70B keep its limits."""


def limits_of(model: str, scenario: str) -> Limits | None:
    """The limits of a model in a scenario of the serving record; None where it has none."""
    return LIMITS.get((model, scenario.split()[-1]))

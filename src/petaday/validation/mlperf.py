"""Latency limits of MLPerf Inference's Server and Interactive scenarios: 99th percentiles in seconds."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """Seconds to the first token, and of an output token, that 99 % of requests must stay under."""

    first_token: float
    output_token: float


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
    ("deepseek-r1", "server"): Limits(2.0, 0.080),
    ("deepseek-r1", "interactive"): Limits(1.5, 0.015),
}
"""mlcommons/inference_policies, inference_rules.adoc, benchmarks of the closed division; models of the open division that
stand in for Llama 2 70B keep its limits."""

WHOLE_ANSWER = {"gpt-j-6b": 20.0}
"""Seconds of a whole answer, where a benchmark limits no tokens."""

"""What training a model takes before any machine is chosen: FLOP and PF-days."""

from __future__ import annotations

from dataclasses import dataclass

from petaday.catalog.model import Model
from petaday.workload.architecture import layer_kinds, parameters
from petaday.workload.operators import attended_pairs, head_dims

PF_DAY = 1e15 * 86400.0
"""FLOP in a petaFLOP/s-day."""


@dataclass(frozen=True)
class Demand:
    """FLOP of a training run, recomputation and hardware apart.

    parameters_total, parameters_active: counts; flops_per_parameter_token: 6 for a forward and a backward pass
    flops: 6·N·D with N the parameters a token is multiplied with (Kaplan et al. 2020, arXiv:2001.08361, §2.1), the
    convention of published training costs; attention_flops: causal score and value products on top of that
    """

    parameters_total: int
    parameters_active: int
    tokens: float
    flops: float
    attention_flops: float

    @property
    def model_flops(self) -> float:
        """FLOP that the model needs, attention included: the numerator of MFU."""
        return self.flops + self.attention_flops

    @property
    def pf_days(self) -> float:
        """PF-days of 6·N·D."""
        return self.flops / PF_DAY

    @property
    def model_pf_days(self) -> float:
        """PF-days with attention."""
        return self.model_flops / PF_DAY


def attention_flops_per_token(model: Model, seq_len: int) -> float:
    """Forward and backward FLOP per token of causal attention: 6·(d_qk + d_v)·heads·(pairs per token), summed."""
    width = model.heads * sum(head_dims(model))
    pairs = sum(count * attended_pairs(seq_len, kind.window) for kind, count in layer_kinds(model))
    return 6.0 * width * pairs / seq_len


def demand(model: Model, seq_len: int, tokens: float) -> Demand:
    """The demand of training a model on `tokens` tokens in sequences of `seq_len`."""
    count = parameters(model)
    return Demand(
        parameters_total=count.total,
        parameters_active=count.active,
        tokens=tokens,
        flops=6.0 * count.matmul_active * tokens,
        attention_flops=attention_flops_per_token(model, seq_len) * tokens,
    )

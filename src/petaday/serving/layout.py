"""How the chips of one replica share a model, and what one of them holds.

A replica is `dp` attention groups of `tp` chips in each of `pp` stages. Attention and dense layers are split over `tp`
and repeated `dp` times; the experts are spread over all `tp·dp` chips of a stage: whole ones over `ep` groups, each
expert's matrices over the `etp = tp·dp/ep` chips of a group. Sizes are arrays of one shape, or numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from petaday.catalog.model import Model
from petaday.workload.architecture import parameters

Floats = NDArray[np.float64]


class Layout(NamedTuple):
    """Parallel sizes of replicas: tensors, pipeline stages, experts, data-parallel attention."""

    tp: Floats
    pp: Floats
    ep: Floats
    dp: Floats

    @property
    def chips(self) -> Floats:
        """Chips of a replica."""
        return self.tp * self.pp * self.dp

    def row(self, place: int) -> Layout:
        """One layout of several, as numbers."""
        return Layout(*(np.asarray(float(size[place])) for size in self))

    @property
    def etp(self) -> Floats:
        """Chips that share the matrices of one expert."""
        return self.tp * self.dp / self.ep


class Held(NamedTuple):
    """Parameters that one chip of the fullest stage holds, by the kind of their weights (a number each)."""

    projections: Floats
    ffn: Floats
    experts: Floats
    wide: Floats


def kv_heads(model: Model, layout: Layout) -> Floats:
    """Key-value heads on a chip: a head is repeated where there are fewer of them than chips."""
    return np.maximum(model.kv_heads / layout.tp, 1.0)


def latent_width(model: Model) -> int:
    """Elements of a token in the cache of multi-head latent attention, alike on every chip of `tp`; 0 without it."""
    return model.mla.kv_lora_rank + model.mla.qk_rope_head_dim if model.mla else 0


def projection_parameters(model: Model, layout: Layout) -> Floats:
    """Parameters of the attention projections of one layer on a chip; those down to a latent are repeated."""
    h, tp = model.hidden, layout.tp
    if model.mla is None:
        return np.asarray(h * model.head_dim * (2 * model.heads / tp + 2 * kv_heads(model, layout)))
    mla = model.mla
    down = h * (latent_width(model) + (mla.q_lora_rank or 0))
    query = (mla.q_lora_rank or h) * model.heads * model.head_dim
    up = mla.kv_lora_rank * model.heads * (mla.qk_nope_head_dim + mla.v_head_dim)
    return np.asarray(down + (query + up + h * model.heads * mla.v_head_dim) / tp)


def held(model: Model, layout: Layout) -> Held:
    """Parameters on one chip of the fullest stage: its layers, and embedding and head as if they stood there both."""
    count = parameters(model)
    stage = np.ceil(model.layers / layout.pp) / model.layers
    routed = model.moe.experts * count.expert if model.moe else 0
    return Held(
        projections=np.asarray(stage * model.layers * projection_parameters(model, layout)),
        ffn=stage * (count.dense_layers * count.dense_ffn_per_layer + count.moe_layers * count.shared) / layout.tp,
        experts=stage * count.moe_layers * routed / (layout.tp * layout.dp),
        wide=(count.embedding + count.head) / layout.tp + stage * (count.moe_layers * count.router + count.norms),
    )

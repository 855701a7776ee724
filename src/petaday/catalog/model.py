"""A language model as a catalog part: the dimensions that fix its parameters, FLOPs and bytes.

Layers count from 0. Every layer is attention followed by a feed-forward network (FFN), dense or a mixture of
experts (MoE). Widths are numbers of elements, positions and windows are tokens.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from petaday.catalog.part import Part
from petaday.catalog.validate import Strict

# Bounds far beyond any model, so that what is absurd is an error and not an endless sum over layers.
Positive = Annotated[int, Field(strict=True, gt=0, le=1_000_000_000)]
NonNegative = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
Parameters = Annotated[int, Field(strict=True, gt=0)]
Layers = Annotated[int, Field(strict=True, gt=0, le=10_000)]
Flag = Annotated[bool, Field(strict=True)]
ActiveIncludes = Literal["embedding and head", "head", "neither"]


class Mla(Strict):
    """Multi-head latent attention: keys and values from one latent (DeepSeek-V2, arXiv 2405.04434, 2.1)."""

    q_lora_rank: Positive | None = None  # None: queries come straight from the hidden state
    kv_lora_rank: Positive
    qk_nope_head_dim: Positive
    qk_rope_head_dim: Positive
    v_head_dim: Positive


class SlidingWindow(Strict):
    """Layers that look back over `window` tokens only.

    Layer i attends to the whole sequence where i + 1 is a multiple of `every`, and to the window elsewhere:
    2 alternates (gpt-oss), 4 keeps one full layer of four (Llama 4), 6 one of six, 0 none (Mistral 7B v0.1).
    Chunked attention is entered as a window of the chunk's length, an upper bound of what it reads.
    """

    window: Positive
    every: NonNegative

    @model_validator(mode="after")
    def _some_layer_is_windowed(self) -> Self:
        if self.every == 1:
            raise ValueError("every: 1 windows no layer; leave sliding_window out, or write 0 for all layers")
        return self


class Moe(Strict):
    """A mixture of experts: a router sends each token to `topk` of `experts`, beside the shared ones.

    Layer i is MoE where i >= first_dense_layers and i - first_dense_layers + 1 is a multiple of `every`.
    """

    experts: Positive
    topk: Positive
    ffn: Positive  # width of one routed expert
    shared_experts: NonNegative = 0
    shared_ffn: NonNegative = 0  # width of one shared expert
    shared_gate: Flag = False  # a learned scalar gate on the shared experts (Qwen2-MoE)
    first_dense_layers: NonNegative = 0
    every: Positive = 1
    router_bias: Flag = False  # one number per expert, whether a bias or a load-balancing correction

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.topk > self.experts:
            raise ValueError(f"topk: {self.topk} experts per token, but there are {self.experts}")
        if (self.shared_experts > 0) != (self.shared_ffn > 0):
            raise ValueError("shared_experts and shared_ffn must be given together")
        return self


class Published(Strict):
    """What the authors say the model's parameters are: counts as exact as the source gives them."""

    total: Parameters
    total_includes_mtp: Flag = False
    active: Parameters | None = None  # of an MoE, per token; None where the source rounds too coarsely
    active_includes: ActiveIncludes = "embedding and head"  # counted as active beside the layers
    rounded: str = ""  # the card's own round figures, where they are too coarse to check
    source: str


class Model(Part):
    """The dimensions of one decoder-only transformer."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    family: str
    year: Positive | None = None
    source: str

    layers: Layers
    hidden: Positive
    heads: Positive
    kv_heads: Positive
    head_dim: Positive  # of queries and keys; with MLA qk_nope_head_dim + qk_rope_head_dim
    ffn: NonNegative = 0  # width of a dense layer's FFN; 0 where every layer is MoE
    gated: Flag = True  # SwiGLU-like: three matrices instead of two
    vocab: Positive
    max_position: NonNegative = 0  # learned position embeddings; 0 for rotary
    context: NonNegative = 0  # the most positions it was made for (max_position_embeddings); 0 where unknown
    tied_embeddings: Flag = False  # the LM head is the embedding's matrix

    norm: Literal["layernorm", "rmsnorm"] = "rmsnorm"
    sandwich_norms: Flag = False  # norms after attention and FFN too: four a layer instead of two
    qk_norm: Flag = False  # a norm over each head's queries and keys
    linear_bias: Flag = False  # every linear layer except LM head and router
    qkv_bias: Flag = False
    attention_out_bias: Flag = False
    attention_sinks: Flag = False  # one learned logit per head (gpt-oss)

    mla: Mla | None = None
    sliding_window: SlidingWindow | None = None
    moe: Moe | None = None
    mtp_layers: NonNegative = 0  # multi-token-prediction modules, counted apart from `layers`
    published: Published | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads: {self.kv_heads} does not divide heads = {self.heads}")
        if self.mla and self.head_dim != self.mla.qk_nope_head_dim + self.mla.qk_rope_head_dim:
            raise ValueError("head_dim: with mla it is qk_nope_head_dim + qk_rope_head_dim")
        if self.mla and (self.linear_bias or self.qkv_bias or self.attention_out_bias or self.qk_norm):
            raise ValueError("mla: its projections have no biases and its latents have norms of their own")
        if self.moe and self.moe.first_dense_layers >= self.layers:
            raise ValueError(f"moe.first_dense_layers: leaves no MoE layer of {self.layers}")
        if self.moe is None or self.moe.first_dense_layers or self.moe.every > 1:
            if self.ffn == 0:
                raise ValueError("ffn: 0, but there are dense layers")
        elif self.ffn:
            raise ValueError("ffn: every layer is MoE, so no layer has this width; write 0 or leave it out")
        return self

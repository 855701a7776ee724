"""The laws of single kernels by operation."""

from __future__ import annotations

from petaday.chip.kernel import Law, Silicon
from petaday.chip.kernel_attention import ATTENTION_DECODE, ATTENTION_PREFILL, MLA_DECODE, MLA_PREFILL
from petaday.chip.kernel_gemm import GEMM, NARROW_GEMM
from petaday.chip.kernel_moe import MOE

LAWS: dict[str, Law] = {
    "gemm": GEMM,
    "attention_prefill": ATTENTION_PREFILL,
    "attention_decode": ATTENTION_DECODE,
    "mla_prefill": MLA_PREFILL,
    "mla_decode": MLA_DECODE,
    "moe": MOE,
}


def law_of(operation: str, silicon: Silicon) -> Law:
    """The law of an operation; GEMMs of narrow activations quantise them."""
    return NARROW_GEMM if operation == "gemm" and silicon.activation_bytes < 2 else LAWS[operation]

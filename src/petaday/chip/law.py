"""The law of one chip at one dtype: datasheet rates and the few efficiencies that a fit may move."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChipLaw:
    """Rates are dense datasheet figures; efficiencies are shares in (0, 1]; sizes are elements; times are seconds.

    Attributes
    ----------
    peak: FLOP/s of matrix multiplication at the GEMM dtype, dense
    attention_peak: FLOP/s at the dtype that attention computes in (16 bit, also when GEMMs run in fp8 or fp4)
    memory_bandwidth: B/s
    element_bytes: bytes of a GEMM operand
    gemm: share of the peak that a very large GEMM reaches
    gemm_m, gemm_n, gemm_k: sizes at which a GEMM reaches half of that in M, N or K
    memory: share of the memory bandwidth that a large streaming operator reaches
    attention_forward, attention_backward: share of the attention peak that fused attention reaches on long sequences
    attention_sequence: length of a sequence at which it reaches half of that
    launch: seconds between the ends of back-to-back kernels that the work itself does not explain
    """

    peak: float
    attention_peak: float
    memory_bandwidth: float
    element_bytes: float
    gemm: float
    gemm_m: float
    gemm_n: float
    gemm_k: float
    memory: float
    attention_forward: float
    attention_backward: float
    attention_sequence: float
    launch: float

"""Two values for each field of a scenario, between which some number of the answer differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scenarios import DROPPED, SMALL, changed

MOE = changed(
    SMALL, train__model="mixtral-8x7b", cluster__chips=32, train__global_batch=32, plan__tp=2, plan__pp=4,
    plan__micro_batch=1, plan__recompute="full",
)  # fmt: skip
"""A mixture of experts that fits with every sharing of its experts."""

HELD: dict[str, Any] = changed(
    SMALL,
    plan={"tp": 2, "cp": 1, "pp": 2, "vpp": 1, "dp": 2, "zero": 1, "micro_batch": 1, "recompute": "none",
          "sequence_parallel": True, "schedule": "1f1b", "tp_overlap": False, "dp_overlap": False},
    cluster__chips=8, train__global_batch=32,
)  # fmt: skip
"""A plan held in full, so that one column's change cannot be made up for by another."""


@dataclass(frozen=True)
class Move:
    """Two values of a field (DROPPED: left out), the scenario they stand in, and what else has to change there."""

    first: Any
    second: Any
    base: dict[str, Any] = field(default_factory=lambda: SMALL)
    also: dict[str, Any] = field(default_factory=dict)

    def scenarios(self, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The scenario with either value."""
        base = changed(self.base, **self.also)
        return changed(base, **{path: self.first}), changed(base, **{path: self.second})


CHIP = {"cluster__chip": {"like": "a100-sxm-80"}}
SLOW = {"cluster__network": {"bandwidth": "50 Gb/s"}, "cluster__chips": 32, "train__global_batch": 32}
"""Several domains on a network of its own figures, whose time is not all hidden."""

SLOW_COST = changed(SMALL, **SLOW)

MOVES: dict[str, Move] = {
    "train__model": Move("llama-3.2-1b", "gpt-3-xl"),
    "train__tokens": Move("1B", "2B"),
    "train__sequence_length": Move(2048, 4096),
    "train__global_batch": Move(16, 32),
    "train__global_batch_tokens": Move("64k", "128k", also={"train__global_batch": DROPPED}),
    "train__precision": Move("bf16", "fp8", also={"cluster__chip": "h100-sxm-80"}),
    "train__optimizer": Move("adam", "sgd"),
    "train__lora_rank": Move(DROPPED, 16),
    "train__software": Move("megatron-core-2024", "megatron-2021"),
    "train__expert_imbalance": Move(1.0, 2.0, MOE, {"plan__ep": 4}),
    "train__precision__dtype": Move(
        [{"dtype": "fp16", "share": 1}], [{"dtype": "tf32", "share": 1}]
    ),
    "train__precision__share": Move(
        [{"dtype": "bf16", "share": 1}], [{"dtype": "bf16", "share": "50 %"}, {"dtype": "tf32", "share": "50 %"}]
    ),
    "cluster__chip": Move("a100-sxm-80", "h100-sxm-80"),
    "cluster__chips": Move(8, 16),
    "cluster__deadline": Move("1 h", "30 days"),
    "cluster__scale_up_domain": Move(8, 1),
    "cluster__network": Move("ib-hdr", "roce-100", also={"cluster__chips": 32, "train__global_batch": 32}),
    "cluster__memory_reserve": Move("1 GB", "8 GB"),
    "cluster__host_bandwidth": Move("10 GB/s", "50 GB/s", HELD, {"plan__optimizer_offload": True}),
    "cluster__chip__like": Move("a100-sxm-80", "h100-sxm-80", also=CHIP),
    "cluster__chip__peak": Move({"bf16": "200 TFLOPS"}, {"bf16": "300 TFLOPS"}, also=CHIP),
    "cluster__chip__memory_capacity": Move("64 GB", "96 GB", also=CHIP),
    "cluster__chip__memory_bandwidth": Move("1 TB/s", "3 TB/s", also=CHIP),
    "cluster__chip__scale_up_bandwidth": Move("100 GB/s", "450 GB/s", also=CHIP),
    "cluster__network__bandwidth": Move("50 Gb/s", "400 Gb/s", also=SLOW),
    "cluster__network__latency": Move("1 us", "50 us", also=SLOW),
    "cluster__network__efficiency": Move("50 %", "95 %", also=SLOW),
    "cluster__routing": Move("adaptive", "ecmp", also=SLOW),
    "cluster__paths": Move(1, 16, also={**SLOW, "cluster__routing": "ecmp"}),
    "plan__tp": Move(1, 4),
    "plan__shard": Move(0, 2, HELD, {"plan__tp": 1, "plan__pp": 1, "plan__dp": 8, "plan__sequence_parallel": DROPPED}),
    "plan__cp": Move(1, 2, HELD, {"plan__dp": DROPPED}),
    "plan__pp": Move(1, 4, HELD, {"plan__dp": DROPPED, "plan__zero": 0}),
    "plan__vpp": Move(1, 2, HELD),
    "plan__dp": Move(1, 2, HELD, {"plan__pp": DROPPED, "plan__zero": 0}),
    "plan__ep": Move(1, 4, MOE),
    "plan__etp": Move(1, 2, MOE, {"plan__ep": 2}),
    "plan__zero": Move(1, 2, HELD, {"plan__pp": 1, "plan__dp": DROPPED, "train__software": "fsdp-2024", "plan__tp": 1,
                                    "plan__sequence_parallel": False}),
    "plan__micro_batch": Move(1, 2, HELD),
    "plan__recompute": Move("none", "full", HELD),
    "plan__recompute_layers": Move(2, 8, HELD, {"plan__recompute": "full"}),
    "plan__sequence_parallel": Move(True, False, HELD),
    "plan__schedule": Move("1f1b", "zero-bubble", HELD),
    "plan__first_layers": Move(8, 7, HELD),
    "plan__last_layers": Move(8, 7, HELD),
    "plan__tp_overlap": Move(True, False, HELD),
    "plan__dp_overlap": Move(True, False, HELD),
    "plan__weight_bytes": Move(2, "fp32", HELD),
    "plan__grad_bytes": Move(2, "fp32", HELD),
    "plan__moment_bytes": Move("bf16", 4, HELD),
    "plan__optimizer_offload": Move(True, False, HELD),
    "plan__activation_offload": Move(True, False, HELD),
    "cost__profile": Move("world", "china"),
    "cost__date": Move("2023-06", "2025-03"),
    "cost__currency": Move("USD", "CNY"),
    "cost__exchange_rate": Move(6.5, 7.5, also={"cost__chip_price": "¥100k"}),
    "cost__chip_price": Move("$10k", "$11k..$15k"),
    "cost__server_overhead": Move(1.5, 1.7),
    "cost__storage": Move("1 %", "2 %"),
    "cost__facility": Move("$9M/MW", "¥30M/MW"),
    "cost__shell_share": Move("20 %", "30 %"),
    "cost__energy": Move("$0.05/kWh", "¥0.4/kWh"),
    "cost__demand": Move("$0/kW-month", "$15/kW-month"),
    "cost__staff": Move("$20/kW-year", "$50/kW-year"),
    "cost__maintenance": Move("1 %/year", "2 %/year"),
    "cost__replacement": Move("1 %/year", "2 %/year"),
    "cost__wacc": Move("5 %", "9 %"),
    "cost__life_it": Move("3 years", "5 years"),
    "cost__life_network": Move("3 years", "5 years", SLOW_COST),
    "cost__life_facility": Move("10 years", "20 years"),
    "cost__residual": Move("0 %", "10 %"),
    "cost__sold": Move("60 %", "90 %"),
    "cost__list_rent": Move("$2/chip-hour", "¥20/chip-hour"),
    "cost__committed_rent": Move("$1/chip-hour", "$2/chip-hour"),
}  # fmt: skip
"""By path, dots written as two underscores."""

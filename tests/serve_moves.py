"""Two values for each field of a service's scenario, between which some number of the answer differs."""

from __future__ import annotations

from typing import Any

import moves
from scenarios import DROPPED, changed

SERVICE: dict[str, Any] = {
    "serve": {"model": "llama-3.1-8b", "precision": "fp8", "engine": "vllm-0.12"},
    "pools": [{"chip": "h100-sxm-80", "chips": 2, "layout": {"tp": 1}, "sequences": 64, "chunk": 2048}],
    "demand": {
        "requests_per_second": 12.0,
        "lengths": {"prompt": {"mean": "900 tokens", "sigma": 0.5}, "output": {"mean": "150 tokens", "sigma": 0.5}},
        "duration": "60 s",
    },
}
"""A minute of a small chat: an answer takes some milliseconds."""


def pool(**values: object) -> list[dict[str, Any]]:
    """The small service's pool, changed."""
    return [changed(SERVICE["pools"][0], **values)]


TIGHT = changed(SERVICE, pools=pool(chips=1, memory_reserve="74.5 GB"), demand__requests_per_second=20.0)
"""A cache so small that requests are preempted."""

TIERED = changed(
    SERVICE,
    pools=pool(chips=1, sequences=8),
    demand__users={"count": 40_000.0, "active": "50 %", "requests": 40},
    demand__requests_per_second=DROPPED,
    tiers=[
        {"name": "first", "share": "50 %"},
        {
            "name": "rest", "share": "50 %", "queue": 6, "patience": "5 s",
            "limit": {"requests": 2, "every": "30 s", "burst": 1}, "retry": {"times": 2, "share": "80 %", "delay": "2 s"},
        },
    ],
)  # fmt: skip
"""Two tiers on a chip that cannot serve all."""

CROWD = {"start": "10 s", "factor": 5.0, "ramp": "5 s", "hold": "20 s", "decay": "10 s"}
SCALED = changed(
    SERVICE,
    pools=pool(
        chips=4, sequences=8, scaling={"least": 1, "most": 4, "outstanding": 6, "start_delay": "10 s", "hold": "20 s"}
    ),
    demand__crowds=[CROWD],
    demand__duration="240 s",
)
DAILY = changed(
    SERVICE, demand__daily={"peak_to_trough": 4.0}, demand__duration="2 h", demand__requests_per_second=2.0
)
DRAFTED = changed(SERVICE, serve__speculation={"drafted": 2, "accepted": "60 %", "layers": 1.0})
MIXTURE = changed(
    SERVICE, serve__model="qwen3-30b-a3b", pools=pool(chips=8, layout={"tp": 2, "dp": 2, "ep": 4}),
    demand__requests_per_second=20.0,
)  # fmt: skip
SIZED = changed(SERVICE, pools=pool(chips="auto", layout=DROPPED), objectives={"ttft": "1 s", "tpot": "40 ms"})


CHOICE = changed(
    SIZED, pools=[*pool(chip="a100-sxm-80", precision="bf16", chips="auto", layout=DROPPED, price="$0.5"),
                  *pool(chips="auto", layout=DROPPED, price="$9")],
    demand__requests_per_second=60.0,
)  # fmt: skip
"""Two chips to choose from: many cheap ones, or few dear ones."""


def tier(**values: object) -> dict[str, Any]:
    """The lower tier, changed."""
    first, rest = TIERED["tiers"]
    return {"tiers": [first, changed(rest, **values)]}


def _move(
    first: object, second: object, base: dict[str, Any] = SERVICE, also: dict[str, Any] | None = None
) -> moves.Move:
    return moves.Move(first, second, base, also or {})


def _pools(first: dict[str, Any], second: dict[str, Any], base: dict[str, Any] = SERVICE) -> moves.Move:
    """Two values of a pool's field."""
    own = base["pools"][0]
    return _move([changed(own, **first)], [changed(own, **second)], base)


def _tiers(first: dict[str, Any], second: dict[str, Any]) -> moves.Move:
    return _move(tier(**first)["tiers"], tier(**second)["tiers"], TIERED)


SCALING = "scaling__"
MOVES: dict[str, moves.Move] = {
    "serve__model": _move("llama-3.1-8b", "qwen3-32b"),
    "serve__engine": _move("vllm-0.12", "sglang-0.5.8"),
    "serve__precision": _move("fp8", "bf16"),
    "serve__precision__ffn": _move({"ffn": "fp8"}, {"ffn": "bf16"}),
    "serve__precision__projections": _move({"ffn": "fp8"}, {"ffn": "fp8", "projections": "bf16"}),
    "serve__precision__experts": _move({"ffn": "fp8"}, {"ffn": "fp8", "experts": "bf16"}, MIXTURE),
    "serve__cache": _move("16 bit", "8 bit"),
    "serve__speculation": _move(DROPPED, {"drafted": 2, "accepted": "60 %"}),
    "serve__speculation__drafted": _move(1, 3, DRAFTED),
    "serve__speculation__accepted": _move("60 %", "80 %", DRAFTED),
    "serve__speculation__layers": _move(0.0, 2.0, DRAFTED),
    "serve__preemption": _move("recompute", "swap", TIGHT),
    "serve__host_bandwidth": _move("5 GB/s", "50 GB/s", TIGHT, {"serve__preemption": "swap"}),
    "serve__router": _move("round-robin", "least-loaded"),
    "pools__chip": _pools({"chip": "h100-sxm-80"}, {"chip": "h200-sxm"}),
    "pools__chips": _pools({"chips": 2}, {"chips": 4}),
    "pools__layout": _pools({"layout": {"tp": 1}}, {"layout": {"tp": 2}}),
    "pools__layout__tp": _pools({"layout": {"tp": 1}}, {"layout": {"tp": 2}}),
    "pools__layout__pp": _pools({"layout": {"pp": 1}}, {"layout": {"pp": 2}}),
    "pools__layout__ep": _pools({"layout__ep": 2}, {"layout__ep": 4}, MIXTURE),
    "pools__layout__dp": _pools({"layout__dp": 2}, {"layout__dp": 4}, MIXTURE),
    "pools__engine": _pools({"engine": "vllm-0.12"}, {"engine": "sglang-0.5.8"}),
    "pools__precision": _pools({"precision": "fp8"}, {"precision": "bf16"}),
    "pools__sequences": _pools({"sequences": 4}, {"sequences": 64}),
    "pools__chunk": _pools({"chunk": 256}, {"chunk": 2048}),
    "pools__memory_reserve": _pools({"memory_reserve": "74.5 GB"}, {"memory_reserve": "40 GB"}, TIGHT),
    "pools__price": _pools({"price": "$2"}, {"price": "$3"}),
    "pools__scaling": _pools({"scaling": DROPPED}, {}, SCALED),
    "pools__scaling__least": _pools({"scaling__least": 1}, {"scaling__least": 2}, SCALED),
    "pools__scaling__most": _pools({"scaling__most": 2}, {"scaling__most": 4}, SCALED),
    "pools__scaling__outstanding": _pools({"scaling__outstanding": 3}, {"scaling__outstanding": 30}, SCALED),
    "pools__scaling__start_delay": _pools({"scaling__start_delay": "5 s"}, {"scaling__start_delay": "30 s"}, SCALED),
    "pools__scaling__hold": _pools({"scaling__hold": "15 s"}, {"scaling__hold": "100 s"}, SCALED),
    "demand__requests_per_second": _move(6.0, 12.0),
    "demand__lengths": _move("azure-conv", "azure-code"),
    "demand__lengths__prompt": _move({"prompt": 500, "output": 100}, {"prompt": 900, "output": 100}),
    "demand__lengths__output": _move({"prompt": 500, "output": 100}, {"prompt": 500, "output": 200}),
    "demand__lengths__correlation": _move(0.0, 0.9),
    "demand__lengths__prompt__mean": _move("500 tokens", "900 tokens"),
    "demand__lengths__prompt__sigma": _move(0.2, 0.9),
    "demand__lengths__prompt__lowest": _move(1, 800),
    "demand__lengths__prompt__highest": _move(1000, 9000),
    "demand__lengths__output__mean": _move("100 tokens", "200 tokens"),
    "demand__lengths__output__sigma": _move(0.2, 0.9),
    "demand__lengths__output__lowest": _move(1, 140),
    "demand__lengths__output__highest": _move(160, 2000),
    "demand__variation": _move(1.0, 4.0),
    "demand__users": _move(
        {"count": 1e5, "active": "50 %", "requests": 10},
        {"count": 2e5, "active": "50 %", "requests": 10},
        also={"demand__requests_per_second": DROPPED},
    ),
    "demand__users__count": _move(2e4, 8e4, TIERED),
    "demand__users__active": _move("30 %", "60 %", TIERED),
    "demand__users__requests": _move(20, 50, TIERED),
    "demand__users__top_tenth": _move("20 %", "80 %", TIERED),
    "demand__daily": _move(DROPPED, {"peak_to_trough": 4.0}, DAILY),
    "demand__daily__peak_to_trough": _move(2.0, 6.0, DAILY),
    "demand__daily__peak_hour": _move(0.0, 12.0, DAILY),
    "demand__hour": _move(0.0, 12.0, DAILY),
    "demand__crowds": _move([], [CROWD]),
    **{
        f"demand__crowds__{name}": _move([CROWD], [{**CROWD, name: value}])
        for name, value in (("start", "20 s"), ("factor", 9.0), ("ramp", "9 s"), ("hold", "5 s"), ("decay", "20 s"))
    },
    "demand__duration": _move("60 s", "90 s"),
    "demand__seed": _move(0, 1),
    "objectives__ttft": _move("20 ms", "1 s"),
    "objectives__tpot": _move("5 ms", "1 s"),
    "objectives__e2e": _move("1 s", "100 s"),
    "objectives__share": _move("50 %", "99.9 %", also={"objectives__e2e": "2 s"}),
    "objectives__rejected": _move("0 %", "99 %", TIERED, {"objectives__share": "1 %"}),
    "tiers__name": _tiers({"name": "rest"}, {"name": "others"}),
    "tiers__share": _move(
        [{"name": "first", "share": "50 %"}, {"name": "rest", "share": "50 %", "queue": 6}],
        [{"name": "first", "share": "20 %"}, {"name": "rest", "share": "80 %", "queue": 6}],
        TIERED,
    ),
    "tiers__queue": _tiers({"queue": 2}, {"queue": 20}),
    "tiers__patience": _tiers(
        {"patience": "1 s", "queue": 100, "limit": DROPPED}, {"patience": "9 s", "queue": 100, "limit": DROPPED}
    ),
    "tiers__limit": _tiers({"limit": DROPPED}, {}),
    "tiers__limit__requests": _tiers({"limit__requests": 1}, {"limit__requests": 9}),
    "tiers__limit__every": _tiers({"limit__every": "5 s"}, {"limit__every": "60 s"}),
    "tiers__limit__burst": _tiers({"limit__burst": 1}, {"limit__burst": 5}),
    "tiers__retry": _tiers({"retry": DROPPED}, {}),
    "tiers__retry__times": _tiers({"retry__times": 1}, {"retry__times": 4}),
    "tiers__retry__share": _tiers({"retry__share": "20 %"}, {"retry__share": "100 %"}),
    "tiers__retry__delay": _tiers({"retry__delay": "1 s"}, {"retry__delay": "6 s"}),
    "minimise": _move("chips", "cost", CHOICE),
}

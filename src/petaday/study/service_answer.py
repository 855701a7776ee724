"""What `petaday serve` asks of a scenario file: the plan of its service, or a sweep of its layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from petaday.errors import InputError
from petaday.study.serve import Asking, join
from petaday.study.serve_size import LARGEST_REPLICA, plan_service
from petaday.study.serve_sweep import Sweep, sweep
from petaday.study.service_scenario import ServiceScenario, read_service

__all__ = ["join", "plan_service", "read", "swept"]


def read(
    path: Path, trace: Path | None = None, speed: float = 1.0
) -> tuple[ServiceScenario, Callable[[InputError], InputError]]:
    """A scenario from its file, with a trace in place of its demand where one is given."""
    scenario, locate = read_service(path)
    if trace is None:
        if speed != 1.0:
            raise InputError("a speed without a trace", field="--speed", expected="a --trace beside it")
        return scenario, locate
    if not 0 < speed < 1e9:
        raise InputError(f"a speed of {speed:g}", field="--speed", expected="a number above 0")
    demand = type(scenario.demand)(trace=str(trace.resolve()), speed=speed)
    return scenario.model_copy(update={"demand": demand}), locate


def swept(asking: Asking) -> Sweep:
    """Every legal layout on the first pool's chips, or on the largest replica that is tried where they are open."""
    stack = asking.stacks[0]
    chips = stack.spec.chips
    return sweep(asking, stack, LARGEST_REPLICA if chips == "auto" else int(chips))

"""Collectives between this machine's GPUs: one process a GPU, NCCL, the rate that each rank's links see."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from petaday.calibration.timing import median_seconds
from petaday.errors import InputError

NAMES = ("all-reduce", "all-gather", "reduce-scatter")
BYTES = tuple(2**power for power in range(16, 31, 2))


@dataclass(frozen=True)
class Exchange:
    """A collective of `ranks` GPUs over a buffer of `size` bytes, the longest at any rank, in `seconds`."""

    name: str
    ranks: int
    size: int
    seconds: float

    @property
    def rate(self) -> float:
        """B/s that a rank sends (and receives) in a ring: twice (n-1)/n of the buffer for an all-reduce, else once."""
        passes = 2 if self.name == "all-reduce" else 1
        return passes * (self.ranks - 1) / self.ranks * self.size / self.seconds


def measure_exchanges(ranks: int, sizes: tuple[int, ...] = BYTES, backend: str = "nccl") -> list[Exchange]:
    """Time every collective at every size; nothing with fewer than two ranks.

    Needs PyTorch; `backend` is nccl on GPUs, gloo on the host. Raises InputError: a rank failed.
    """
    if ranks < 2:
        return []
    import torch.multiprocessing as processes

    results = processes.get_context("spawn").SimpleQueue()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    running = processes.spawn(_rank, (ranks, sizes, backend, port, results), nprocs=ranks, join=False)
    # Joined before the result is read, which fits a pipe: a rank that fails raises here and leaves nobody waiting.
    try:
        while not running.join():
            pass
    except (processes.ProcessRaisedException, processes.ProcessExitedException) as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"collectives over {ranks} GPUs failed: {reason}") from None
    exchanges: list[Exchange] = results.get()
    return exchanges


def _rank(rank: int, ranks: int, sizes: tuple[int, ...], backend: str, port: int, results: Any) -> None:
    import torch
    import torch.distributed as group

    # Names that the newest release would rather see do not exist in the oldest that is supported.
    warnings.simplefilter("ignore", FutureWarning)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    on_gpu = backend == "nccl"
    if on_gpu:
        torch.cuda.set_device(rank)
    group.init_process_group(backend, rank=rank, world_size=ranks)

    def clock(call: Callable[[int], object], times: int) -> float:
        group.barrier()
        start = perf_counter()
        for number in range(times):
            call(number)
        if on_gpu:
            torch.cuda.synchronize()
        slowest = torch.tensor(perf_counter() - start, device="cuda" if on_gpu else "cpu")
        # All ranks go on with the same time, or they would choose different numbers of calls and wait for ever.
        group.all_reduce(slowest, op=group.ReduceOp.MAX)
        return float(slowest)

    exchanges = []
    for size in sizes:
        whole = torch.zeros(size // 4 // ranks * ranks, device="cuda" if on_gpu else "cpu")
        part = torch.zeros(len(whole) // ranks, device=whole.device)
        calls = _calls(group, whole, part)
        for name in NAMES:
            exchanges.append(Exchange(name, ranks, size, median_seconds(calls[name], clock)))
    if rank == 0:
        results.put(exchanges)
    group.destroy_process_group()


def _calls(group: Any, whole: Any, part: Any) -> dict[str, Callable[[int], object]]:
    return {
        "all-reduce": lambda _: group.all_reduce(whole),
        "all-gather": lambda _: group.all_gather_into_tensor(whole, part),
        "reduce-scatter": lambda _: group.reduce_scatter_tensor(part, whole),
    }

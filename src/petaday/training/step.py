"""Seconds per step and bytes per chip of every plan in a table, and where the seconds go.

    step = m·T + bubble + exposed synchronisation + update + overhead

with m micro-batches, and T the time of one micro-batch on the slowest stage: its layers forward, backward and
recomputed, its vocabulary end, its hand-overs, and what ZeRO communicates beyond what computation hides.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petaday.fabric import collective
from petaday.fabric.network import Floats, Ints, group
from petaday.training.block import BlockCosts, lead_layers
from petaday.training.job import Job
from petaday.training.layout import Stage, StageLayers, stage_layers
from petaday.training.plan import Plans
from petaday.training.schedule import bubble_seconds
from petaday.training.state import State


def micro_batches(plans: Plans, job: Job) -> Ints:
    """Forward passes of a step on one replica."""
    return job.global_batch // (plans.dp * plans.micro_batch)


class StepTerms:
    """The parts of the step time under one precision; `block` and `state` are read row by row."""

    def __init__(self, plans: Plans, job: Job, block: BlockCosts, state: State) -> None:
        self.plans, self.job, self.block, self.state = plans, job, block, state
        self.micro_batches = micro_batches(plans, job)

    @cached_property
    def step(self) -> Floats:
        """Seconds per optimizer step."""
        passes = self.micro_batches * self.slowest + self.bubble
        return np.asarray(passes + self.exposed_sync + self.state.update + self.job.software.step_overhead)

    @cached_property
    def by_stage(self) -> dict[Stage, Floats]:
        """Seconds of one micro-batch, forward, backward and hand-overs, on each kind of stage."""
        return {stage: self._stage_seconds(stage) for stage in Stage}

    @cached_property
    def slowest(self) -> Floats:
        """Seconds of one micro-batch on the slowest stage."""
        return np.asarray(np.maximum.reduce(list(self.by_stage.values())))

    @cached_property
    def bubble(self) -> Floats:
        """Seconds that the slowest stage waits for the pipeline to fill and drain."""
        plans, block = self.plans, self.block
        inner = self.layers[Stage.MIDDLE].total
        missing = (plans.pp - 2) * inner - (self.job.model.layers - plans.first_layers - plans.last_layers)
        several = plans.pp > 2
        middles = np.where(several, (plans.pp - 2) * self.by_stage[Stage.MIDDLE] - missing * self._layer_seconds, 0.0)
        others = self.by_stage[Stage.FIRST] + self.by_stage[Stage.LAST] + middles - self.slowest
        typical = self.job.model.layers / plans.pp
        return bubble_seconds(
            plans,
            np.where(plans.pp > 1, others, 0.0),
            typical * block.body.forward,
            typical * block.body.backward,
            typical * block.body.weight_grad,
        )

    @cached_property
    def exposed_sync(self) -> Floats:
        """Seconds of gradient reduction and weight hand-out that no computation hides.

        With overlap, all but the last layer's share runs beside the last backward pass, and all but the first
        layer's share of the weights beside the next forward pass.
        """
        plans, state = self.plans, self.state
        layers = np.maximum(self.layers[Stage.FIRST].total, 1)
        window = layers * self.block.body.backward
        next_forward = layers * self.block.body.forward
        reduce = np.maximum(state.sync - window, state.sync / layers)
        hand_out = np.maximum(state.regather - next_forward, state.regather / layers)
        hidden = reduce + hand_out
        return np.where(plans.dp_overlap > 0, hidden, state.sync + state.regather) + state.tied

    @cached_property
    def layers(self) -> dict[Stage, StageLayers]:
        """Layers on each kind of stage."""
        lead = lead_layers(self.job)
        return {stage: stage_layers(self.plans, self.job.model.layers, lead, stage) for stage in Stage}

    @cached_property
    def hand_over(self) -> Floats:
        """Exposed seconds of a micro-batch's hand-overs on one rank: one forward and one backward a virtual stage."""
        plans, network = self.plans, self.job.network
        crosses = plans.tp * plans.cp * plans.dp * plans.pp > network.domain
        hop = collective.point_to_point(self.block.hop_bytes, crosses, network)
        if self.job.software.scatter_gather:
            ranks = group(plans.tp, np.ones_like(plans.tp), network)
            whole = collective.all_gather(self.block.hop_bytes * plans.tp, ranks, network)
            hop = hop + np.where(plans.sequence_parallel > 0, 0.0, whole)
        return np.where(plans.pp > 1, 2 * plans.vpp * hop * (1 - self.job.software.pp_overlap), 0.0)

    @cached_property
    def zero_layer(self) -> Floats:
        """Exposed seconds a layer and micro-batch spends gathering weights and scattering gradients (ZeRO-2, 3)."""
        gather_weights, scatter = self.state.gather_layer, self.state.scatter_layer
        forward, backward = self.block.body.forward, self.block.body.backward
        hidden = np.maximum(gather_weights - forward, 0.0)
        hidden = hidden + np.maximum(gather_weights + scatter - backward, 0.0)
        return np.where(self.plans.dp_overlap > 0, hidden, 2 * gather_weights + scatter)

    @cached_property
    def _layer_seconds(self) -> Floats:
        """Seconds of one body layer, forward and backward, without recomputation."""
        return self.block.body.forward + self.block.body.backward + self.zero_layer

    def _offload_seconds(self, stage: Stage) -> Floats:
        """Exposed seconds a micro-batch's kept activations take to host memory and back, beside the passes."""
        plans, body = self.plans, self.block.body
        total = self.layers[stage].total
        if not plans.activation_offload.any():
            return np.zeros(len(plans))

        def exposed(kept: Floats) -> Floats:
            transfer = kept / self.job.host_bandwidth
            return np.maximum(transfer - body.forward, 0.0) + np.maximum(transfer - body.backward, 0.0)

        repeated = np.minimum(plans.recompute_layers, total)
        seconds = (total - repeated) * exposed(body.kept) + repeated * exposed(body.saved)
        return np.where(plans.activation_offload > 0, seconds, 0.0)

    def _stage_seconds(self, stage: Stage) -> Floats:
        plans, block = self.plans, self.block
        total, lead = self.layers[stage]
        seconds = total * self._layer_seconds
        if lead_layers(self.job):
            seconds = seconds + lead * (
                block.lead.forward + block.lead.backward - block.body.forward - block.body.backward
            )
        seconds = seconds + np.minimum(plans.recompute_layers, total) * block.body.recompute
        if stage is Stage.FIRST:
            seconds = seconds + block.embedding.forward + block.embedding.backward
        head = block.head.forward + block.head.backward
        if stage is Stage.FIRST:
            seconds = seconds + np.where(plans.pp == 1, head, 0.0)
        elif stage is Stage.LAST:
            seconds = seconds + head
        seconds = seconds + self.hand_over + self._offload_seconds(stage)
        return np.where(total > 0, seconds, 0.0)

    def executed_flops(self) -> Floats:
        """FLOP that all chips execute in a step, recomputation included."""
        plans, block, model = self.plans, self.block, self.job.model
        lead = lead_layers(self.job)
        body = (model.layers - lead) * block.body.flops + lead * block.lead.flops
        stages = {Stage.FIRST: 1, Stage.MIDDLE: np.maximum(plans.pp - 2, 0), Stage.LAST: 1}
        repeated = np.zeros(len(plans))
        for stage, number in stages.items():
            repeated += number * np.minimum(plans.recompute_layers, self.layers[stage].total)
        per_rank = body + repeated * block.body.recompute_flops + block.head.flops
        return per_rank * self.micro_batches * plans.tp * plans.cp * plans.dp

    def waterfall(self) -> dict[str, Floats]:
        """Where the step's seconds go on the slowest stage; the parts sum to `step`."""
        plans, block = self.plans, self.block
        seconds: dict[str, Floats] = {}
        slowest = np.argmax(list(self.by_stage.values()), axis=0)

        def at_slowest(by_stage: Sequence[NDArray[Any]]) -> Floats:
            return np.asarray(np.choose(slowest, by_stage))

        total = at_slowest([self.layers[stage].total for stage in Stage])
        lead = at_slowest([self.layers[stage].lead for stage in Stage])
        has_embedding = at_slowest([np.ones(len(plans)), np.zeros(len(plans)), np.zeros(len(plans))])
        has_head = at_slowest([plans.pp == 1, np.zeros(len(plans)), np.ones(len(plans))])
        for name, part in block.body.parts.items():
            spent = (total - lead) * part + lead * block.lead.parts[name]
            for present, end in ((has_embedding, block.embedding), (has_head, block.head)):
                if name in end.parts:
                    spent = spent + present * end.parts[name]
            seconds[name] = self.micro_batches * spent
        repeated = np.minimum(plans.recompute_layers, total)
        seconds["recompute"] = self.micro_batches * repeated * block.body.recompute
        seconds["offload"] = self.micro_batches * at_slowest([self._offload_seconds(stage) for stage in Stage])
        seconds["pipeline"] = self.micro_batches * self.hand_over
        seconds["bubble"] = self.bubble
        seconds["data"] = self.exposed_sync + self.micro_batches * total * self.zero_layer
        seconds["update"] = self.state.update
        seconds["overhead"] = np.full(len(plans), self.job.software.step_overhead)
        return seconds

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
from petaday.training.block import BlockCosts, LayerCost, lead_layers
from petaday.training.job import Job
from petaday.training.layout import Stage, StageLayers, middle_stages, stage_exists, stage_layers
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
        full, short = middle_stages(plans, self.job.model.layers)
        middles = full * self.by_stage[Stage.MIDDLE]
        if short.any():
            middles = middles + short * (self._passes(self.shorter_middle) + self.hand_over)
        others = self.by_stage[Stage.FIRST] + self.by_stage[Stage.LAST] + middles - self.slowest
        typical = self.job.model.layers / plans.pp
        repeated = np.minimum(plans.recompute_layers, typical)
        return bubble_seconds(
            plans,
            np.where(plans.pp > 1, others, 0.0),
            typical * block.body.forward,
            typical * block.body.backward + repeated * block.body.recompute,
            typical * block.body.weight_grad,
        )

    @cached_property
    def exposed_sync(self) -> Floats:
        """Seconds of gradient reduction and weight hand-out that no computation hides.

        With overlap, all but the last layer's share runs beside the last backward pass, and all but the first
        layer's share of the weights beside the next forward pass; `dp_hidden` of what runs beside costs no time.
        """
        plans, state = self.plans, self.state
        layers = np.maximum(self.layers[Stage.FIRST].total, 1)
        window = layers * self.block.body.backward
        next_forward = layers * self.block.body.forward
        hides = self.job.software.dp_hidden
        reduce = state.sync - hides * np.minimum(state.sync * (1 - 1 / layers), window)
        beside = hides if self.job.software.hands_out_beside else 0.0
        hand_out = state.regather - beside * np.minimum(state.regather * (1 - 1 / layers), next_forward)
        hidden = reduce + hand_out
        return np.where(plans.dp_overlap > 0, hidden, state.sync + state.regather) + state.tied

    @cached_property
    def layers(self) -> dict[Stage, StageLayers]:
        """Layers on each kind of stage."""
        lead = lead_layers(self.job)
        return {stage: stage_layers(self.plans, self.job.model.layers, lead, stage) for stage in Stage}

    @cached_property
    def shorter_middle(self) -> StageLayers:
        """Layers on the middle stages that hold one fewer than the fullest."""
        return stage_layers(self.plans, self.job.model.layers, lead_layers(self.job), Stage.MIDDLE, fewer=1)

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

    def _exchange(self, cost: LayerCost, kept: Floats) -> Floats:
        """Exposed seconds that a layer of this cost and kept bytes spends on ZeRO-2/3 and on host memory.

        Weights gathered for a pass, gradients scattered after it and activations on their way to the host or back
        travel on different links, all beside the same pass.
        """
        plans, gather_weights, scatter = self.plans, self.state.gather_layer, self.state.scatter_layer
        transfer = np.where(plans.activation_offload > 0, kept / self.job.host_bandwidth, 0.0)
        late_forward = np.maximum(transfer - cost.forward, 0.0)
        late_backward = np.maximum(transfer - cost.backward, 0.0)
        hides, both = self.job.software.dp_hidden, gather_weights + scatter
        beside = np.maximum(gather_weights - hides * np.minimum(gather_weights, cost.forward), late_forward)
        beside = beside + np.maximum(both - hides * np.minimum(both, cost.backward), late_backward)
        in_order = 2 * gather_weights + scatter + late_forward + late_backward
        return np.where(plans.dp_overlap > 0, beside, in_order)

    @cached_property
    def _body_exchange(self) -> Floats:
        """Exposed exchange of a body layer that leaves host memory alone."""
        return self._exchange(self.block.body, np.zeros(1))

    def _exchanges(self, layers: StageLayers, *, offloading: bool) -> Floats:
        """Exposed exchange of a stage's layers for one micro-batch, with or without host memory."""
        body, lead = self.block.body, self.block.lead
        if not offloading:
            seconds = layers.body * self._body_exchange
            return seconds + layers.lead * self._exchange(lead, np.zeros(1)) if lead_layers(self.job) else seconds
        seconds = (layers.body - layers.body_repeated) * self._exchange(body, body.kept)
        seconds = seconds + layers.body_repeated * self._exchange(body, body.saved)
        if lead_layers(self.job):
            seconds = seconds + (layers.lead - layers.lead_repeated) * self._exchange(lead, lead.kept)
            seconds = seconds + layers.lead_repeated * self._exchange(lead, lead.saved)
        return seconds

    def _repeats(self, layers: StageLayers) -> Floats:
        """Seconds of a stage's recomputation for one micro-batch."""
        seconds = layers.body_repeated * self.block.body.recompute
        return seconds + layers.lead_repeated * self.block.lead.recompute if lead_layers(self.job) else seconds

    def _passes(self, layers: StageLayers) -> Floats:
        """Seconds of one micro-batch on a stage's layers, forward, backward, recomputed and with their exchange."""
        body, lead = self.block.body, self.block.lead
        seconds = layers.body * (body.forward + body.backward) + self._repeats(layers)
        if lead_layers(self.job):
            seconds = seconds + layers.lead * (lead.forward + lead.backward)
        if self.job.software.tensor_launch:
            seconds = np.maximum(seconds, self._launches(layers))
        offloading = bool(self.plans.activation_offload.any())
        return seconds + self._exchanges(layers, offloading=offloading)

    def _launches(self, layers: StageLayers) -> Floats:
        """Host seconds that a stage's tensor-parallel exchanges take for one micro-batch, however small it is.

        A stack that issues them rank by rank takes a time that grows with the group; in a pipeline the host also waits
        for hand-overs, and what it could not issue ahead adds up.
        """
        plans, software = self.plans, self.job.software
        slower = np.where(plans.pp > 1, software.pipeline_launch, 1.0)
        return np.where(plans.tp > 1, layers.total * plans.tp * software.tensor_launch * slower, 0.0)

    def _stage_seconds(self, stage: Stage) -> Floats:
        plans, block = self.plans, self.block
        seconds = self._passes(self.layers[stage]) + self.hand_over
        head = block.head.forward + block.head.backward
        if stage is Stage.FIRST:
            seconds = seconds + block.embedding.forward + block.embedding.backward
            return seconds + np.where(plans.pp == 1, head, 0.0)
        if stage is Stage.LAST:
            seconds = seconds + head
        return np.where(stage_exists(plans, stage), seconds, 0.0)

    def executed_flops(self) -> Floats:
        """FLOP that all chips execute in a step, recomputation included."""
        plans, block, model = self.plans, self.block, self.job.model
        lead = lead_layers(self.job)
        full, short = middle_stages(plans, model.layers)
        stages = (
            (self.layers[Stage.FIRST], 1),
            (self.layers[Stage.MIDDLE], full),
            (self.shorter_middle, short),
            (self.layers[Stage.LAST], 1),
        )
        flops = (model.layers - lead) * block.body.flops + lead * block.lead.flops + block.head.flops
        for layers, number in stages:
            flops = flops + number * layers.body_repeated * block.body.recompute_flops
            flops = flops + number * layers.lead_repeated * block.lead.recompute_flops
        return np.asarray(flops * self.micro_batches * plans.tp * plans.cp * plans.dp)

    def waterfall(self) -> dict[str, Floats]:
        """Where the step's seconds go on the slowest stage; the parts sum to `step`."""
        plans, block = self.plans, self.block
        seconds: dict[str, Floats] = {}
        slowest = np.argmax(list(self.by_stage.values()), axis=0)

        def at_slowest(by_stage: Sequence[NDArray[Any]]) -> NDArray[Any]:
            return np.asarray(np.choose(slowest, by_stage))

        at_stage = StageLayers(*(at_slowest([self.layers[stage][k] for stage in Stage]) for k in range(4)))
        has_embedding = at_slowest([np.ones(len(plans)), np.zeros(len(plans)), np.zeros(len(plans))])
        has_head = at_slowest([plans.pp == 1, np.zeros(len(plans)), np.ones(len(plans))])
        for name, part in block.body.parts.items():
            spent = at_stage.body * part + at_stage.lead * block.lead.parts[name]
            for present, end in ((has_embedding, block.embedding), (has_head, block.head)):
                if name in end.parts:
                    spent = spent + present * end.parts[name]
            seconds[name] = self.micro_batches * spent
        layers_alone = at_stage.body * (block.body.forward + block.body.backward) + self._repeats(at_stage)
        layers_alone = layers_alone + at_stage.lead * (block.lead.forward + block.lead.backward)
        waits = np.maximum(self._launches(at_stage) - layers_alone, 0.0)
        seconds["host"] = seconds["host"] + self.micro_batches * waits
        without_host = self._exchanges(at_stage, offloading=False)
        with_host = self._exchanges(at_stage, offloading=True)
        seconds["recompute"] = self.micro_batches * self._repeats(at_stage)
        seconds["offload"] = self.micro_batches * (with_host - without_host)
        seconds["pipeline"] = self.micro_batches * self.hand_over
        seconds["bubble"] = self.bubble
        seconds["data"] = self.exposed_sync + self.micro_batches * without_host
        seconds["update"] = self.state.update
        seconds["overhead"] = np.full(len(plans), self.job.software.step_overhead)
        return seconds

"""Bytes per chip, by pipeline stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petaday.fabric.network import Floats
from petaday.training.block import BlockCosts, lead_layers
from petaday.training.job import Job
from petaday.training.layout import Stage, StageLayers, stage_layers
from petaday.training.plan import Ints, Plans, Recompute
from petaday.training.schedule import in_flight
from petaday.training.state import State


@dataclass(frozen=True)
class Memory:
    """Bytes on one chip of a stage, each an array (n,).

    working: gathered weights, a recomputed layer, fixed buffers, and what the update stages beyond the passes' peak
    fixed, staging: of the working bytes, those that stay, and what the update stages; cached: what the allocator has taken
    and could give back
    """

    weights: Floats
    gradients: Floats
    optimizer: Floats
    activations: Floats
    working: Floats
    logits: Floats
    fixed: Floats
    staging: Floats
    cached: Floats
    reserve: float

    @property
    def update(self) -> Floats:
        """All that the allocator holds while the optimizer runs."""
        return self.weights + self.gradients + self.optimizer + self.fixed + self.staging

    @property
    def total(self) -> Floats:
        """All that a step needs, in the allocator and outside it."""
        state = self.weights + self.gradients + self.optimizer
        return state + self.activations + self.working + self.logits + self.reserve

    def reserved(self, capacity: float) -> Floats:
        """What the allocator takes of a chip's `capacity` bytes: it gives cached blocks back before it fails."""
        needed = self.total - self.reserve
        return np.maximum(needed, np.minimum(needed + self.cached, capacity - self.reserve))


def stage_memory(
    plans: Plans, job: Job, micro_batches: Ints, block: BlockCosts, state: State, stage: Stage
) -> Memory:
    """Bytes on one chip of the first, the fullest middle or the last stage; `block` and `state` row by row.

    A middle stage is taken at the second position, where it holds the most micro-batches.
    """
    layers = stage_layers(plans, job.model.layers, lead_layers(job), stage)
    position = plans.pp - 1 if stage is Stage.LAST else int(stage)
    held = in_flight(plans, micro_batches, position)
    per_micro_batch = kept_bytes(block, layers, has_lead=bool(lead_layers(job)))
    holds_head = (plans.pp == 1) if stage is Stage.FIRST else (plans.pp > 1) & (stage is Stage.LAST)
    if stage is Stage.FIRST:
        per_micro_batch = per_micro_batch + block.embedding_kept
    repeats = (plans.recompute > Recompute.NONE) & (plans.recompute_layers > 0)
    largest = np.maximum(block.body.kept - block.body.saved, block.lead.kept - block.lead.saved)
    transient = np.where(repeats, largest, 0.0)
    # Offloaded activations stream through two layers' worth of buffers.
    kept = held * per_micro_batch
    habits = job.software.footprint
    on_chip = np.where(plans.activation_offload > 0, np.minimum(kept, 2 * block.body.kept), kept)
    if habits.fragmentation != 1:
        on_chip = on_chip * habits.fragmentation
    logits = np.where(holds_head, block.logits, 0.0)
    # Most stacks have no such habits, and millions of plans need not be priced for them.
    none = np.zeros(1)
    gathered = habits.gather_buffers * block.gathered if habits.gather_buffers else none
    staging, working = none, state.working + transient + (gathered + habits.buffers)
    if habits.staging_bytes:
        staging = state.staging[stage]
        working = working + np.maximum(staging - on_chip - logits - transient, 0.0)
    cached = none
    if habits.waiting_inputs:
        cached = np.where(plans.pp == 1, habits.waiting_inputs * layers.total * block.gathered, 0.0)
    return Memory(
        weights=state.weights[stage],
        gradients=state.gradients[stage],
        optimizer=state.optimizer[stage],
        activations=on_chip,
        working=working,
        logits=logits,
        fixed=gathered,
        staging=staging,
        cached=cached,
        reserve=job.reserve,
    )


def kept_bytes(block: BlockCosts, layers: StageLayers, *, has_lead: bool) -> Floats:
    """Activations that a stage keeps of one micro-batch: what its layers keep, less what the recomputed ones drop."""
    body, lead = block.body, block.lead
    kept = layers.body * body.kept - layers.body_repeated * (body.kept - body.saved)
    if has_lead:
        kept = kept + layers.lead * lead.kept - layers.lead_repeated * (lead.kept - lead.saved)
    return kept

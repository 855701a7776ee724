"""What a training stack holds in memory beyond the tensors that any stack needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Footprint:
    """Habits of a stack's memory; the defaults are those of a stack without any.

    Attributes
    ----------
    bucket_bytes: bytes a parameter of the buckets that gradients are reduced in, beside the accumulated gradients,
        wherever there are replicas (PyTorch DDP: a 16-bit copy of all gradients)
    staging_bytes: bytes a parameter of the flat copies through which ZeRO-1 hands out updated weights: of the whole and
        of the rank's own shard
    shard_grad_bytes: bytes of a gradient that the optimizer copies of the parameters it owns
    gather_buffers: whole inputs of a layer that stay allocated once gathered from sequence-parallel ranks
    logit_bytes: bytes a logit of the loss: 16-bit output and gradient, fp32 copies of either, exponentials
    fragmentation: bytes that the allocator takes for activations over what they are
    waiting_inputs: whole layer inputs, of each layer, that the allocator cannot reuse yet because the communication
        stream has not passed them: without a pipeline nothing stops the host from running ahead
    buffers: bytes that the passes take in the allocator whatever their size (workspaces, tables, buckets, rounding)
    splits_by_cost: a pipeline is cut where multiply-adds are equal, the head's included, rather than layers
    """

    bucket_bytes: float = 0.0
    staging_bytes: float = 0.0
    shard_grad_bytes: float = 0.0
    gather_buffers: float = 0.0
    logit_bytes: float = 6.0
    fragmentation: float = 1.0
    waiting_inputs: float = 0.0
    buffers: float = 0.0
    splits_by_cost: bool = False

"""Serving: the seconds of an engine's iterations and what its replicas hold.

layout   tensor, pipeline, expert and data-parallel attention ranks of a replica; the parameters a chip holds
batch    decodes with their contexts and prefill chunks
products seconds of GEMMs, single and grouped by expert
engine   seconds of one iteration
steady   seconds of an output token under a constant number of sequences
forward  seconds of passes over whole sequences: prompts, and texts that are scored
rollout  seconds of a batch of rollouts whose lengths are known, to the last one
memory   weights, cached tokens and activations in bytes; how many sequences fit
requests requests as columns that stream
arrivals times at which they come
lengths  tokens of their prompts and outputs
demand   what the users of a service ask for, and traces drawn from it
"""

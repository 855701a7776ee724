"""Serving: the seconds of an engine's iterations, what its replicas hold, and what users get of them.

layout   tensor, pipeline, expert and data-parallel attention ranks of a replica; layouts: every legal one
batch    decodes with their contexts and prefill chunks; speculation: tokens drafted and verified
products what GEMMs cost a chip, single and grouped by expert
engine   seconds of one iteration, and its FLOP and bytes; law: the same as tables for a simulation
energy   joules of an iteration
memory   weights, cached tokens and activations in bytes; how many sequences fit
steady   seconds of an output token and tokens a second under a constant number of sequences
capacity latency against throughput of layouts, prefill and decode together or apart
waves    seconds of a finite run of equal requests
forward  seconds of passes over whole sequences: prompts, and texts that are scored
rollout  seconds of a batch of rollouts whose lengths are known, to the last one
requests requests as columns that stream; arrivals, lengths: when they come and how long they are
demand   what the users of a service ask for, and traces drawn from it
simulate a service request by request
"""

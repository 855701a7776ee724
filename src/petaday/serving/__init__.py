"""Serving: the seconds of an engine's iterations and what its replicas hold.

layout   tensor, pipeline, expert and data-parallel attention ranks of a replica; the parameters a chip holds
batch    decodes with their contexts and prefill chunks
products what GEMMs cost a chip, single and grouped by expert
engine   seconds of one iteration, and its FLOP and bytes
steady   seconds of an output token and tokens a second under a constant number of sequences
waves    seconds of a finite run of equal requests
energy   joules of an iteration
memory   weights, cached tokens and activations in bytes; how many sequences fit
"""

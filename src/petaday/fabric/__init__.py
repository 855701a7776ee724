"""How chips are wired, what that takes, and the seconds of a collective on that wiring.

network      the two networks a job sees, and where a group of ranks falls on them
collective   all-reduce, all-gather, reduce-scatter, all-to-all and point-to-point in closed form
topology/    exact counts of switches and links, and graphs as arrays
optics       which link technology serves a class of links
bill         modules, fibres, lasers, watts, dollars and failures of a network, as ranges
ranges       a figure with what sources leave open
copper       how far copper reaches, and where it ends
wiring       the directed links of a fat tree, numbered
routing      ECMP, spraying and adaptive routing on it
minimal      shortest routes on any graph
hashing      the hash that ECMP deals flows by
traffic      permutations, rings, all-to-all, incast, placed jobs
flow         max-min fair rates
events       flows that start, finish and lose links
contention   what share of its rate a flow keeps
"""

"""How chips are wired: exact counts of switches and links, and the graph as arrays.

build        any of them by name and number of chips
shape        what every topology is counted in: tiers of switches, classes of links, bisection
clos         fat trees of one to three tiers: oversubscribed, rail-optimised, rail-only, in planes
clos_limits  how a switch's ports split and what fits; errors that name the nearest workable size
direct       networks without tiers: Slim Fly, dragonfly, 3-D torus behind optical circuit switches
scale_up     domains that one can buy: NVL8, NVL72, NVL576, CloudMatrix384, UALink pod, TPU cube
graph        any of them as arrays of nodes and links
direct_graph the wiring of the networks without tiers
galois       the finite fields that a Slim Fly is wired by
"""

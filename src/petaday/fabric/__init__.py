"""How chips are wired and the seconds of a collective on that wiring.

network     the two networks a job sees and where a group of ranks falls on them
collective  all-reduce, all-gather, reduce-scatter, all-to-all and point-to-point in closed form
"""

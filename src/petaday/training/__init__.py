"""One training job's time and memory under any number of parallel plans, and the search for the best plan.

plan      Plans, a table of parallel plans, and the meaning of each column
job       what does not change between plans: model, batch, precisions, chip laws, network, software
layout    layers of a pipeline stage
block     seconds and bytes of one layer, of the head, of a hand-over, for each distinct sharding
state     weights, gradients and optimizer: bytes, synchronisation and update
schedule  bubbles and micro-batches in flight of the pipeline schedules
memory    bytes per chip, by stage
step      seconds per step, with every part
search    every legal plan, the best, the Pareto front, the fewest chips
relax     what binds when nothing fits, and the cheapest way to lift it
"""

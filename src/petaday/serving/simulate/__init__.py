"""A service simulated request by request, exact to the iteration and without stepping through iterations.

service   pools of replicas, tiers of users, the rules between them
run       a trace through the compiled loop; outcome: latencies, refusals, tokens, seconds
build     the columns that the loop works on; state: what they mean
loop      what happens next; replica: one replica's iterations; clients: how requests come in
price     seconds of a stretch of iterations; prefix: blocks of prompts in caches; queues: lists and heaps
compile   numba, cached on disk
"""

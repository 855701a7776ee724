"""Published measurements against predictions, through the same code that plans a user's run.

suite        predictions against measurements, and their statistics
rows         a measured training run as a scenario, and its prediction
training     step times of a table of runs
collectives  times of collectives inside a node and over nodes
"""

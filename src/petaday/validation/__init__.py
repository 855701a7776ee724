"""Published measurements against predictions, through the same code that plans a user's run.

rows   a measured row as a scenario, and its prediction
"""

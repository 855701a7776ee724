"""A scenario put together: the file a user writes, the job it describes, the answer.

scenario   the file's schema and how it is read
job        catalog parts and scenario joined into a training job, with every assumption listed
answer     the plan of a scenario: demand, plan, time, memory, alternatives, or what binds
"""

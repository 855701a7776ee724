"""What leaves the house for a person or a program.

payload   an answer as plain data with stable keys: the JSON
fields    every key of it: unit, meaning, formula, inputs, source
inputs    the figures behind an answer by name, each with its value and source
explain   one field of an answer taken apart
terminal  an answer as tables
rows      plans as a CSV table
"""

"""The parts one can buy: chips, models, networks and software; YAML, each figure with its source."""

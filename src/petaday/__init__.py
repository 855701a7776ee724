"""petaday plans and simulates AI compute."""

__version__ = "0.1.0"

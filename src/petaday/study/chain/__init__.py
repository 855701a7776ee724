"""The chain behind a plan: from its step time to goodput, watts, carbon, money and wafers, at the medians or in samples."""

from petaday.study.chain.link import Link, evaluate

__all__ = ["Link", "evaluate"]

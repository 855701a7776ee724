"""Speculative decoding: some tokens are drafted cheaply and verified together (Leviathan et al. 2023, arXiv:2211.17192)."""

from __future__ import annotations

from typing import NamedTuple


class Speculation(NamedTuple):
    """How an engine drafts.

    drafted: tokens drafted for each sequence and iteration; 0 decodes plainly
    accepted: chance that a drafted token is what the model itself would have taken, given that all before it were
    layers: layers of the model's own shape that drafting one token runs: 1 for multi-token prediction (DeepSeek-V3,
        arXiv:2412.19437, section 2.2) and EAGLE, 0 for n-grams of the prompt
    """

    drafted: int = 0
    accepted: float = 0.0
    layers: float = 0.0

    @property
    def verified(self) -> int:
        """Tokens of a sequence that pass the model in one iteration."""
        return self.drafted + 1

    @property
    def gained(self) -> float:
        """Tokens that a sequence gains by one iteration, (1 - α^(k+1))/(1 - α) on average (equation 1)."""
        return sum(self.accepted**tokens for tokens in range(self.drafted + 1))


PLAIN = Speculation()
"""One token a sequence and iteration."""

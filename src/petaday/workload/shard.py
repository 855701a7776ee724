"""What one rank holds of a micro-batch: the arrays that an operator's sizes depend on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Shard(NamedTuple):
    """Parallel sizes and micro-batch, each an array of the same shape (n,); `seq_len` is one number.

    micro_batch: sequences; tp, cp, ep, etp: ranks that share tensors, the context, the experts, an expert's tensors;
    sequence_parallel: 1 where norms and residuals are split over tp as well, else 0.
    """

    seq_len: int
    micro_batch: Floats
    tp: Floats
    cp: Floats
    ep: Floats
    etp: Floats
    sequence_parallel: Floats

    @property
    def tokens(self) -> Floats:
        """Tokens of a micro-batch on one rank's part of the context."""
        return self.micro_batch * self.seq_len / self.cp

    @property
    def split(self) -> Floats:
        """Ranks over which the operators outside the tensor-parallel regions are split."""
        return np.where(self.sequence_parallel > 0, self.tp, 1.0)

"""An engine's iteration as tables and slopes, so that a simulation prices it in a few additions.

`engine.py` says what an iteration takes: something by its tokens, something by its decodes, something by the positions
that are sampled, and attention, which is linear in the contexts and in the query-key pairs. The tables hold those same
functions at every whole number of tokens and sequences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from petaday.chip.power import Draws
from petaday.serving.engine import (
    AttentionLaw,
    Engine,
    attention_laws,
    exchange_seconds,
    head,
    latent_decode,
    latent_prefill,
    overhead_seconds,
    token_kernels,
)
from petaday.serving.layout import Floats, Layout
from petaday.serving.products import Work
from petaday.serving.speculation import PLAIN, Speculation


class IterationLaw(NamedTuple):
    """Seconds of a replica's iteration with d decodes, p prompt tokens, context sum S and P query-key pairs:

        tokens[d·v + p] + prompt[p] + decodes[d] + sampled[p > 0, d·v] + Σ over kinds of layers of
        min(S, d·window)·token + max(pair·(min(P, p·window) + sequence·p/2), prompt·p) + launches

    v tokens of a sequence are verified at once; kinds: a row [window, token, pair, prompt, sequence, launch] each.
    """

    tokens: Floats
    prompt: Floats
    decodes: Floats
    sampled: Floats
    kinds: Floats


class Laws(NamedTuple):
    """What an iteration takes: seconds, and joules of all boards beside what they draw while they wait."""

    seconds: IterationLaw
    joules: IterationLaw


def iteration_laws(
    engine: Engine,
    layout: Layout,
    *,
    chunk: int,
    sequences: int,
    speculation: Speculation = PLAIN,
    board_watts: float = 0.0,
    draws: Draws | None = None,
) -> Laws:
    """The laws of a replica whose iterations have at most `chunk` tokens, or all decodes of `sequences`.

    layout: numbers, one replica; board_watts, draws: the power limit of a board and its shares (`energy.py`); without
    them nothing is known of the joules, and the law says 0
    """
    groups = float(layout.dp * layout.pp)
    # The last sequence to join may verify more tokens than the chunk has left.
    most = max(chunk, sequences * speculation.verified) + speculation.verified
    if layout.pp > 1:
        # A pipeline's round may cost as much as a full chunk beside all decodes (`engine.fullest_prompt`).
        most += min(chunk, sequences * speculation.verified)
    tokens = np.arange(most + 1) / groups
    verified = tokens[: sequences * speculation.verified + 1]
    decodes = tokens[: sequences + 1]
    drafts = speculation.drafted * speculation.layers / engine.model.layers
    parts = _Parts(
        tokens=_all(token_kernels(engine, _many(layout, tokens), tokens)),
        prompt=latent_prefill(engine, _many(layout, tokens), tokens),
        decodes=latent_decode(engine, _many(layout, decodes), decodes * speculation.verified),
        sampled=[head(engine, _many(layout, verified), verified + ends) for ends in (0.0, 1.0)],
        drafted=_all(token_kernels(engine, _many(layout, decodes), decodes)).times(drafts)
        + head(engine, _many(layout, decodes), decodes).times(speculation.drafted),
        attention=attention_laws(engine, layout, speculation.verified),
        groups=groups,
        drafts=1 + drafts,
    )
    seconds = parts.law(lambda work: work.seconds)
    exchanged = exchange_seconds(engine, _many(layout, tokens), tokens)
    waited = drafts * exchange_seconds(engine, _many(layout, decodes), decodes)
    hosted = float(layout.pp) * engine.overheads.sequence * decodes
    joules = parts.law(lambda work: 0 * work.seconds)
    if draws is not None:
        watts, of_work = board_watts * float(layout.chips), draws.of_work
        joules = parts.law(lambda work: watts * of_work(work.arithmetic, work.traffic), timed=False)
    return Laws(
        seconds._replace(
            tokens=seconds.tokens + exchanged + overhead_seconds(engine, _many(layout, tokens), tokens),
            decodes=seconds.decodes + waited + hosted,
        ),
        joules,
    )


def _many(layout: Layout, like: Floats) -> Layout:
    """A layout of numbers as columns."""
    return Layout(*(np.full_like(like, float(size)) for size in layout))


def _all(kernels: tuple[Work, ...]) -> Work:
    """Kernels of an iteration, one after another."""
    first, *others = kernels
    for each in others:
        first = first + each
    return first


class _Parts(NamedTuple):
    """The work of an iteration by what moves it; attention for tokens of the whole replica, `groups` groups' stages."""

    tokens: Work
    prompt: Work
    decodes: Work
    sampled: list[Work]
    drafted: Work
    attention: tuple[AttentionLaw, ...]
    groups: float
    drafts: float

    def law(self, unit: Callable[[Work], Floats], *, timed: bool = True) -> IterationLaw:
        """The law of one side of the work; `timed` where launches and unfilled kernels count."""
        rows = [
            [
                each.window,
                float(unit(each.token)) * each.count / self.groups * self.drafts,
                float(unit(each.pair)) * each.count / self.groups,
                float(unit(each.prompt)) * each.count / self.groups,
                each.sequence * timed,
                each.launch * each.count * timed,
            ]
            for each in self.attention
        ]
        return IterationLaw(
            tokens=unit(self.tokens),
            prompt=unit(self.prompt),
            decodes=unit(self.decodes) + unit(self.drafted),
            sampled=np.stack([unit(each) for each in self.sampled]),
            kinds=np.array(rows),
        )

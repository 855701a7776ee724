"""An engine's iteration as tables and slopes, so that a simulation prices it in a few additions.

`engine.py` says what an iteration takes: something by its tokens, something by its decodes, something by the positions
that are sampled, and attention, which is linear in the contexts and in the query-key pairs. The tables hold those same
functions at every whole number of tokens and sequences.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from petaday.serving.engine import (
    AttentionLaw,
    Engine,
    attention_laws,
    head_seconds,
    latent_decode_seconds,
    latent_prefill_seconds,
    token_seconds,
)
from petaday.serving.layout import Floats, Layout
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


def iteration_law(
    engine: Engine, layout: Layout, *, chunk: int, sequences: int, speculation: Speculation = PLAIN
) -> IterationLaw:
    """The law of a replica whose iterations have at most `chunk` tokens, or all decodes of `sequences`.

    layout: numbers, one replica
    """
    groups = float(layout.dp * layout.pp)
    # The last sequence to join may verify more tokens than the chunk has left.
    most = max(chunk, sequences * speculation.verified) + speculation.verified
    one = Layout(*(np.full(most + 1, float(size)) for size in layout))
    own = np.arange(most + 1) / groups
    some = slice(sequences * speculation.verified + 1)
    few = Layout(*(size[some] for size in one))
    decoding = Layout(*(size[: sequences + 1] for size in one))
    alone = own[: sequences + 1]
    drafting = speculation.drafted * speculation.layers
    draft = drafting / engine.model.layers
    decodes = latent_decode_seconds(engine, decoding, alone * speculation.verified)
    if drafting:
        layers = token_seconds(engine, decoding, alone)._replace(overhead=np.zeros(1))
        decodes = decodes + draft * layers.total + speculation.drafted * head_seconds(engine, decoding, alone)
    return IterationLaw(
        tokens=token_seconds(engine, one, own).total,
        prompt=latent_prefill_seconds(engine, one, own),
        decodes=decodes + float(layout.pp) * engine.overheads.sequence * alone,
        sampled=np.stack([head_seconds(engine, few, own[some] + ends) for ends in (0.0, 1.0)]),
        kinds=np.array(
            [_row(law, groups, 1 + draft) for law in attention_laws(engine, layout, speculation.verified)]
        ),
    )


def _row(law: AttentionLaw, groups: float, drafts: float) -> NDArray[np.float64]:
    """A kind's figures for all its layers, by tokens of the whole replica."""
    per = law.count / groups
    return np.array(
        [law.window, law.token * per * drafts, law.pair * per, law.prompt * per, law.sequence, law.launch * law.count]
    )

"""Shipped models and their parameter counts, against what their authors published."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import petaday.catalog.model
from petaday.catalog.model import Model
from petaday.catalog.strict_yaml import load
from petaday.catalog.validate import validated
from petaday.workload.architecture import LayerKind, is_moe, layer_kinds, norm, parameters, window

FOLDER = Path(petaday.catalog.model.__file__).parent / "data" / "models"


def shipped_models() -> list[Model]:
    """Every model of the catalog's own files."""
    models = []
    for file in sorted(FOLDER.glob("*.yaml")):
        document = load(file)
        assert isinstance(document.data, dict)
        entries = document.data["models"]
        models += [validated(Model, document, ("models", i)) for i in range(len(entries))]
    return models


SHIPPED = {model.id: model for model in shipped_models()}


def with_(model: Model, **changes: Any) -> Model:
    """The model with some fields changed, validated again."""
    return Model.model_validate(model.model_dump() | changes)


# Published counts


@pytest.mark.parametrize("model", [each for each in SHIPPED.values() if each.published], ids=lambda model: model.id)
def test_total_as_published(model: Model) -> None:
    assert model.published is not None
    count = parameters(model)
    total = count.total + (count.mtp if model.published.total_includes_mtp else 0)
    assert total == pytest.approx(model.published.total, rel=0.005)


@pytest.mark.parametrize(
    "model",
    [model for model in SHIPPED.values() if model.published and model.published.active],
    ids=lambda model: model.id,
)
def test_active_as_published(model: Model) -> None:
    assert model.published is not None
    assert parameters(model).active == pytest.approx(model.published.active, rel=0.005)


@pytest.mark.parametrize("model", SHIPPED.values(), ids=SHIPPED)
def test_an_moe_says_what_its_card_says(model: Model) -> None:
    if model.moe:
        assert model.published is not None
        assert model.published.active or "active" in model.published.rounded


@pytest.mark.parametrize(
    ("id", "exact"),
    [
        ("llama-3.1-405b", 405_853_388_800),
        ("qwen2.5-72b", 72_706_203_648),
        ("qwen3-0.6b", 596_049_920),
        ("qwen3-235b-a22b", 235_093_634_560),
        ("mixtral-8x7b", 46_702_792_704),
        ("deepseek-v2-lite", 15_706_484_224),
        ("deepseek-v3", 671_026_419_200),
        ("glm-4.5-air", 106_852_251_264),
        ("gpt-oss-120b", 116_829_156_672),
    ],
)
def test_equals_the_released_weights_to_the_last_parameter(id: str, exact: int) -> None:
    assert parameters(SHIPPED[id]).total == exact


@pytest.mark.parametrize(
    ("id", "billions"),
    # Rounded figures of the model cards, too coarse for 0.5%.
    [
        ("qwen3-30b-a3b", 3.3),
        ("qwen3-235b-a22b", 22),
        ("deepseek-v2", 21),
        ("kimi-k2", 32.6),
        ("llama-4-scout", 17),
        ("llama-4-maverick", 17),
    ],
)
def test_active_near_a_rounded_card(id: str, billions: float) -> None:
    assert parameters(SHIPPED[id]).active == pytest.approx(billions * 1e9, rel=0.02)


@pytest.mark.parametrize("model", [m for m in SHIPPED.values() if m.family == "megatron"], ids=lambda m: m.id)
def test_megatron_equation_2(model: Model) -> None:
    """arXiv 2104.04473, equation 2, and the final norm that it leaves out."""
    layers, h, V, s = model.layers, model.hidden, model.vocab, model.max_position
    equation_2 = 12 * layers * h**2 + 13 * layers * h + (V + s) * h
    assert parameters(model).total == equation_2 + norm(model, h)


def test_deepseek_v3_mtp_module() -> None:
    """README_WEIGHTS.md of DeepSeek-V3: 11.5B parameters beside the shared embedding and LM head."""
    assert parameters(SHIPPED["deepseek-v3"]).mtp == pytest.approx(11.5e9, rel=0.01)


def test_gpt3_training_compute() -> None:
    """Brown et al. 2020, Table D.1: 3.14e23 FLOP for 300B tokens, as 6 FLOP per parameter and token."""
    assert 6 * parameters(SHIPPED["gpt-3-175b"]).matmul_active * 300e9 == pytest.approx(3.14e23, rel=0.005)


# The catalog


def test_ids_and_aliases_name_one_model_each() -> None:
    def plain(name: str) -> str:
        return "".join(letter for letter in name.lower() if letter.isalnum())

    names: Counter[str] = Counter()
    for model in SHIPPED.values():
        names.update({plain(name) for name in (model.id, model.name, *model.aliases)})
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize(
    "name",
    ["GPT 174.6B (Megatron 2021)", "GPT 18.4B (vTrain)", "Llama-3.1 405B", "Qwen3 30B-A3B", "Llama-4 Scout"],
)
def test_names_of_published_measurements_resolve(name: str) -> None:
    assert sum(name in (model.name, *model.aliases) for model in SHIPPED.values()) == 1


# Kinds of layers


def test_gpt_oss_alternates_and_maverick_interleaves() -> None:
    assert layer_kinds(SHIPPED["gpt-oss-20b"]) == ((LayerKind(True, 128), 12), (LayerKind(True, None), 12))
    maverick = SHIPPED["llama-4-maverick"]
    assert dict(layer_kinds(maverick)) == {
        LayerKind(False, 8192): 24,
        LayerKind(True, 8192): 12,
        LayerKind(True, None): 12,
    }
    assert [is_moe(maverick, i) for i in range(4)] == [False, True, False, True]
    assert [window(maverick, i) for i in range(4)] == [8192, 8192, 8192, None]


def test_mistral_slides_everywhere_and_deepseek_begins_dense() -> None:
    assert layer_kinds(SHIPPED["mistral-7b"]) == ((LayerKind(False, 4096), 32),)
    assert layer_kinds(SHIPPED["deepseek-v3"]) == ((LayerKind(False, None), 3), (LayerKind(True, None), 58))


@pytest.mark.parametrize("model", SHIPPED.values(), ids=SHIPPED)
def test_kinds_cover_every_layer(model: Model) -> None:
    kinds, count = layer_kinds(model), parameters(model)
    assert sum(number for _, number in kinds) == model.layers == count.dense_layers + count.moe_layers
    assert sum(number for kind, number in kinds if kind.moe) == count.moe_layers


# Properties


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Small models of every kind of attention and FFN that the schema can express."""
    size = st.integers(1, 64)
    heads, layers = draw(st.sampled_from([(1, 1), (4, 1), (4, 2), (8, 8)])), draw(st.integers(2, 9))
    mla = draw(st.booleans())
    moe = draw(st.booleans())
    experts = draw(st.integers(1, 16))
    dense_layers = draw(st.integers(0, layers - 1))
    nope, rope = draw(size), draw(size)
    return Model.model_validate(
        {
            "id": "m",
            "name": "m",
            "family": "test",
            "source": "test",
            "layers": layers,
            "hidden": draw(size),
            "heads": heads[0],
            "kv_heads": heads[1],
            "head_dim": nope + rope,
            "ffn": draw(size) if not moe or dense_layers else 0,
            "gated": draw(st.booleans()),
            "vocab": draw(size),
            "max_position": draw(st.integers(0, 64)),
            "tied_embeddings": draw(st.booleans()),
            "norm": draw(st.sampled_from(["layernorm", "rmsnorm"])),
            "sandwich_norms": draw(st.booleans()),
            "attention_sinks": draw(st.booleans()),
            "qk_norm": not mla and draw(st.booleans()),
            "linear_bias": not mla and draw(st.booleans()),
            "mla": {
                "q_lora_rank": draw(st.none() | size),
                "kv_lora_rank": draw(size),
                "qk_nope_head_dim": nope,
                "qk_rope_head_dim": rope,
                "v_head_dim": draw(size),
            }
            if mla
            else None,
            "sliding_window": draw(
                st.none() | st.builds(dict, window=size, every=st.integers(0, 6).filter(lambda n: n != 1))
            ),
            "moe": {
                "experts": experts,
                "topk": draw(st.integers(1, experts)),
                "ffn": draw(size),
                "first_dense_layers": dense_layers,
                "router_bias": draw(st.booleans()),
            }
            if moe
            else None,
            "mtp_layers": draw(st.integers(0, 2)),
        }
    )


@given(models())
def test_total_is_the_sum_of_its_parts(model: Model) -> None:
    count = parameters(model)
    assert count.total == (
        count.embedding
        + count.position
        + count.head
        + count.norms
        + model.layers * count.attention_per_layer
        + count.dense_layers * count.dense_ffn_per_layer
        + count.moe_layers * count.moe_per_layer
    )


@given(models())
def test_active_within_total_and_matrices_within_active(model: Model) -> None:
    count = parameters(model)
    assert 0 < count.matmul_active <= count.active <= count.total
    if model.moe is None or model.moe.topk == model.moe.experts:
        assert count.active == count.total


@given(models())
def test_more_layers_are_more_parameters(model: Model) -> None:
    count, deeper = parameters(model), parameters(with_(model, layers=model.layers + 1))
    assert deeper.total > count.total
    assert deeper.active > count.active


@given(models())
def test_more_experts_are_idle_but_for_the_router(model: Model) -> None:
    if model.moe is None:
        return
    moe = model.moe.model_dump()
    count, wider = parameters(model), parameters(with_(model, moe=moe | {"experts": model.moe.experts + 1}))
    router = model.hidden + (1 if model.moe.router_bias else 0)
    assert wider.total - count.total == count.moe_layers * (count.expert + router)
    assert wider.active - count.active == count.moe_layers * router


@given(models())
def test_tying_saves_the_head_and_no_work(model: Model) -> None:
    tied, untied = (parameters(with_(model, tied_embeddings=tied)) for tied in (True, False))
    assert untied.total - tied.total == model.vocab * model.hidden
    assert untied.matmul_active == tied.matmul_active


# Wrong input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kv_heads": 3}, "does not divide"),
        ({"layers": 0}, "greater than 0"),
        ({"layers": 10**9}, "less than or equal to 10000"),
        ({"ffn": 0}, "dense layers"),
        ({"hidden": 4096.0}, "integer"),
        ({"tied_embeddings": 1}, "boolean"),
        ({"window": 128}, "xtra"),
        ({"sliding_window": {"window": 128, "every": 1}}, "windows no layer"),
        ({"moe": {"experts": 8, "topk": 2, "ffn": 64}}, "no layer has this width"),
        ({"moe": {"experts": 8, "topk": 9, "ffn": 64}, "ffn": 0}, "but there are 8"),
        ({"moe": {"experts": 8, "topk": 2, "ffn": 64, "shared_experts": 1}, "ffn": 0}, "together"),
        ({"moe": {"experts": 8, "topk": 2, "ffn": 64, "first_dense_layers": 32}}, "leaves no MoE layer"),
        ({"mla": SHIPPED["deepseek-v3"].mla}, "qk_nope_head_dim"),
        ({"mla": SHIPPED["deepseek-v3"].mla, "head_dim": 192, "qk_norm": True}, "norms of their own"),
    ],
)
def test_inconsistent_dimensions_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Model.model_validate(SHIPPED["llama-3-8b"].model_dump() | changes)

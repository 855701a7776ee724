"""Hugging Face configs become the shipped models, and models survive the way to YAML and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import petaday.catalog.model
from petaday.catalog.huggingface import import_config, model_to_yaml
from petaday.catalog.huggingface_families import FAMILIES
from petaday.catalog.model import Model
from petaday.catalog.strict_yaml import load, loads
from petaday.catalog.validate import validated
from petaday.errors import InputError
from petaday.workload.architecture import parameters

FOLDER = Path(petaday.catalog.model.__file__).parent / "data" / "models"
SHAPE = (
    "num_hidden_layers",
    "hidden_size",
    "num_attention_heads",
    "num_key_value_heads",
    "intermediate_size",
    "vocab_size",
)
PROVENANCE = {"id", "name", "aliases", "family", "year", "source", "published"}


def shipped(family: str, id: str) -> Model:
    """One model of the catalog's own files."""
    document = load(FOLDER / f"{family}.yaml")
    assert isinstance(document.data, dict)
    ids = [entry["id"] for entry in document.data["models"]]
    return validated(Model, document, ("models", ids.index(id)))


def dimensions(model: Model) -> dict[str, Any]:
    """What a minimal config.json says of a model."""
    return model.model_dump(exclude=PROVENANCE | {"context"})


def decoder(model_type: str, shape: str, **others: Any) -> dict[str, Any]:
    """A minimal config.json; the shape is layers, hidden, heads, kv heads, FFN width and vocabulary."""
    return {"model_type": model_type, **dict(zip(SHAPE, map(int, shape.split()), strict=True)), **others}


MLA = {
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
}
FINE_GRAINED = {"n_shared_experts": 1, "num_experts_per_tok": 8}

CONFIGS: dict[tuple[str, str], dict[str, Any]] = {
    ("llama", "llama-3.1-405b"): decoder("llama", "126 16384 128 8 53248 128256", attention_bias=False),
    ("llama", "llama-3.2-1b"): decoder("llama", "16 2048 32 8 8192 128256", tie_word_embeddings=True),
    ("internlm", "internlm-7b"): decoder("llama", "32 4096 32 32 11008 103168", attention_bias=True),
    ("llama", "llama-4-maverick"): {
        "model_type": "llama4",
        "text_config": decoder(
            "llama4_text",
            "48 5120 40 8 8192 202048",
            intermediate_size_mlp=16384,
            interleave_moe_layer_step=2,
            num_local_experts=128,
            num_experts_per_tok=1,
            attention_chunk_size=8192,
        ),
    },
    ("mistral", "mistral-7b"): decoder("mistral", "32 4096 32 8 14336 32000", sliding_window=4096),
    ("mistral", "mixtral-8x7b"): decoder(
        "mixtral", "32 4096 32 8 14336 32000", num_local_experts=8, num_experts_per_tok=2, sliding_window=None
    ),
    ("qwen", "qwen2.5-7b"): decoder(
        "qwen2", "28 3584 28 4 18944 152064", sliding_window=131072, use_sliding_window=False
    ),
    ("qwen", "qwen3-32b"): decoder("qwen3", "64 5120 64 8 25600 151936", head_dim=128),
    ("qwen", "qwen3-30b-a3b"): decoder(
        "qwen3_moe",
        "48 2048 32 4 6144 151936",
        head_dim=128,
        num_experts=128,
        num_experts_per_tok=8,
        moe_intermediate_size=768,
        decoder_sparse_step=1,
        mlp_only_layers=[],
    ),
    ("deepseek", "deepseek-v2-lite"): decoder(
        "deepseek_v2",
        "27 2048 16 16 10944 102400",
        **MLA | {"q_lora_rank": None},
        n_routed_experts=64,
        n_shared_experts=2,
        num_experts_per_tok=6,
        moe_intermediate_size=1408,
        first_k_dense_replace=1,
        moe_layer_freq=1,
    ),
    ("deepseek", "deepseek-v3"): decoder(
        "deepseek_v3",
        "61 7168 128 128 18432 129280",
        **MLA,
        **FINE_GRAINED,
        n_routed_experts=256,
        moe_intermediate_size=2048,
        first_k_dense_replace=3,
        num_nextn_predict_layers=1,
    ),
    ("deepseek", "kimi-k2"): decoder(
        "kimi_k2",
        "61 7168 64 64 18432 163840",
        **MLA,
        **FINE_GRAINED,
        n_routed_experts=384,
        moe_intermediate_size=2048,
        first_k_dense_replace=1,
    ),
    ("glm", "glm-4.5"): decoder(
        "glm4_moe",
        "92 5120 96 8 12288 151552",
        **FINE_GRAINED,
        head_dim=128,
        attention_bias=True,
        use_qk_norm=True,
        n_routed_experts=160,
        moe_intermediate_size=1536,
        first_k_dense_replace=3,
        num_nextn_predict_layers=1,
    ),
    ("gpt-oss", "gpt-oss-20b"): decoder(
        "gpt_oss",
        "24 2880 64 8 2880 201088",
        head_dim=64,
        num_local_experts=32,
        num_experts_per_tok=4,
        sliding_window=128,
        layer_types=["sliding_attention", "full_attention"] * 12,
    ),
    ("gpt-3", "gpt-3-small"): {
        "model_type": "gpt2",
        "n_layer": 12,
        "n_embd": 768,
        "n_head": 12,
        "n_inner": None,
        "n_positions": 2048,
        "vocab_size": 50257,
    },
}
GPT_NEOX_20B = decoder("gpt_neox", "44 6144 64 64 24576 50432", tie_word_embeddings=False)
QWEN2_57B = decoder(
    "qwen2_moe",
    "28 3584 28 4 18944 151936",
    num_experts=64,
    num_experts_per_tok=8,
    moe_intermediate_size=2560,
    shared_expert_intermediate_size=20480,
)


def test_the_longest_context_is_read() -> None:
    config = {**CONFIGS["llama", "llama-3.1-405b"], "max_position_embeddings": 131072}
    assert import_config(json.dumps(config)).context == shipped("llama", "llama-3.1-405b").context == 131072


@pytest.mark.parametrize(("where", "config"), CONFIGS.items(), ids=[id for _, id in CONFIGS])
def test_import_equals_the_shipped_model(where: tuple[str, str], config: dict[str, Any]) -> None:
    assert dimensions(import_config(json.dumps(config))) == dimensions(shipped(*where))


def test_gpt_neox_20b_as_published() -> None:
    """Black et al. 2022, arXiv 2204.06745, section 3: 20,554,567,680 parameters."""
    total = parameters(import_config(json.dumps(GPT_NEOX_20B))).total
    assert total == pytest.approx(20_554_567_680, rel=1e-4)


def test_qwen2_57b_a14b_as_published() -> None:
    """Qwen2 technical report, arXiv 2407.10671, Table 1: 57B parameters, 14B active."""
    count = parameters(import_config(json.dumps(QWEN2_57B)))
    assert count.total == pytest.approx(57e9, rel=0.01)
    assert count.active == pytest.approx(14e9, rel=0.03)


def test_every_family_is_tried() -> None:
    tried = {config.get("text_config", config)["model_type"] for config in CONFIGS.values()}
    assert tried | {"gpt_neox", "qwen2_moe"} == set(FAMILIES)


# Names


def test_a_file_names_its_model_after_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "My Model (v2)" / "config.json"
    file.parent.mkdir()
    file.write_text(json.dumps(GPT_NEOX_20B))
    model = import_config(file)
    assert (model.id, model.name) == ("my-model-v2", "My Model (v2)")


def test_the_config_or_the_caller_names_the_model() -> None:
    config = GPT_NEOX_20B | {"_name_or_path": "EleutherAI/gpt-neox-20b"}
    assert import_config(json.dumps(config)).id == "gpt-neox-20b"
    assert import_config(json.dumps(config), name="Neo").id == "neo"


# Round trip


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_models_survive_yaml(file: Path) -> None:
    document = load(file)
    assert isinstance(document.data, dict)
    for i in range(len(document.data["models"])):
        model = validated(Model, document, ("models", i))
        assert validated(Model, loads(model_to_yaml(model), "a.yaml"), ("models", 0)) == model


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1))
def test_any_name_survives_yaml(name: str) -> None:
    model = import_config(json.dumps(GPT_NEOX_20B), name=name)
    assert validated(Model, loads(model_to_yaml(model), "a.yaml"), ("models", 0)) == model


# Wrong input


def test_broken_json_has_line_and_column() -> None:
    with pytest.raises(InputError) as error:
        import_config('{\n  "model_type": "llama",,\n}')
    assert error.value.place is not None
    assert (error.value.place.line, error.value.place.column) == (2, 25)


def test_unknown_family_has_neighbours() -> None:
    with pytest.raises(InputError) as error:
        import_config('{"model_type": "qwen3moe"}')
    assert error.value.field == "model_type"
    assert error.value.nearest[0] == "qwen3_moe"


def test_misspelt_field_has_neighbours() -> None:
    config = dict(GPT_NEOX_20B)
    config["hiden_size"] = config.pop("hidden_size")
    with pytest.raises(InputError) as error:
        import_config(json.dumps(config))
    assert (error.value.field, error.value.nearest) == ("hidden_size", ("hiden_size",))


@pytest.mark.parametrize(
    ("config", "changes", "field"),
    [
        (GPT_NEOX_20B, {"hidden_size": "6144"}, "hidden_size"),
        (GPT_NEOX_20B, {"hidden_size": True}, "hidden_size"),
        (GPT_NEOX_20B, {"num_hidden_layers": None}, "num_hidden_layers"),
        (GPT_NEOX_20B, {"num_attention_heads": 0}, "num_attention_heads"),
        (GPT_NEOX_20B, {"tie_word_embeddings": "no"}, "tie_word_embeddings"),
        (CONFIGS["gpt-3", "gpt-3-small"], {"n_head": 0}, "n_head"),
        (CONFIGS["llama", "llama-3.2-1b"], {"mlp_bias": True}, "mlp_bias"),
        (QWEN2_57B, {"use_sliding_window": True, "max_window_layers": 9}, "max_window_layers"),
        (CONFIGS["qwen", "qwen3-30b-a3b"], {"mlp_only_layers": [3]}, "mlp_only_layers"),
        (CONFIGS["qwen", "qwen3-30b-a3b"], {"mlp_only_layers": 3}, "mlp_only_layers"),
        (CONFIGS["deepseek", "deepseek-v3"], {"moe_layer_freq": 2}, "moe_layer_freq"),
        (CONFIGS["gpt-oss", "gpt-oss-20b"], {"layer_types": ["full_attention"]}, "layer_types"),
        (CONFIGS["glm", "glm-4.5"], {"n_routed_experts": None}, "n_routed_experts"),
    ],
)
def test_fields_that_cannot_be_imported(config: dict[str, Any], changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as error:
        import_config(json.dumps(config | changes))
    assert error.value.field == field
    assert error.value.expected


@pytest.mark.parametrize("text", ["", "[]", "7", "[" * 100_000, '{"model_type": ' + "9" * 5_000 + "}"])
def test_no_json_object_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        import_config(text)


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        import_config(tmp_path / "config.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda value: st.lists(value, max_size=3) | st.dictionaries(st.text(max_size=5), value, max_size=3),
    max_leaves=5,
)
TRIED = [config.get("text_config", config) for config in CONFIGS.values()]


@given(st.sampled_from(TRIED), st.data())
def test_a_config_is_a_model_or_an_input_error(config: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(config)))
    try:
        model = import_config(json.dumps(config | {field: data.draw(JSON)}))
    except InputError:
        return
    assert parameters(model).total > 0

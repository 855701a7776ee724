"""How each family of Hugging Face models writes the dimensions of a Model in its config.json.

A family says only how it differs from a plain decoder of the Llama shape. What its code would run but a Model
cannot express (an irregular pattern of layers, say) is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from petaday.errors import InputError, Place, nearest_names

Dimensions = dict[str, Any]

# Fields that a config has anyway, so that they are no candidates for a missing one.
_COMMON = frozenset(("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "vocab_size"))


class Config:
    """A parsed config.json whose fields are read with their types checked."""

    def __init__(self, fields: dict[str, Any], file: str) -> None:
        self.fields = fields
        self.file = file

    def error(self, field: str, message: str, *, expected: str, nearest: tuple[str, ...] = ()) -> InputError:
        """What is wrong with a field of this file."""
        return InputError(message, field=field, expected=expected, nearest=nearest, place=Place(self.file))

    def integer(self, field: str, default: int | None = None) -> int:
        """A whole number; null and a missing field are the default, where there is one."""
        value = self.fields.get(field)
        if value is None and default is not None:
            return default
        if value is None:
            others = set(self.fields) - _COMMON
            raise self.error(
                field, "missing", expected="a whole number", nearest=nearest_names(field, sorted(others))
            )
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(field, f"{value!r} is no whole number", expected="a whole number")
        return value

    def flag(self, field: str, default: bool = False) -> bool:
        """true or false."""
        value = self.fields.get(field, default)
        if not isinstance(value, bool):
            raise self.error(field, f"{value!r} is neither true nor false", expected="true or false")
        return value

    def optional(self, field: str) -> int | None:
        """A whole number, or None where it is null or missing."""
        return None if self.fields.get(field) is None else self.integer(field)

    def sequence(self, field: str) -> list[Any]:
        """A list; null and a missing field are empty."""
        value = self.fields.get(field) or []
        if not isinstance(value, list):
            raise self.error(field, f"{value!r} is no list", expected="a list")
        return value


def _decoder(config: Config) -> Dimensions:
    """What the families that follow Llama have in common."""
    hidden, heads = config.integer("hidden_size"), config.integer("num_attention_heads")
    if heads < 1:
        raise config.error("num_attention_heads", f"{heads} heads", expected="1 or more")
    return {
        "layers": config.integer("num_hidden_layers"),
        "hidden": hidden,
        "heads": heads,
        "kv_heads": config.integer("num_key_value_heads", heads),
        "head_dim": config.integer("head_dim", hidden // heads),
        "ffn": config.integer("intermediate_size"),
        "vocab": config.integer("vocab_size"),
        "context": config.integer("max_position_embeddings", 0),
        "tied_embeddings": config.flag("tie_word_embeddings"),
    }


def _attention_bias(config: Config) -> Dimensions:
    """Biases where a config switches those of all four attention projections together."""
    bias = config.flag("attention_bias")
    return {"qkv_bias": bias, "attention_out_bias": bias}


def _window(config: Config) -> Dimensions:
    window = config.optional("sliding_window")
    return {"sliding_window": {"window": window, "every": 0} if window else None}


def _llama(config: Config) -> Dimensions:
    if not config.flag("mlp_bias"):
        return _decoder(config) | _attention_bias(config)
    if not config.flag("attention_bias"):
        raise config.error("mlp_bias", "biases in the FFN but not in attention", expected="both or neither")
    return _decoder(config) | {"linear_bias": True}


def _mistral(config: Config) -> Dimensions:
    return _decoder(config) | _window(config)


def _qwen2(config: Config) -> Dimensions:
    return _decoder(config) | _qwen_window(config) | {"qkv_bias": True}


def _qwen3(config: Config) -> Dimensions:
    return _decoder(config) | _qwen_window(config) | _attention_bias(config) | {"qk_norm": True}


def _qwen_window(config: Config) -> Dimensions:
    """Qwen slides from layer `max_window_layers` on, and in all its releases that is from the end: never."""
    if not config.flag("use_sliding_window"):
        return {}
    first = config.integer("max_window_layers")
    if first >= config.integer("num_hidden_layers"):
        return {}
    if first == 0:
        return _window(config)
    raise config.error("max_window_layers", f"a window from layer {first} on", expected="0 or all layers")


def _qwen2_moe(config: Config) -> Dimensions:
    shared = {
        "shared_experts": 1,
        "shared_ffn": config.integer("shared_expert_intermediate_size"),
        "shared_gate": True,
    }
    return _qwen2(config) | _qwen_experts(config, **shared)


def _qwen3_moe(config: Config) -> Dimensions:
    return _qwen3(config) | _qwen_experts(config)


def _qwen_experts(config: Config, **shared: int | bool) -> Dimensions:
    every, dense = config.integer("decoder_sparse_step", 1), config.sequence("mlp_only_layers")
    if dense != list(range(len(dense))) or (dense and every != 1):
        raise config.error("mlp_only_layers", f"{dense} dense", expected="none, or the first ones")
    return _experts(
        config,
        experts="num_experts",
        ffn="moe_intermediate_size",
        first_dense_layers=len(dense),
        every=every,
        **shared,
    )


def _mixtral(config: Config) -> Dimensions:
    return _mistral(config) | _experts(config, experts="num_local_experts", ffn="intermediate_size")


def _experts(config: Config, experts: str, ffn: str, **others: int | bool) -> Dimensions:
    """The MoE part, from the names that a family gives to the number of experts and their width."""
    moe = {
        "experts": config.integer(experts),
        "topk": config.integer("num_experts_per_tok"),
        "ffn": config.integer(ffn),
        **others,
    }
    all_moe = not others.get("first_dense_layers") and others.get("every", 1) == 1
    # A config states the width of dense layers even where there are none.
    return {"moe": moe, "ffn": 0} if all_moe else {"moe": moe}


def _deepseek(config: Config) -> Dimensions:
    nope, rope = config.integer("qk_nope_head_dim"), config.integer("qk_rope_head_dim")
    dimensions = _decoder(config) | {
        "head_dim": nope + rope,
        "mla": {
            "q_lora_rank": config.optional("q_lora_rank"),
            "kv_lora_rank": config.integer("kv_lora_rank"),
            "qk_nope_head_dim": nope,
            "qk_rope_head_dim": rope,
            "v_head_dim": config.integer("v_head_dim"),
        },
        "mtp_layers": config.integer("num_nextn_predict_layers", 0),
    }
    if config.optional("n_routed_experts") is None:
        return dimensions
    if config.integer("moe_layer_freq", 1) != 1:
        raise config.error("moe_layer_freq", "an irregular pattern of MoE layers", expected="1")
    # From V3 on each expert has a correction of its load, in place of an auxiliary loss.
    router_bias = config.fields["model_type"] != "deepseek_v2"
    return dimensions | _fine_grained_experts(config, router_bias=router_bias)


def _glm4_moe(config: Config) -> Dimensions:
    return (
        _decoder(config)
        | {
            "qkv_bias": config.flag("attention_bias"),
            "qk_norm": config.flag("use_qk_norm"),
            "mtp_layers": config.integer("num_nextn_predict_layers", 0),
        }
        | _fine_grained_experts(config, router_bias=True)
    )


def _fine_grained_experts(config: Config, router_bias: bool) -> Dimensions:
    shared = config.integer("n_shared_experts", 0)
    return _experts(
        config,
        experts="n_routed_experts",
        ffn="moe_intermediate_size",
        shared_experts=shared,
        shared_ffn=config.integer("moe_intermediate_size") if shared else 0,
        first_dense_layers=config.integer("first_k_dense_replace", 0),
        router_bias=router_bias,
    )


def _gpt_oss(config: Config) -> Dimensions:
    types = config.sequence("layer_types")
    alternating = ["full_attention" if i % 2 else "sliding_attention" for i in range(len(types))]
    if types and (types != alternating or len(types) != config.integer("num_hidden_layers")):
        raise config.error("layer_types", "an irregular pattern of layers", expected="sliding, full in turn")
    biased = {"linear_bias": True, "attention_sinks": True}
    window = {"sliding_window": {"window": config.integer("sliding_window"), "every": 2}}
    experts = _experts(config, experts="num_local_experts", ffn="intermediate_size", router_bias=True)
    return _decoder(config) | biased | window | experts


def _llama4(config: Config) -> Dimensions:
    """Three of four layers attend in chunks; the dense layers' width has a field of its own."""
    window = {"window": config.integer("attention_chunk_size"), "every": 4}
    return (
        _decoder(config)
        | {"sliding_window": window, "ffn": config.integer("intermediate_size_mlp")}
        | _experts(
            config,
            experts="num_local_experts",
            ffn="intermediate_size",
            shared_experts=1,
            shared_ffn=config.integer("intermediate_size"),
            every=config.integer("interleave_moe_layer_step", 1),
        )
    )


_GPT: Dimensions = {"gated": False, "norm": "layernorm", "linear_bias": True}


def _gpt2(config: Config) -> Dimensions:
    hidden, heads = config.integer("n_embd"), config.integer("n_head")
    if heads < 1:
        raise config.error("n_head", f"{heads} heads", expected="1 or more")
    return _GPT | {
        "layers": config.integer("n_layer"),
        "hidden": hidden,
        "heads": heads,
        "kv_heads": heads,
        "head_dim": hidden // heads,
        "ffn": config.integer("n_inner", 4 * hidden),
        "vocab": config.integer("vocab_size"),
        "max_position": config.integer("n_positions"),
        "tied_embeddings": config.flag("tie_word_embeddings", True),
    }


def _gpt_neox(config: Config) -> Dimensions:
    return _decoder(config) | _GPT


FAMILIES: dict[str, Callable[[Config], Dimensions]] = {
    "deepseek_v2": _deepseek,
    "deepseek_v3": _deepseek,
    "glm4_moe": _glm4_moe,
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "gpt_oss": _gpt_oss,
    "kimi_k2": _deepseek,
    "llama": _llama,
    "llama4_text": _llama4,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "qwen2": _qwen2,
    "qwen2_moe": _qwen2_moe,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
}

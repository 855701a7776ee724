"""Models from Hugging Face: a config.json to a catalog Model, and a Model to catalog YAML; all offline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from petaday.catalog.huggingface_families import FAMILIES, Config
from petaday.catalog.model import Model
from petaday.catalog.strict_yaml import Document
from petaday.catalog.validate import validated
from petaday.errors import InputError, Place, nearest_names


def import_config(source: Path | str, name: str = "") -> Model:
    """A Model from a config.json, read from a path or given as its text (a str is always text).

    Without a name the model is called after the config's `_name_or_path`, else the config's folder, else its
    `model_type`.

    Raises
    ------
    InputError : broken JSON, with line and column; a missing or ill-typed field, with its name; an unknown
        `model_type`, with the nearest families
    """
    if isinstance(source, Path):
        file, folder = str(source), source.resolve().parent.name
        try:
            text = source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
            raise InputError(f"cannot be read: {reason}", place=Place(file)) from None
    else:
        file, folder, text = "config.json", "", source

    config = _text_part(Config(_parsed(text, file), file))
    family = config.fields.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        raise config.error(
            "model_type",
            f"{family!r} is no family that can be imported",
            expected=", ".join(sorted(FAMILIES)),
            nearest=nearest_names(str(family), FAMILIES),
        )
    name = name or str(config.fields.get("_name_or_path") or folder or family)
    entry = {
        "id": re.sub(r"[^a-z0-9._]+", "-", name.rpartition("/")[2].lower()).strip("-._") or family,
        "name": name,
        "family": family,
        "source": f"Hugging Face config.json, model_type {family}",
        **FAMILIES[family](config),
    }
    return validated(Model, Document(data=entry, file=file, places={}))


def model_to_yaml(model: Model) -> str:
    """The model as a catalog file, which reads back as the same model; defaults are left out."""
    entry = model.model_dump(mode="json", exclude_defaults=True)
    lines = "\n".join(_yaml_lines(entry))
    return "models:\n  - " + lines.replace("\n", "\n    ") + "\n"


def _yaml_lines(entry: dict[str, Any]) -> Iterator[str]:
    """One line a key; values as JSON, whose quoted text YAML cannot take for anything else."""
    for key, value in entry.items():
        if isinstance(value, dict):
            yield f"{key}:"
            yield from ("  " + line for line in _yaml_lines(value))
        else:
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(error.msg, expected="JSON", place=Place(file, error.lineno, error.colno)) from None
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        raise InputError(f"cannot be read: {error}", expected="JSON", place=Place(file)) from None
    if not isinstance(fields, dict):
        raise InputError("no JSON object", expected='{"model_type": ...}', place=Place(file))
    return fields


def _text_part(config: Config) -> Config:
    """The language model of a multimodal config; the others are their own."""
    text = config.fields.get("text_config")
    return Config(text, config.file) if isinstance(text, dict) else config

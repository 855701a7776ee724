"""`catalog add`: a user's file of parts is checked and then copied into the user's catalog folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from petaday.catalog.chip import Chip
from petaday.catalog.load import catalog_of, files, own_entries, parts, refresh, user_folder
from petaday.catalog.model import Model
from petaday.catalog.plausibility import Finding, plausibility
from petaday.catalog.strict_yaml import load
from petaday.errors import InputError, Place, nearest_names


@dataclass(frozen=True)
class Added:
    """What `add` did: which parts now lie in which file, and what looks odd about them."""

    kind: str  # "chips" or "models"
    ids: tuple[str, ...]
    path: Path
    replaced: bool  # a file of the same name was there
    findings: tuple[Finding, ...]  # warnings, and errors that the parts except themselves from


def add(source: Path) -> Added:
    """Check a file of chips (with their efficiencies) or models and copy it into the user's catalog, whole or not at all.

    A file of the same name is replaced.

    Raises
    ------
    InputError : a part is wrong, implausible without a recorded exception, or named like another of the
        catalog; or the folder cannot be written
    """
    kind = _kind(source)
    target = user_folder() / kind / f"{source.stem}.yaml"
    others = [path for path in files(kind, user_folder()) if path != target]
    findings: tuple[Finding, ...] = ()
    if kind == "chips":
        chips = catalog_of([*others, source], kind, Chip)
        ids = tuple(part.id for part in parts(source, kind, Chip))
        _refuse_strangers(source, chips)
        findings = tuple(finding for id_ in ids for finding in plausibility(chips[id_], chips.values()))
        _refuse_errors(findings, source)
    else:
        catalog_of([*others, source], kind, Model)
        ids = tuple(part.id for part in parts(source, kind, Model))
    replaced = target.exists()
    _copy(source, target)
    refresh()
    return Added(kind, ids, target, replaced, findings)


def _kind(source: Path) -> str:
    data = load(source).data
    kinds = [kind for kind in ("chips", "models") if isinstance(data, dict) and kind in data]
    if len(kinds) != 1:
        raise InputError("no parts to add", expected="a list `chips` or a list `models`", place=Place(str(source)))
    return kinds[0]


def _refuse_strangers(source: Path, chips: Mapping[str, Chip]) -> None:
    """Efficiencies speak for a chip of the file or the catalog."""
    for entry in own_entries(source):
        if entry.chip is not None and entry.chip not in chips:
            raise InputError(
                f"efficiencies of `{entry.chip}`, a chip that nobody knows",
                field="efficiencies",
                expected="an id of the catalog or of this file",
                nearest=nearest_names(entry.chip, chips),
                place=Place(str(source)),
            )


def _refuse_errors(findings: tuple[Finding, ...], source: Path) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise InputError(
            f"{first.check}: {first.message}{more}",
            field=first.chip,
            expected=f"a plausible figure, or the reason under `exceptions: {{{first.check}: ...}}`",
            place=Place(str(source)),
        )


def _copy(source: Path, target: Path) -> None:
    """Through a temporary file beside the target, so that a reader never sees half a file."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=".part")
        os.close(descriptor)
        try:
            shutil.copyfile(source, name)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", place=Place(str(target))) from error

"""The example scenarios that ship with the package."""

from __future__ import annotations

from pathlib import Path

from petaday.errors import InputError, nearest_names

EXAMPLES = Path(__file__).parent / "examples"


def example_names() -> list[str]:
    """Names of the shipped examples."""
    return sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


def copy_example(name: str, folder: Path) -> Path:
    """Copy an example into a folder. Raises InputError: unknown name, or a file of that name is there already."""
    names = example_names()
    if name not in names:
        raise InputError(f"no example `{name}`", expected=", ".join(names), nearest=nearest_names(name, names))
    target = folder / f"{name}.yaml"
    try:
        with target.open("x", encoding="utf-8") as copy:
            copy.write((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    except FileExistsError:
        raise InputError(f"{target} is there already", expected="a folder without it") from None
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from None
    return target

"""Strict YAML: what is read, what is refused and where, and that nothing but an InputError ever comes out."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from petaday.catalog import strict_yaml
from petaday.catalog.strict_yaml import DEEPEST, LARGEST_FILE, MOST_VALUES, load, loads
from petaday.errors import InputError, Place


def refusal(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        loads(text, "f.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# nothing but a comment", None),
        ("--- 5", 5),
        ("-0", 0),
        ("+12", 12),
        ("1.5", 1.5),
        ("-1.0e-3", -1e-3),
        ("1.0e+9", 1e9),
        ("[true, false, null, ~, ]", [True, False, None, None]),
        ("a:", {"a": None}),
        ("80 GB", "80 GB"),
        ("15T", "15T"),
        ("25 %", "25 %"),
        ("2024-05-01", "2024-05-01"),
        ("1.2.3", "1.2.3"),
        ("0d", "0d"),
        ("n", "n"),
        ("\"no\"", "no"),
        ("'1e9'", "1e9"),
        ("\"5\"", "5"),
        ("|\n  yes\n", "yes\n"),
        (">-\n  two\n  lines", "two lines"),
        ("{a: {b: [1, {c: x}]}}", {"a": {"b": [1, {"c": "x"}]}}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("\"<<\": 1", {"<<": 1}),
        ("\"1\": 1", {"1": 1}),
        ("价格: ¥100k", {"价格": "¥100k"}),
    ],
)  # fmt: skip
def test_what_is_read(text: str, data: object) -> None:
    assert loads(text, "f.yaml").data == data


@pytest.mark.parametrize(
    ("scalar", "instead"),
    [
        ("no", "`false`, or \"no\" in quotes"),
        ("Off", "`false`"),
        ("YES", "`true`"),
        ("on", "`true`"),
        ("True", "`true`"),
        ("NULL", "`null`"),
        ("1e9", "`1.0e+9`, or \"1e9\" in quotes"),
        ("1.5E9", "`1.0e+9`"),
        ("010", "without leading zeros"),
        ("089", "without leading zeros"),
        ("0o10", "a decimal number"),
        ("0x1F", "a decimal number"),
        ("0b101", "a decimal number"),
        ("1_000", "without `_`"),
        ("00.5", "leading zeros"),
        ("1:30", "\"1:30\" in quotes"),
        ("12:30:45.5", "in quotes"),
        (".5", "a digit before and after the point"),
        ("5.", "a digit before and after the point"),
        (".inf", "a finite number"),
        ("-.INF", "a finite number"),
        (".nan", "a finite number"),
    ],
)  # fmt: skip
def test_what_readers_of_yaml_disagree_on_is_refused(scalar: str, instead: str) -> None:
    error = refusal(f"a: 1\nb: {scalar}")
    assert f"`{scalar}` means different things" in error.message
    assert instead in error.expected
    assert error.place == Place("f.yaml", 2, 4)


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3", "key `a` is written twice, first on line 1", 3, 1),
        ("a: {b: 1, b: 2}", "key `b` is written twice", 1, 11),
        ("1: x", "key `1` is not text", 1, 1),
        ("null: x", "key `null` is not text", 1, 1),
        ("no: x", "`no` means different things", 1, 1),
        ("? [a]\n: b", "a mapping or list as a key", 1, 3),
        ("a: &x b\n*x : c", "an alias as a key", 2, 1),
        ("<<: {a: 1}", "merge keys", 1, 1),
        ("a: !python/object:os.system ls", "tags", 1, 4),
        ("a: !!str 5", "tags", 1, 4),
        ("!x {a: 1}", "tags", 1, 1),
        ("%YAML 1.1\n---\na: 1", "directives", 1, 1),
        ("a: 1\n---\nb: 2", "a second document", 2, 1),
        ("a: &x [1, *x]", "alias `*x` contains itself", 1, 11),
        ("a: *x", "alias `*x` has no anchor", 1, 4),
        ("a: 1.0e+999", "out of a number's range", 1, 4),
        ("a: " + "9" * 5000, "out of a number's range", 1, 4),
        ("a: b\x00", "U+0000", 1, 5),
        ("a: x\nb: \ud800", "U+D800", 2, 4),
        ("a:\n\tb: 1", "indent with spaces", 2, 1),
        ("a: b: c", "inside unquoted text", 1, 5),
        ("a: 'b", "a quote is left open", 1, 6),
        ("a: [1,\nb: 2", "not valid YAML", 3, 1),
        ("- a\nb: 1", "a wrong indent in a list", 2, 1),
    ],
)
def test_what_is_refused_and_where(text: str, message: str, line: int, column: int) -> None:
    error = refusal(text)
    assert message in str(error)
    assert error.place == Place("f.yaml", line, column)


def test_values_and_keys_keep_their_places() -> None:
    document = loads("# sizes\nchips:\n  - memory: 80 GB\n    peak: {bf16: 312}\n", "f.yaml")
    assert document.places[("chips", 0, "memory")] == Place("f.yaml", 3, 13)
    assert document.places_of_keys[("chips", 0, "memory")] == Place("f.yaml", 3, 5)
    assert document.places[("chips", 0, "peak", "bf16")] == Place("f.yaml", 4, 18)
    assert document.places[()] == Place("f.yaml", 2, 1)


def test_aliased_values_stand_where_they_are_written_and_are_copies() -> None:
    document = loads("a: &x {b: [1]}\nc: *x", "f.yaml")
    assert document.places[("c", "b", 0)] == Place("f.yaml", 1, 12)
    assert isinstance(document.data, dict)
    assert document.data["a"] is not document.data["c"]


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- "])
@pytest.mark.parametrize("depth", [DEEPEST + 1, 100_000])
def test_deep_nesting_is_refused(bracket: str, depth: int) -> None:
    assert "nest" in refusal(bracket * depth).message


def test_nesting_up_to_the_limit_is_read() -> None:
    assert loads("[" * DEEPEST + "]" * DEEPEST, "f.yaml").data is not None


def test_aliases_may_not_multiply() -> None:
    """The `billion laughs`: nine levels of nine aliases each."""
    levels = ["a0: &a0 [" + "x, " * 9 + "]"]
    levels += [f"a{i}: &a{i} [" + f"*a{i - 1}, " * 9 + "]" for i in range(1, 10)]
    assert f"more than {MOST_VALUES:,} values" in refusal("\n".join(levels)).message


def test_aliases_may_not_nest_deeper_than_text_may() -> None:
    chain = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 1000)]
    assert "nested deeper" in refusal("\n".join(chain)).message


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes("\ufeffa: ünï".encode())
    assert load(path).data == {"a": "ünï"}
    assert load(path).file == str(path)


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"a: 1\nb: \xff", "is not UTF-8 text", 2),
        ("a: 1".encode("utf-16"), "is not UTF-8 text", 1),
        (b" " * (LARGEST_FILE + 1), "is too large", 0),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, message: str, line: int) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load(path)
    assert caught.value.place == Place(str(path), line)


@pytest.mark.parametrize("name", ["missing.yaml", ".", "nul\0.yaml", "x" * 5000])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / name)


FRAGMENTS = st.lists(
    st.sampled_from(
        [*"-?:,[]{}#&*!|>'\"%@` \n\t~.+_019abe", "a: ", "&a ", "*a", "<<: ", "---\n", "\n  ", "é", "\x85"]
    ),
    max_size=40,
).map("".join)


@pytest.mark.parametrize("loader", ["libyaml", "python"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(text=st.one_of(FRAGMENTS, st.text(st.characters(codec=None), max_size=60)))
@example(text="{a: 1, ? }")
@example(text="a: \u2028")
def test_any_text_is_data_or_an_input_error(text: str, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With libyaml, and with the parser in Python that stands in for it where PyYAML was built without."""
    if loader == "python":
        monkeypatch.setattr(strict_yaml, "_LOADER", yaml.BaseLoader)
    try:
        document = loads(text, "f.yaml")
    except InputError as error:
        assert error.place is not None
    else:
        assert () in document.places


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=60), FRAGMENTS.map(str.encode)))
def test_any_bytes_are_data_or_an_input_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    try:
        load(path)
    except InputError as error:
        assert error.place is not None


SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(st.characters(codec="utf-8"), max_size=9)
)
TREES = st.recursive(
    SCALARS | st.floats(-1e15, 1e15).filter(lambda x: x == 0 or math.fabs(x) > 1e-4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abyn01e", max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(data=TREES)
def test_what_a_common_writer_writes_reads_back(data: object) -> None:
    """Round trip through PyYAML's own writer, which quotes by YAML 1.1, wherever its text is accepted."""
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    try:
        document = loads(text, "f.yaml")
    except InputError as error:
        # Text that YAML 1.1 leaves bare and 1.2 does not, such as `1e0`.
        assert "different things" in error.message or "U+" in error.message
    else:
        assert document.data == data

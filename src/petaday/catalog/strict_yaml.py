"""YAML read strictly, so that a file means the same to its writer, to this house and to every other reader.

Plain scalars are null, true, false, decimal numbers or text, as in YAML 1.2; a date is text, and so is all
that is quoted. Numbers and words that YAML 1.1 and 1.2 read differently (`no`, `1e9`, `010`, `1_000`, `1:30`)
are errors that say what to write instead. So are duplicate keys, keys that are not text, merge keys, tags,
directives and a second document. Aliases are allowed but may neither recurse nor multiply. Values and keys
keep their places.

Built on libyaml's events with a stack of our own: no file, however deep, exhausts the parser's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from petaday.errors import InputError, Place

LARGEST_FILE = 4_000_000  # bytes
MOST_VALUES = 100_000  # values, those behind aliases counted each time
DEEPEST = 50  # mappings and lists inside one another
_LONGEST_NUMBER = 40  # characters

# libyaml where PyYAML was built with it. The base loaders resolve nothing: the rules for scalars are ours.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

# YAML's printable characters, less U+0085, U+2028 and U+2029: they end a line in YAML 1.1 and not in 1.2.
_NOT_ALLOWED = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+][0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}

# What YAML 1.1 and 1.2 read differently, and what to write; the first that fits is told.
_SURPRISES = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        ("yes|on|true", "`true`"),
        ("no|off|false", "`false`"),
        ("null", "`null`"),
        (r"[-+]?\.(inf|nan)", "a finite number"),
        (r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9]+)e[-+]?[0-9]+", "the number as `1.0e+9`"),
        (r"[-+]?0(x[0-9a-f_]+|o[0-7_]+|b[01_]+|[0-9_]+)", "a decimal number without leading zeros"),
        (r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", ""),
        (r"[-+]?(\.[0-9][0-9_]*|[0-9_]+\.)", "a digit before and after the point"),
        (r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?", "the digits alone, without `_` or leading zeros"),
    )
)

_PLAIN_WORDS = {
    "cannot start any token": "a tab, `@`, backtick or `%` before text; indent with spaces, quote text",
    "mapping values are not allowed": "a `: ` inside unquoted text, or a wrong indent; quote the text",
    "could not find expected ':'": "a key without its `:`",
    "did not find expected key": "a wrong indent, or a quote or bracket left open",
    "did not find expected '-' indicator": "a wrong indent in a list",
    "unexpected end of stream": "a quote is left open",
}

Steps = tuple[str | int, ...]
"""A path into a document: keys of mappings and indexes of lists."""


@dataclass
class Document:
    """A file's data, and where each of its values and keys stands."""

    data: object
    file: str
    places: dict[Steps, Place] = field(default_factory=dict)
    places_of_keys: dict[Steps, Place] = field(default_factory=dict)


def load(path: Path) -> Document:
    """Read one YAML file, UTF-8, of at most `LARGEST_FILE` bytes.

    Raises
    ------
    InputError : the file cannot be read or is no strict YAML, with line and column
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot be read: {reason}", place=Place(file)) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(file, content.count(b"\n", 0, error.start) + 1)
        raise InputError("is not UTF-8 text", place=place) from error
    return loads(text, file)


def loads(text: str, file: str) -> Document:
    """Read YAML text; `file` names it in errors.

    Raises
    ------
    InputError : the text is no strict YAML, with line and column
    """
    if len(text) > LARGEST_FILE:
        raise InputError(f"is too large; at most {LARGEST_FILE:,} bytes are read", place=Place(file))
    if refused := _NOT_ALLOWED.search(text):
        before = text[: refused.start()]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InputError(
            f"character U+{ord(refused[0]):04X} is not allowed; write it as an escape in double quotes",
            place=place,
        )
    document = Document(None, file, {(): Place(file, 1, 1)})
    with _yaml_errors(file):
        root = _Composer(file).root(yaml.parse(text, Loader=_LOADER))
    if root:
        document.data = _written_out(root, (), document)
    return document


@contextmanager
def _yaml_errors(file: str) -> Iterator[None]:
    """libyaml's complaints in plain words."""
    try:
        yield
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = str(getattr(error, "problem", None) or error)
        plain = next((words for part, words in _PLAIN_WORDS.items() if part in problem), problem)
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        raise InputError(f"is not valid YAML: {plain}", place=place) from error


@dataclass(slots=True)
class _Node:
    """A value before its aliases are written out; `key` waits for its value in an open mapping."""

    place: Place
    content: Any
    size: int = 1
    depth: int = 0
    key: str | None = None
    key_places: dict[str, Place] = field(default_factory=dict)


class _Composer:
    """Events to one tree of nodes, with every rule checked before a node is kept."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.open: list[_Node] = []
        self.anchors: dict[str, _Node] = {}
        self.values = 0
        self.top: _Node | None = None

    def root(self, events: Iterator[Any]) -> _Node | None:
        documents = 0
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    self._check_document(event, documents)
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.MappingStartEvent():
                    self._start(event, {})
                case yaml.SequenceStartEvent():
                    self._start(event, [])
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._end()
                case yaml.AliasEvent():
                    self._alias(event)
        return self.top

    def _place(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _check_document(self, event: Any, documents: int) -> None:
        if documents > 1:
            raise InputError("a second document; a file holds one", place=self._place(event))
        if event.version or event.tags:
            raise InputError("directives (`%YAML`, `%TAG`) are not read", place=self._place(event))

    def _scalar(self, event: Any) -> None:
        place = self._place(event)
        self._check_tag(event, place)
        is_key = self._awaits_key()
        plain = event.style in (None, "")
        value = _plain_scalar(event.value, place, is_key) if plain else event.value
        node = _Node(place, value)
        if event.anchor:
            self.anchors[event.anchor] = node
        if not is_key:
            self._count(1, place)
            self._put(node)
        elif plain and value == "<<":
            raise InputError("merge keys `<<` are not read; write the keys out", place=place)
        elif not isinstance(value, str):
            raise InputError(f"key `{event.value}` is not text", expected=f'"{event.value}" in quotes', place=place)
        else:
            self._take_key(value, place)

    def _start(self, event: Any, content: dict[str, _Node] | list[_Node]) -> None:
        place = self._place(event)
        self._check_tag(event, place)
        if self._awaits_key():
            raise InputError("a mapping or list as a key", expected="text as a key", place=place)
        if len(self.open) >= DEEPEST:
            raise InputError(f"nested deeper than {DEEPEST} mappings and lists", place=place)
        self._count(1, place)
        node = _Node(place, content)
        if event.anchor:
            self.anchors[event.anchor] = node
        self.open.append(node)

    def _end(self) -> None:
        node = self.open.pop()
        children = node.content.values() if isinstance(node.content, dict) else node.content
        for child in children:
            node.size += child.size
            node.depth = max(node.depth, child.depth)
        node.depth += 1
        self._put(node)

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        if self._awaits_key():
            raise InputError("an alias as a key", expected="text as a key", place=place)
        node = self.anchors.get(event.anchor)
        if node is None:
            raise InputError(f"alias `*{_cut(event.anchor)}` has no anchor before it", place=place)
        if any(node is parent for parent in self.open):
            raise InputError(f"alias `*{_cut(event.anchor)}` contains itself", place=place)
        if len(self.open) + node.depth > DEEPEST:
            raise InputError(f"nested deeper than {DEEPEST} mappings and lists", place=place)
        self._count(node.size, place)
        self._put(node)

    def _awaits_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].content, dict) and self.open[-1].key is None

    def _take_key(self, key: str, place: Place) -> None:
        mapping = self.open[-1]
        if key in mapping.key_places:
            first = mapping.key_places[key].line
            raise InputError(f"key `{_cut(key)}` is written twice, first on line {first}", place=place)
        mapping.key = key
        mapping.key_places[key] = place

    def _put(self, node: _Node) -> None:
        if not self.open:
            self.top = node
            return
        parent = self.open[-1]
        if parent.key is None:
            parent.content.append(node)
        else:
            parent.content[parent.key] = node
            parent.key = None

    def _count(self, values: int, place: Place) -> None:
        self.values += values
        if self.values > MOST_VALUES:
            raise InputError(f"more than {MOST_VALUES:,} values, aliases written out", place=place)

    def _check_tag(self, event: Any, place: Place) -> None:
        if event.tag is not None:
            raise InputError("tags (`!name`) are not read; write plain values", place=place)


def _plain_scalar(text: str, place: Place, is_key: bool) -> object:
    """An unquoted scalar's value; text that another reader takes for something else is refused."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" and len(text) > len("false"):
        return text
    is_integer, is_decimal = _INTEGER.fullmatch(text), _DECIMAL.fullmatch(text)
    if is_integer or is_decimal:
        if len(text) > _LONGEST_NUMBER or math.isinf(float(text)):
            raise InputError(f"`{_cut(text)}` is out of a number's range", place=place)
        return int(text) if is_integer else float(text)
    for pattern, advice in _SURPRISES:
        if pattern.fullmatch(text):
            quoted = f'"{_cut(text)}" in quotes for text'
            raise InputError(
                f"`{_cut(text)}` means different things to different readers of YAML",
                expected=f"{advice}, or {quoted}" if advice and not is_key else quoted,
                place=place,
            )
    return text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_NUMBER else text[:_LONGEST_NUMBER] + "…"


def _written_out(node: _Node, at: Steps, document: Document) -> object:
    """Plain data with every alias copied out; the places fill up on the way."""
    document.places[at] = node.place
    if isinstance(node.content, dict):
        for key, place in node.key_places.items():
            document.places_of_keys[*at, key] = place
        return {key: _written_out(child, (*at, key), document) for key, child in node.content.items()}
    if isinstance(node.content, list):
        return [_written_out(child, (*at, index), document) for index, child in enumerate(node.content)]
    return node.content

"""Request traces: what readers make of the public formats, and what they say of files that are wrong."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petaday.errors import InputError
from petaday.serving.requests import CHUNK
from petaday.study.trace_formats import FORMATS
from petaday.study.traces import open_trace
from scenarios import ROOT

PUBLIC = ROOT.parent / "shared" / "data" / "traces" / "llm"

AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
BURST = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
OWN = "arrival,prompt,output\n"


@pytest.fixture
def file(tmp_path):
    """Writes a trace of this text, or these bytes, and gives its path."""

    def write(content, name="trace"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path, **options):
    """All columns of a trace."""
    chunks = list(open_trace(path, **options).chunks)
    return {name: np.concatenate([getattr(chunk, name) for chunk in chunks]).tolist() for name in
            ("arrival", "prompt", "output", "tier", "user")}  # fmt: skip


def error(path, **options):
    with pytest.raises(InputError) as raised:
        read(path, **options)
    return raised.value


def public(name):
    if not (PUBLIC / name).exists():
        pytest.skip("the public traces are not here")
    return PUBLIC / name


def test_azure_2023_has_seven_digits_and_no_zone(file):
    """First rows of AzureLLMInferenceTrace_conv.csv, with its line ends."""
    text = AZURE + "2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109\r\n"
    trace = read(file(text.replace("Tokens\n", "Tokens\r\n")))
    assert trace["arrival"] == pytest.approx([0, 4.314579], abs=1e-9)
    assert (trace["prompt"], trace["output"]) == ([374, 396], [44, 109])
    assert (trace["tier"], trace["user"]) == ([0, 0], [-1, -1])


def test_azure_2024_has_a_zone_and_whole_seconds_without_a_fraction(file):
    """First rows of AzureLLMInferenceTrace_code_1week.csv, and one on a full second."""
    text = AZURE + "2024-05-10 00:00:00.009930+00:00,2162,5\n2024-05-10 00:00:00.017335+00:00,2399,6\n"
    trace = read(file(text + "2024-05-10 00:00:01+00:00,76,15\n"))
    assert trace["arrival"] == pytest.approx([0, 0.007405, 0.99007], abs=1e-9)


def test_clocks_that_are_turned_back_do_not_turn_time_back(file):
    """Central Europe on 2024-10-27: 02:30 comes twice, an hour apart."""
    rows = "2024-10-27 02:30:00+02:00,1,1\n2024-10-27T02:30:00+01:00,1,1\n2024-10-27 01:45:00Z,1,1\n"
    assert read(file(AZURE + rows))["arrival"] == [0, 3600, 4500]


def test_burstgpt_rows_without_a_response_are_left_out_and_counted(file):
    """First rows of BurstGPT_1.csv, a failure, and the columns of its later release."""
    rows = "5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,0,1087,API log\n118,GPT-4,417,276,693,API log\n"
    trace = open_trace(file(BURST + rows))
    chunks = list(trace.chunks)
    assert [chunk.arrival.tolist() for chunk in chunks] == [[0, 113]]
    assert trace.tally.dropped == 1
    list(trace.chunks)
    assert trace.tally.dropped == 1
    later = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    row = "19440110.0,1722ac82,43,GPT-4,906,446,1352,Conversation log\n19440161.0,,2,ChatGPT,36,29,65,API log\n"
    assert read(file(later + row))["arrival"] == [0, 51]


def test_mooncake_has_milliseconds_and_blocks(file):
    """The form of the FAST'25 traces: equal times, a partial block at the end, none at all for a short prompt."""
    rows = [
        {"timestamp": 3000, "input_length": 1030, "output_length": 5, "hash_ids": [7, 8, 9]},
        {"timestamp": 3000, "input_length": 1024, "output_length": 6, "hash_ids": [7, 8]},
        {"timestamp": 4500, "input_length": 100, "output_length": 1, "hash_ids": []},
    ]
    trace = open_trace(file("\n".join(map(json.dumps, rows)) + "\n\n"))
    (chunk,) = trace.chunks
    assert trace.block_tokens == 512
    assert chunk.arrival.tolist() == [0, 0, 1.5]
    assert chunk.first_block.tolist() == [0, 3, 5, 5]
    assert chunk.blocks.tolist() == [7, 8, 9, 7, 8]


def test_own_tables_have_seconds_or_date_times_in_any_order_of_columns(file):
    assert read(file(OWN + "1.5,10,20\n1e1,11,21\n"))["arrival"] == [0, 8.5]
    assert read(file(OWN + "2026-01-01T00:00:00Z,10,20\n2026-01-01T00:00:01.5Z,1,2\n"))["arrival"] == [0, 1.5]
    trace = read(file("output, prompt, arrival\n20, 10, 0\n\n21, 11, 1"))
    assert (trace["prompt"], trace["output"], trace["arrival"]) == ([10, 11], [20, 21], [0, 1])


def test_users_of_any_text_become_numbers_and_tiers_places(file):
    text = 'arrival,prompt,output,tier,user\n0,1,1,free,"Li, Wei"\n1,1,1,paid,zoë\n2,1,1,free,"Li, Wei"\n'
    trace = read(file(text), tiers=("paid", "free"))
    assert (trace["user"], trace["tier"]) == ([0, 1, 0], [1, 0, 1])


def test_packed_files_are_read_whatever_they_are_called(file):
    packed = gzip.compress((OWN + "0,10,20\n").encode("utf-8-sig"))
    assert read(file(packed, "trace.csv.gz")) == read(file(packed, "trace.csv")) == read(file(OWN + "0,10,20\n"))


def test_speed_and_limit(file):
    path = file(OWN + "".join(f"{row},1,1\n" for row in range(10)) + "wrong,1,1\n")
    assert read(path, speed=2.0, limit=3)["arrival"] == [0, 0.5, 1]
    # What is not asked for is not read.
    assert len(read(path, limit=10)["arrival"]) == 10
    assert error(path).place.line == 12


def test_a_limit_counts_requests_not_failures(file):
    rows = "0,M,5,0,5,L\n1,M,5,0,5,L\n2,M,5,1,6,L\n3,M,5,1,6,L\nwrong,M,5,1,6,L\n"
    assert read(file(BURST + rows), limit=2)["arrival"] == [2, 3]


def test_long_files_stream_in_chunks(file):
    count = CHUNK + 5
    text = "arrival,prompt,output,user\n" + "".join(f"{row / 4},{row % 9 + 1},2,u{row % 7}\n" for row in range(count))
    trace = open_trace(file(text))
    sizes, reached = [], -1.0
    for chunk in trace.chunks:
        sizes.append(len(chunk.arrival))
        assert chunk.arrival[0] > reached
        reached = chunk.arrival[-1]
        assert (chunk.user == np.arange(count)[sum(sizes[:-1]) : sum(sizes)] % 7).all()
    assert sizes == [CHUNK, 5]
    assert reached == (count - 1) / 4
    late = file(text + "1,1,1,u\n")
    assert error(late).place.line == count + 2


WRONG = {
    "unordered": (OWN + "0,1,1\n5,1,1\n4,1,1\n", 4, "arrival", "1 s before", ()),
    "unordered date-times": (
        AZURE + "2023-11-16 18:15:46.5,1,1\n2023-11-16 18:15:46.4,1,1\n", 3, "TIMESTAMP", "0.1 s before", (),
    ),
    "nan": (OWN + "nan,1,1\n", 2, "arrival", "`nan`", ()),
    "infinite": (OWN + "0,1,1\ninf,1,1\n", 3, "arrival", "`inf`", ()),
    "negative": (OWN + "-1,1,1\n", 2, "arrival", "`-1`", ()),
    "two kinds of time": (OWN + "0,1,1\n2026-01-01 00:00:00,1,1\n", 3, "arrival", "seconds", ()),
    "zones on some rows": (
        AZURE + "2024-05-10 00:00:00,1,1\n2024-05-10 00:00:00+00:00,1,1\n", 3, "TIMESTAMP", "date-time", (),
    ),
    "a date alone": (AZURE + "2024-05-10,1,1\n", 2, "TIMESTAMP", "date-time", ()),
    "now": (AZURE + "now,1,1\n", 2, "TIMESTAMP", "`now`", ()),
    "a leap second": (AZURE + "2016-12-31 23:59:60,1,1\n", 2, "TIMESTAMP", "date-time", ()),
    "a year of six digits": (AZURE + "099999-01-01 00:00:00,1,1\n", 2, "TIMESTAMP", "date-time", ()),
    "a part of a token": (OWN + "0,1.5,1\n", 2, "prompt", "whole number", ()),
    "a name of a token": (OWN + "0,1,1\n1,one,1\n", 3, "prompt", "`one`", ()),
    "no number": (OWN + "0,,1\n", 2, "prompt", "whole number", ()),
    "negative tokens": (OWN + "0,1,-1\n", 2, "output", "`-1`", ()),
    "a number no integer holds": (OWN + f"0,1,{'9' * 30}\n", 2, "output", "whole number", ()),
    "no prompt": (OWN + "0,1,1\n1,0,1\n", 3, "prompt", "1 to 100,000,000", ()),
    "no prompt of a recorded request": (AZURE + "2024-05-10 00:00:00,0,1\n", 2, "ContextTokens", "1 to", ()),
    "no output": (OWN + "0,1,0\n", 2, "output", "1 to", ()),
    "too many tokens": (OWN + "0,200000000,1\n", 2, "prompt", "200,000,000 tokens", ()),
    "a column too few": (OWN + "0,1,1\n1,1\n2,1,1,1\n", 3, "", "2 columns", ()),
    "a column too many": (OWN + "0,1,1\n1,1,1,1\n2,1\n", 3, "", "4 columns", ()),
    "a blank line before": (OWN + "0,1,1\n\n1,x,1\n", 4, "prompt", "`x`", ()),
    "an unknown column": ("arrival,prompt,output,usr\n0,1,1,a\n", 1, "usr", "unknown", ("user",)),
    "a mistyped column": ("TIMESTAMP,ContextToken,GeneratedTokens\n", 1, "ContextToken", "", ("ContextTokens",)),
    "a column twice": ("arrival,prompt,output,prompt\n", 1, "prompt", "twice", ()),
    "a missing column": ("arrival,prompt\n0,1\n", 1, "output", "missing", ()),
    "no header": ("0,1,1\n", 1, "", "no header", ()),
    "an empty file": ("", 0, "", "empty", ()),
    "a header alone": (OWN, 0, "", "no requests", ()),
    "failures alone": (BURST + "0,M,5,0,5,L\n", 0, "", "no requests", ()),
    "a quote left open": (OWN + '0,1,1\n1,"1,1\n', 3, "", "no CSV", ()),
    "no user": ("arrival,prompt,output,user\n0,1,1,a\n1,1,1,\n", 3, "user", "text", ()),
    "tiers of a service without any": ("arrival,prompt,output,tier\n0,1,1,free\n", 2, "tier", "no tiers", ()),
    "no UTF-8": (b"arrival,prompt,output\n0,1,\xff\n", 0, "", "UTF-8", ()),
    "half of a packed file": (gzip.compress((OWN + "0,1,1\n" * 99).encode())[:-9], 0, "", "cannot be read", ()),
    "no JSON": ('{"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": []}\n{"time\n', 2, "", "JSON", ()),
    "no object": ('{"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": []}\n[1]\n', 2, "", "object", ()),
    "nested too deeply": ('{"timestamp": ' + "[" * 200_000, 1, "", "no JSON", ()),
    "an unknown key": (
        '{"timestamp": 0, "input_length": 1, "output_len": 1, "hash_ids": []}', 1, "output_len", "", ("output_length",),
    ),
    "a missing key": ('{"timestamp": 0, "input_length": 1, "output_length": 1}', 1, "hash_ids", "missing", ()),
    "no time": ('{"timestamp": NaN, "input_length": 1, "output_length": 1, "hash_ids": []}', 1, "timestamp", "", ()),
    "a negative time": ('{"timestamp": -1, "input_length": 1, "output_length": 1, "hash_ids": []}', 1, "timestamp", "", ()),
    "true tokens": (
        '{"timestamp": 0, "input_length": true, "output_length": 1, "hash_ids": []}', 1, "input_length", "whole", (),
    ),
    "no output in JSON": (
        '{"timestamp": 0, "input_length": 1, "output_length": 0, "hash_ids": []}', 1, "output_length", "1 to", (),
    ),
    "blocks that are no numbers": (
        '{"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": ["a"]}', 1, "hash_ids", "a list", (),
    ),
    "blocks of a longer prompt": (
        '{"timestamp": 0, "input_length": 513, "output_length": 1, "hash_ids": [1, 2, 3]}', 1, "hash_ids", "3 blocks", (),
    ),
    "blocks of a shorter prompt": (
        '{"timestamp": 0, "input_length": 1024, "output_length": 1, "hash_ids": [1]}', 1, "hash_ids", "1 blocks", (),
    ),
}  # fmt: skip
"""Content, and the error's line, field, words and nearest name."""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_told_with_its_line_and_column(name, file):
    content, line, field, words, nearest = WRONG[name]
    path = file(content)
    told = error(path)
    assert told.place.file == str(path)
    assert (told.place.line, told.field) == (line, field), str(told)
    assert words in str(told)
    assert told.nearest[: len(nearest)] == nearest


def test_lengths_over_the_models_context_are_told(file):
    path = file(OWN + "0,3000,1096\n1,3000,1097\n")
    assert len(read(path, longest=4097)["prompt"]) == 2
    told = error(path, longest=4096)
    assert (told.place.line, told.field) == (3, "prompt")
    assert "4,097 tokens" in str(told)
    assert "4,096" in told.expected


def test_a_failed_request_may_be_longer_than_the_context(file):
    """It is never served."""
    assert read(file(BURST + "0,M,9999,0,9999,L\n1,M,5,1,6,L\n"), longest=100)["prompt"] == [5]


def test_wrong_options_are_told(file):
    path = file(OWN + "0,1,1\n")
    for options, field in (
        ({"speed": 0.0}, "speed"),
        ({"speed": float("nan")}, "speed"),
        ({"limit": 0}, "limit"),
        ({"longest": 0}, "longest"),
        ({"format": "azur"}, "format"),
    ):
        assert error(path, **options).field == field
    assert error(path, format="azur").nearest == ("azure",)
    assert "cannot be read" in str(error(path.with_name("absent")))
    assert "cannot be read" in str(error(path.parent))


def test_a_tier_that_the_service_does_not_have_is_told_with_the_nearest(file):
    path = file("arrival,prompt,output,tier\n0,1,1,free\n1,1,1,subscribr\n")
    told = error(path, tiers=("free", "subscriber"))
    assert (told.place.line, told.field, told.nearest) == (3, "tier", ("subscriber",))


def test_a_format_given_by_name_is_held_to(file):
    assert error(file(OWN + "0,1,1\n"), format="azure").field == "arrival"
    assert "JSON" in str(error(file(OWN + "0,1,1\n"), format="mooncake"))


rows_of_requests = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 10**5), st.text("ab, \"'é", min_size=1)),
    min_size=1,
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows_of_requests, speed=st.sampled_from([0.5, 1.0, 3.0]))
def test_what_is_written_is_read_back(file, rows, speed):
    """Microseconds, lengths and users that may need quotes, through our own format."""
    rows = sorted(rows, key=lambda row: row[0])
    rows = [(*row[:3], row[3].strip() or "x") for row in rows]
    path = file("")
    with path.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(["arrival", "prompt", "output", "user"])
        writer.writerows((f"{time / 1e6:.6f}", *others) for time, *others in rows)
    trace = read(path, speed=speed)
    assert trace["arrival"] == pytest.approx([(row[0] - rows[0][0]) / 1e6 / speed for row in rows], abs=1e-9)
    assert trace["prompt"] == [row[1] for row in rows]
    assert trace["output"] == [row[2] for row in rows]
    names = list(dict.fromkeys(row[3] for row in rows))
    assert trace["user"] == [names.index(row[3]) for row in rows]


@pytest.mark.parametrize("name", ["AzureLLMInferenceTrace_conv.csv", "AzureLLMInferenceTrace_code.csv"])
def test_public_azure_traces_as_a_slow_reader_reads_them(name):
    with public(name).open(newline="") as text:
        rows = list(csv.DictReader(text))
    times = [datetime.fromisoformat(row["TIMESTAMP"]) for row in rows]
    trace = read(PUBLIC / name)
    assert trace["arrival"] == pytest.approx([(time - times[0]).total_seconds() for time in times], abs=1e-9)
    assert trace["prompt"] == [int(row["ContextTokens"]) for row in rows]
    assert trace["output"] == [int(row["GeneratedTokens"]) for row in rows]


@pytest.mark.parametrize("name", ["mooncake_conversation_trace.jsonl.gz", "mooncake_synthetic_trace.jsonl.gz"])
def test_public_mooncake_traces_as_a_slow_reader_reads_them(name):
    with gzip.open(public(name), "rt") as text:
        rows = [json.loads(line) for line in text]
    (chunk,) = open_trace(PUBLIC / name).chunks
    assert (chunk.arrival * 1000).round().tolist() == [row["timestamp"] - rows[0]["timestamp"] for row in rows]
    assert chunk.prompt.tolist() == [row["input_length"] for row in rows]
    assert chunk.output.tolist() == [row["output_length"] for row in rows]
    ends = zip(chunk.first_block, chunk.first_block[1:], strict=False)
    assert [chunk.blocks[a:b].tolist() for a, b in ends] == [row["hash_ids"] for row in rows]


def test_published_sizes_of_the_azure_traces():
    """Patel et al. 2024 (Splitwise, arXiv:2311.18677), section III: median prompts of 1,020 (conversation) and 1,500
    (coding, in hundreds) tokens, median outputs of 129 and 13. The released samples of an hour have 19,366 and 8,819."""
    for name, rows, prompt, digits, output in (("conv", 19_366, 1020, -1, 129), ("code", 8_819, 1500, -2, 13)):
        trace = read(public(f"AzureLLMInferenceTrace_{name}.csv"))
        assert len(trace["prompt"]) == rows
        assert round(np.median(trace["prompt"]), digits) == prompt
        assert np.median(trace["output"]) == output


def test_every_format_is_on_the_page():
    page = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")
    for name, each in FORMATS.items():
        assert f"| `{name}` |" in page
        assert all(f"`{column}`" in page for column in each.columns)

"""The auditor of claims: its verdicts and arithmetic against the table made by hand, and verdicts that move."""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from petaday.catalog.strict_yaml import loads
from petaday.catalog.validate import validated
from petaday.cli import main
from petaday.errors import InputError
from petaday.report.claims import claims_data
from petaday.study.claims import Audit, ClaimsFile, audit, chosen, read_claims, shipped_claims
from petaday.study.claims.audit import DATA
from petaday.study.claims.functions import FUNCTIONS
from petaday.study.claims.schema import Claim, Stated
from petaday.study.claims.typed import text
from petaday.study.manifest import manifest
from petaday.validation.claims import RECORD, claim_suites

# The library of the command line warns when a test runs the program's own `main`.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data" / "claims.csv"
IDS = [f"C{number:02d}" for number in range(1, 46)]


@cache
def written() -> dict[str, dict[str, Any]]:
    """The shipped claims as their files have them, by id."""
    found = [each for path in sorted(DATA.glob("*.yaml")) for each in yaml.safe_load(path.read_text())["claims"]]
    return {each["id"]: each for each in found}


@cache
def record() -> dict[str, str]:
    with RECORD.open(encoding="utf-8") as table:
        return {row["id"]: row["verdict"] for row in csv.DictReader(table)}


def of(claim: dict[str, Any]) -> Audit:
    document = loads(yaml.safe_dump({"claims": [claim]}, allow_unicode=True), "claims.yaml")
    return audit(validated(ClaimsFile, document).claims[0])


def changed(id_: str, **quantities: dict[str, Any]) -> Audit:
    """A shipped claim's audit with figures of some of its quantities replaced; None takes one away."""
    claim = written()[id_]
    figures = {name: dict(each) for name, each in claim["quantities"].items()}
    for name, each in quantities.items():
        merged = {**figures.get(name, {}), **each}
        figures[name] = {key: value for key, value in merged.items() if value is not None}
    return of({**claim, "quantities": figures})


def worked(audited: Audit, name: str) -> float:
    typed = next(each.typed for each in audited.model if each.name == name)
    assert typed is not None
    return typed.value


# Against the table made by hand


def test_every_row_of_the_table_ships() -> None:
    assert [claim.id for claim in shipped_claims()] == IDS == list(record())


@pytest.mark.parametrize("id_", IDS)
def test_the_verdict_is_that_of_the_table(id_: str) -> None:
    audited = audit(chosen(shipped_claims(), id_)[0])
    assert audited.verdict == record()[id_], audited.reason
    assert audited.reason


def test_all_executable_checks_reproduce() -> None:
    """30 rows have one, C33 two; within 1.2 %."""
    rows = claim_suites()[0].rows
    assert len({row.id.split()[0] for row in rows}) == 30
    assert max(abs(row.error) for row in rows) <= 0.012


@pytest.mark.skipif(not SHARED.exists(), reason="the table is not here")
def test_the_record_is_the_table() -> None:
    verdicts = {"yes": "consistent", "partial": "partial", "no": "inconsistent", "n/a": "not checkable"}
    with SHARED.open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    with RECORD.open(encoding="utf-8") as table:
        stated = [(row["id"], float(row["stated"])) for row in csv.DictReader(table) if row["stated"]]
    for row in rows:
        first = re.match(r"yes|partial|n/a|no", row["internally_consistent"])
        assert first and verdicts[first[0]] == record()[row["id"]]
    tests = [
        (row["id"], float(number.replace(",", "")))
        for row in rows
        for number in re.findall(r"=\s*([\d.,]+(?:e\d+)?)", row["regression_test"].replace("4.6e26", ""))
    ]
    assert stated == tests


def test_no_verdict_is_stored() -> None:
    for path in DATA.glob("*.yaml"):
        assert not re.search(r"verdict|inconsistent|partial", path.read_text())


# The chain of the agents' tokens


def test_the_chain_of_260_trillion_teraflops() -> None:
    audits = {id_: audit(chosen(shipped_claims(), id_)[0]) for id_ in ("C25", "C27", "C28", "C30")}
    assert worked(audits["C27"], "cards at full utilisation") == pytest.approx(1.50e6, rel=5e-3)
    assert worked(audits["C27"], "were a day 100,000 s") == pytest.approx(1.3e6)
    assert worked(audits["C28"], "implied utilisation") == pytest.approx(0.215, abs=5e-4)
    once = next(each.typed for each in audits["C30"].model if each.name == "wafers once")
    assert once is not None and once.dimension == (("wafer", 1),)
    assert once.value == pytest.approx(233e3, rel=2e-3)
    assert worked(audits["C30"], "replacement over 5 years") * 86400 == pytest.approx(128, abs=0.5)
    assert "stock" in audits["C30"].reason and "233,300 wafers" in audits["C30"].reason
    assert "-13.6%" in audits["C27"].reason
    assert "per time" in audits["C25"].reason


# A verdict follows from the claim: mend or break it, and it moves


@pytest.mark.parametrize(
    ("id_", "quantities", "verdict"),
    [
        ("C01", {"end": {"of": "module"}}, "inconsistent"),
        ("C01", {"end": {"at": "2022"}}, "inconsistent"),
        ("C02", {"doubling": {"value": "4 months"}}, "partial"),
        ("C02", {"doubling": {"value": "6 months"}}, "inconsistent"),
        ("C03", {"rate": {"dtype": "bf16", "density": "dense", "scope": "the Lingang site"}}, "consistent"),
        ("C03", {"rate": {"dtype": "bf16", "density": "dense"}}, "partial"),
        ("C04", {"base": {"value": "155.2 EFLOPS", "at": 2021}}, "consistent"),
        ("C06", {"unit": {"value": "100亿 FLOPS"}}, "inconsistent"),
        ("C07", {"work": {"value": "36400 PF-days"}}, "inconsistent"),
        ("C07", {"work": {"value": "3640 PFLOPS"}}, "inconsistent"),
        ("C08", {"peak": {"value": "0.312 PFLOPS", "dtype": "bf16", "density": "dense"}}, "consistent"),
        ("C08", {"peak": {"dtype": "bf16", "density": "dense"}}, "inconsistent"),
        ("C08", {"peak": {"dtype": "bf16", "density": "sparse"}}, "consistent"),
        ("C08", {"peak": {"workload": "any"}}, "partial"),
        ("C09", {"cards": {"value": "6000 chip-days"}}, "consistent"),
        ("C10", {"peak": {"value": "312 TFLOPS", "dtype": "bf16", "density": "dense"}}, "inconsistent"),
        ("C11", {"price": {"value": "$10万"}}, "inconsistent"),
        ("C12", {"added": {"value": "2.9 EFLOPS"}}, "inconsistent"),
        ("C14", {"before": {"missing": None, "value": "3 EFLOPS"}}, "consistent"),
        ("C17", {"launch": {"date": "2023-02"}}, "inconsistent"),
        ("C18", {"count": {"value": "17.5B parameters"}}, "inconsistent"),
        ("C19", {"server": {"value": "¥100万"}}, "consistent"),
        ("C20", {"deadline": {"missing": None, "value": "34 days"}}, "consistent"),
        ("C20", {"used": {"value": "1024 chips"}}, "inconsistent"),
        ("C21", {"cost": {"value": "$4M"}}, "consistent"),
        ("C23", {"stated": {"value": "176 chips"}}, "consistent"),
        ("C25", {"demand": {"value": "260万亿 TFLOP", "used_as": "rate"}}, "consistent"),
        ("C25", {"demand": {"value": "260万亿 TFLOP", "per": None, "used_as": "rate"}}, "inconsistent"),
        ("C26", {"peak": {"dtype": "fp8", "density": "dense"}}, "consistent"),
        ("C26", {"peak": {"dtype": "bf16", "density": "dense"}}, "inconsistent"),
        ("C26", {"peak": {"dtype": "bf16"}}, "inconsistent"),
        ("C26", {"peak": {"dtype": "fp8"}}, "consistent"),
        ("C26", {"peak": {"value": "2000 TFLOP"}}, "inconsistent"),
        ("C26", {"peak": {"value": "1500 TFLOPS"}}, "inconsistent"),
        ("C27", {"cards": {"value": "150万 chips"}}, "consistent"),
        ("C28", {"deployed": {"value": "1M chips"}}, "inconsistent"),
        ("C29", {"stated": {"value": "60 chips"}}, "inconsistent"),
        ("C30", {"need": {"value": "20万 wafers..30万 wafers", "used_as": "stock"}}, "consistent"),
        ("C30", {"need": {"value": "20万 wafers..30万 wafers"}}, "inconsistent"),
        ("C32", {"need": {"value": "100万 wafers/day"}}, "consistent"),
        ("C33", {"total": {"value": "13000 PFLOPS"}}, "consistent"),
        ("C33", {"total": {"value": "12000 PFLOPS"}}, "inconsistent"),
        ("C34", {"before": {"at": 2025}, "after": {"at": 2028}}, "consistent"),
        ("C36", {"all": {"missing": None, "value": "100M", "of": "port"}}, "consistent"),
        ("C35", {"growth": {"value": "52.5 %"}}, "inconsistent"),
        ("C38", {"growth": {"value": "20"}}, "inconsistent"),
        ("C39", {"lambda": {"value": "$46M"}}, "inconsistent"),
        ("C41", {"time": {"value": "3 months"}}, "inconsistent"),
        ("C42", {"most": {"value": "¥22.65亿"}}, "inconsistent"),
        ("C44", {"observer": {"value": "¥8万"}, "yuan": {"value": "$12M"}}, "consistent"),
    ],
)  # fmt: skip
def test_a_changed_claim_has_another_verdict(id_: str, quantities: dict[str, Any], verdict: str) -> None:
    audited = changed(id_, **quantities)
    assert audited.verdict == verdict, audited.reason


def test_one_unit_for_like_things() -> None:
    like = {"dtype": "fp16", "density": "dense"}
    bare = {"dtype": None, "density": None}
    names = ("a100", "china_ai", "china_general", "h100")
    assert changed("C45", **dict.fromkeys(names, like)).verdict == "consistent"
    assert changed("C45", **dict.fromkeys(names, bare)).verdict == "partial"
    assert changed("C45", h100={"value": "2000 TFLOP"}).verdict == "inconsistent"


def test_rates_of_unlike_dtypes_do_not_add() -> None:
    def total(dtype: str) -> Audit:
        rates = {
            "ai": {"value": "268 EFLOPS", "dtype": "fp16", "density": "dense"},
            "general": {"value": "60 EFLOPS", "dtype": dtype, "density": "dense"},
            "all": {"value": "328 EFLOPS"},
        }
        return of({"id": "x", "statement": "both", "quantities": rates, "relations": ["ai + general = all"]})

    assert total("fp64").verdict == "inconsistent" and "do not add" in total("fp64").reason
    assert total("fp16").verdict == "consistent"


def test_sparsity_is_of_the_chips_that_have_it() -> None:
    def peak(chip: str, value: str) -> str:
        quantities = {"p": {"value": value, "per": "chip", "chip": chip, "dtype": "fp16"}}
        return of({"id": "x", "statement": "a peak", "quantities": quantities}).reason

    assert "fp16 sparse" in peak("mi300x", "2614 TFLOPS")
    assert "no peak" in peak("v100", "250 TFLOPS")
    assert "fp16 dense" in peak("v100", "125 TFLOPS")


# Files of one's own


def test_the_example_audits() -> None:
    verdicts = {each.id: audit(each).verdict for each in read_claims(ROOT / "examples" / "my-claims.yaml").claims}
    assert verdicts == {
        "agents-chips": "inconsistent",
        "agents-deployed": "consistent",
        "agents-wafers": "inconsistent",
        "bare-peak": "partial",
    }


def test_mixed_kinds_are_a_verdict_and_no_error() -> None:
    audited = of(
        {
            "id": "x",
            "statement": "chips and yuan",
            "quantities": {"a": {"value": "5 chips"}, "b": {"value": "¥5"}, "c": {"value": "5 s"}},
            "relations": ["a + b = c", "log2(a)", "2^b = 1", "a / (c - c) = b", "cagr(a, b, c)"],
        }
    )
    assert audited.verdict == "inconsistent"
    assert [each.outcome for each in audited.findings] == ["fails"] * 5


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"quantities": {"a": {"value": "3 frobs"}}}, "unknown unit"),
        ({"quantities": {"a": {"value": "5B"}}}, "may be"),
        ({"quantities": {"a": {}}}, "give one of"),
        ({"quantities": {"a": {"value": "1", "date": "2023"}}}, "give one of"),
        ({"quantities": {"a": {"date": "2023-13"}}}, "no date"),
        ({"quantities": {"a": {"date": "yesterday"}}}, "no date"),
        ({"quantities": {"a": {"value": "9 chips..3 chips"}}}, "upside down"),
        ({"quantities": {"a": {"value": "3 chips", "chip": "h100-smx"}}}, "h100-sxm"),
        ({"quantities": {"a": {"value": "3", "of": "a/b"}}}, "nothing to count"),
        ({"quantities": {"a": {"is": "b"}, "b": {"is": "a"}}}, "rests on itself"),
        ({"quantities": {"a": {"value": 3}}, "relations": ["a = card"]}, "no quantity `card`"),
        ({"relations": ["1 = 2 = 3"]}, "more than once"),
        ({"relations": ["(1 = 2"]}, "not closed"),
        ({"relations": ["1 +"]}, "missing"),
        ({"relations": ["1 2"]}, "left over"),
        ({"relations": ["* 2"]}, "nothing before it"),
        ({"relations": ["cagr(1)"]}, "takes"),
        ({"relations": ["exec(1)"]}, "no function"),
        ({"relations": ["peak(h100-sxm-80, bf17, dense)"]}, "bf16"),
        ({"relations": ["peak(h100-sxm-80, bf16, thick)"]}, "density"),
        ({"relations": ["(" * 30 + "1" + ")" * 30]}, "too deep"),
        ({"relations": ["1" + " + 1" * 99]}, "characters"),
        ({"relations": [5]}, "no relation"),
        ({"relations": ["1 + 1e999"]}, "finite"),
        ({"quantities": {"a": {"value": "3", "of": "date"}}}, "nothing to count"),
        ({"quantities": {f"q{i}": {"is": f"q{i + 1}"} for i in range(99)} | {"q99": {"value": "1"}}}, "more than 20"),
        (
            {
                "quantities": {name: {"readings": dict.fromkeys("abcdefgh", "1")} for name in ("x", "y", "z")},
                "relations": ["x + y = z"],
            },
            "512 ways",
        ),
        ({"published": "soon"}, "no date"),
        ({"claim": "x"}, "unknown key"),
    ],
)
def test_a_malformed_file_is_an_error_with_its_place(claim: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        of({"id": "x", "statement": "something", **claim})
    assert caught.value.place is not None and caught.value.place.line >= 1


def test_a_lattice_of_quantities_is_worked_out_once() -> None:
    """Eighteen levels, each twice the next: 2^18, and no more work than eighteen sums."""
    levels = {f"q{i}": {"is": f"q{i + 1} + q{i + 1}"} for i in range(18)}
    audited = of(
        {"id": "x", "statement": "y", "quantities": levels | {"q18": {"value": 1}}, "relations": ["q0 = 262144"]}
    )
    assert audited.verdict == "consistent"


def test_extremes_are_verdicts_that_can_be_told() -> None:
    quantities = {
        "a": {"value": "1e300 chips"},
        "b": {"value": "1e-300 chips"},
        "day": {"date": "2023-02-09"},
        "t": {"value": "1e300 s"},
    }
    relations = ["a * a", "a / b", "a = b", "b = a", "day + t = day", "day * 2 = day", "day + day = day", "2^a"]
    relations += ["a - a = a", "a / b * b = a", "day^2", "b / a"]
    audited = of({"id": "x", "statement": "y", "quantities": quantities, "relations": relations})
    assert audited.verdict == "inconsistent"
    told = claims_data([audited], manifest(ClaimsFile.model_construct(claims=(audited.claim,)), "petaday claims"))
    json.dumps(told, allow_nan=False)


def test_dates_are_apart_by_times() -> None:
    claim = {
        "id": "x",
        "statement": "two months after its launch",
        "quantities": {
            "launch": {"date": "2022-11-30"},
            "later": {"date": "2023-01-30"},
            "time": {"value": "61 days"},
        },
        "relations": ["launch + time = later", "later - launch = time", "later - time = launch"],
    }
    assert of(claim).verdict == "consistent"
    assert of({**claim, "relations": ["launch + time = time"]}).verdict == "inconsistent"


def test_ids_are_unique_and_known() -> None:
    claim = {"id": "x", "statement": "something"}
    with pytest.raises(InputError, match="two claims"):
        validated(ClaimsFile, loads(yaml.safe_dump({"claims": [claim, claim]}), "claims.yaml"))
    with pytest.raises(InputError, match=r"C30"):
        chosen(shipped_claims(), "C300")


def test_a_forecast_is_told() -> None:
    told = {claim.id for claim in shipped_claims() if audit(claim).is_forecast}
    assert {"C01", "C06", "C13", "C36", "C40"} <= told
    assert not told & {"C07", "C12", "C30"}


def test_texts_are_for_people() -> None:
    said = {each.name: text(each.typed) for each in audit(chosen(shipped_claims(), "C03")[0]).model if each.typed}
    assert said["yuan a FLOP/s"] == "¥1.141M a PFLOP/s"
    assert said["yuan a card, dense"] == "¥355,800 a chip"


# The page

PAGE = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")


def keys_of(section: str) -> set[str]:
    """Keys in the first cells of the table under a heading."""
    table = PAGE.partition(f"\n{section}\n")[2].partition("\n#")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)", cell)}


def test_the_page_documents_every_key_and_function() -> None:
    assert keys_of("### claims") == set(Claim.model_fields)
    assert keys_of("### quantities") == {field.alias or name for name, field in Stated.model_fields.items()}
    assert keys_of("### Relations") == set(FUNCTIONS)


def test_the_claim_of_the_page_comes_out() -> None:
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block
    claim = validated(ClaimsFile, loads(block[1], "page.yaml")).claims[0]
    assert audit(claim).verdict == "inconsistent"
    assert "a time is dropped" in audit(claim).reason


# The command


def test_the_command_shows_one_claim_and_refuses_a_malformed_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["petaday", "claims", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, out, err

    code, out, _ = run("--id", "C28")
    assert code == 0 and "21.49 %" in out
    code, out, _ = run("--json")
    data = json.loads(out)
    assert code == 0 and data["verdicts"] == {name: list(record().values()).count(name) for name in data["verdicts"]}
    assert data["schema_version"] and data["manifest"]["command"] == "petaday claims --json"
    bad = tmp_path / "bad.yaml"
    bad.write_text("claims:\n  - {id: x, statement: y, relations: [a = 1]}\n")
    code, _, err = run(str(bad))
    assert code == 2 and "bad.yaml:2:5" in err and "no quantity `a`" in err

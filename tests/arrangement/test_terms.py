"""Terms: one meaning for two spellings, and every fault named where its author finds it."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from specimen import AUTHORITY, AUTHORITY_WITNESS, LOG, ORIGIN, POLICY, VALUE, changed, terms

from comity.arrangement import Problem, TermsRefused, leaves, parse_terms_json, parse_terms_yaml
from comity.arrangement.source import MAX_DEPTH, MAX_SOURCE
from comity.ledger import generate_key
from comity.records import canonical_bytes


def written(value: dict[str, Any]) -> str:
    return str(yaml.safe_dump(value, sort_keys=False))


def problems(source: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(TermsRefused) as refused:
        parse_terms_yaml(source, "terms.yaml")
    return refused.value.problems


def only(source: str | bytes) -> Problem:
    found = problems(source)
    assert 1 == len(found), found
    return found[0]


def test_yaml_and_canonical_json_are_one_set_of_terms() -> None:
    """What an author writes and what a party signs are read to equal values with one digest."""
    assert terms() == parse_terms_yaml(written(VALUE), "terms.yaml")
    assert terms() == parse_terms_json(terms().raw)


def test_the_bytes_that_are_signed_are_kept() -> None:
    """`raw` is the canonical bytes themselves, in which every clause of the source stands."""
    assert canonical_bytes(VALUE) == terms().raw
    assert VALUE == terms().value()


def test_values_are_read_as_the_clauses_mean_them() -> None:
    """Money becomes integers, times become aware UTC, names become lookups."""
    found = terms()

    assert 1_000_000_000 == found.budget.cost_nano
    assert (100_000, 400_000) == (found.models[0].prices.input_micros, found.models[0].prices.output_micros)
    assert "2026-11-23T00:00:00+00:00" == found.window.begins.isoformat()
    assert found.model("gemma-3-270m") is found.models[0]
    assert found.model("other") is None
    assert found.person("evaluator-1") is found.people[0]
    assert "both" == found.ledger.policy.quorum


@pytest.mark.parametrize(
    ("price_in", "price_out", "tokens", "nano"),
    [
        ("0.10", "0.40", (1_000, 10), 104_000),
        ("0.000001", "0", (1, 0), 1),
        ("0.0015", "0", (1, 0), 2),
        ("0.0015", "0.0015", (1, 1), 3),
        ("0", "0", (10**8, 10**8), 0),
        ("10000", "10000", (10**8, 10**8), 2 * 10**15),
    ],
)
def test_cost_is_exact_and_rounded_up_once(price_in: str, price_out: str, tokens: tuple[int, int], nano: int) -> None:
    """The cost of a call is integer arithmetic in billionths, never below the true cost and less than one above."""
    model = terms("models.0.prices", {"input": price_in, "output": price_out}).models[0]

    assert nano == model.cost_nano(*tokens)


def test_every_problem_is_told_at_once_with_line_and_clause() -> None:
    """An author sees all faults of a file in one go, each with file, line, clause, expected and got."""
    value = changed("budget.calls", 0)
    value["window"]["until"] = "2026-11-22T00:00:00Z"
    value["models"][0]["prices"]["input"] = 0.1
    value["extra"] = "x"
    source = written(value)

    found = {problem.clause: problem for problem in problems(source)}

    assert {"budget.calls", "window.until", "models[0].prices.input", "extra"} == set(found)
    lines = source.splitlines()
    for clause, problem in found.items():
        assert clause.rpartition(".")[2] in lines[problem.line - 1]
        assert str(problem).startswith(f"terms.yaml:{problem.line}: {clause}: expected ")


FAULTS: list[tuple[str, Any, str]] = [
    ("terms", "arrangement/2", "terms"),
    ("id", "0123", "id"),
    ("id", 123, "id"),
    ("version", 0, "version"),
    ("version", "1", "version"),
    ("version", True, "version"),
    ("previous", "0" * 64, "previous"),
    ("title", "", "title"),
    ("title", "two\nlines", "title"),
    ("title", "right‮left", "title"),
    ("title", "x" * 201, "title"),
    ("ledger.origin", "operator.example/a/" + "f" * 32, "ledger.origin"),
    ("ledger.origin", "Operator.example/a/" + "0123456789abcdef" * 2, "ledger.origin"),
    ("ledger.policy", "log nonsense\nquorum none\n", "ledger.policy"),
    ("ledger.policy", f"log {LOG.vkey}\nquorum none\n", "ledger.policy"),
    ("operator.by", "somebody", "operator.by"),
    ("parties.authority.key", "authority.example", "parties.authority.key"),
    ("parties.authority.key", AUTHORITY_WITNESS.vkey, "parties.authority.key"),
    ("parties.provider.key", AUTHORITY.vkey, "parties.provider.key"),
    ("purpose", [], "purpose"),
    ("purpose", "one", "purpose"),
    ("models", [], "models"),
    ("models.0.serves", [], "models[0].serves"),
    ("models.0.name", "two words", "models[0].name"),
    ("models.0.on_mismatch", "ignore", "models[0].on_mismatch"),
    ("models.0.protocols", ["openai", "telnet"], "models[0].protocols[1]"),
    ("models.0.protocols", ["openai", "openai"], "models[0].protocols"),
    ("models.0.max_output", 5000, "models[0].max_output"),
    ("models.0.overhead.tool", -1, "models[0].overhead.tool"),
    ("models.0.prices.input", "0.1234567", "models[0].prices.input"),
    ("models.0.prices.input", "1e3", "models[0].prices.input"),
    ("models.0.prices.input", "-1", "models[0].prices.input"),
    ("models.0.prices.input", "10001", "models[0].prices.input"),
    ("models.0.prices.input", 1, "models[0].prices.input"),
    ("features", ["telepathy"], "features[0]"),
    ("features", ["stop", "stop"], "features"),
    ("people.0.id", "Jane Doe", "people[0].id"),
    ("people.0.eligible", "yes", "people[0].eligible"),
    ("window.from", "2026-11-23", "window.from"),
    ("window.from", "2026-11-23T00:00:00+01:00", "window.from"),
    ("window.from", "2026-02-30T00:00:00Z", "window.from"),
    ("window.until", "2026-11-23T00:00:00Z", "window.until"),
    ("window.until", "2199-01-01T00:00:00Z", "window.until"),
    ("budget.calls", 10**9 + 1, "budget.calls"),
    ("budget.cost", "9000001", "budget.cost"),
    ("budget.currency", "euro", "budget.currency"),
    ("rate.concurrency", 0, "rate.concurrency"),
    ("content.recipients", [], "content.recipients"),
    ("content.recipients.0.key", "AAAA", "content.recipients[0].key"),
    ("content.recipients.0.name", "authority-recovery", "content.recipients.name"),
    ("content.blindness", "total", "content.blindness"),
    ("record.provider_sees", "everything", "record.provider_sees"),
    ("stop.by", [], "stop.by"),
    ("stop.by", ["operator"], "stop.by[0]"),
    ("publication.review_days", 367, "publication.review_days"),
]


@pytest.mark.parametrize(
    ("path", "value", "clause"), FAULTS, ids=[f"{path}-{n}" for n, (path, _, _) in enumerate(FAULTS)]
)
def test_a_wrong_value_is_refused_at_its_clause_in_both_spellings(path: str, value: Any, clause: str) -> None:
    """Bounds, types and closed sets hold alike for what authors write and for what parties sign."""
    assert clause == only(written(changed(path, value))).clause
    with pytest.raises(TermsRefused) as refused:
        parse_terms_json(canonical_bytes(changed(path, value)))
    assert [clause] == [problem.clause for problem in refused.value.problems]


@pytest.mark.parametrize("clause", [path for path, _ in leaves(VALUE)])
def test_no_clause_is_agreed_by_silence(clause: str) -> None:
    """Leaving any clause out is refused, and the refusal names it."""
    path = clause.replace("[gemma-3-270m]", ".0").replace("[evaluator-1]", ".0").replace("[authority-recovery]", ".1")
    if path.startswith("features."):
        path = "features"

    found = problems(written(changed(path, drop=True)))

    name = path.replace(".0.", "[0].").replace(".1.", "[1].")
    assert (name, "nothing") in {(problem.clause, problem.got) for problem in found}


@pytest.mark.parametrize("path", ["", "ledger.", "models.0.", "models.0.prices.", "people.0.", "budget.", "stop."])
def test_an_unknown_clause_is_refused_wherever_it_stands(path: str) -> None:
    """What this version does not know is never passed over."""
    assert "an unknown clause" == only(written(changed(f"{path}surprise", "x"))).got


@pytest.mark.parametrize(
    ("before", "after", "got"),
    [
        ("calls: 400", "calls: 0x190", "'0x190': an integer in another form than plain decimal"),
        ("calls: 400", "calls: 4_00", "'4_00': an integer in another form than plain decimal"),
        ("calls: 400", "calls: 0400", "'0400': an integer in another form than plain decimal"),
        ("calls: 400", "calls: 6:40", "'6:40': an integer in another form than plain decimal"),
        ("calls: 400", "calls: '400'", "the text '400'"),
        ("calls: 400", "calls:", "nothing"),
        ("cost: '1.00'", "cost: 1.00", "'1.00': a number with a fraction (write it in quotes)"),
        ("eligible: true", "eligible: yes", "'yes': a second spelling of true or false"),
    ],
)
def test_yaml_has_one_spelling_for_each_value(before: str, after: str, got: str) -> None:
    """Numbers and booleans in YAML's other notations are refused, and the message says what was read."""
    source = written(VALUE)
    assert before in source

    assert got == only(source.replace(before, after)).got


@pytest.mark.parametrize(
    ("before", "after", "got"),
    [
        ("basis: ", "basis: &x ", "&x"),
        ("basis: ", "basis: !!str ", "tag:yaml.org,2002:str"),
        ("basis: ", "basis: !!python/name:os.system ", "tag:yaml.org,2002:python/name:os.system"),
        ("version: 1", "version: 1\nversion: 1", "it again (first on line 3)"),
        ("  calls: 400", "  calls: 400\n  calls: 400", "it again"),
        ("version: 1", "version: 1\n<<: {x: 1}", "'<<': a merge key"),
        ("version: 1", "version: 1\n3: x", "the integer 3"),
        ("version: 1", "version: 1\n? [a, b]\n: x", "a list of 2"),
        ("terms: arr", "%YAML 1.1\n---\nterms: arr", "a % line"),
    ],
)
def test_yaml_machinery_is_refused(before: str, after: str, got: str) -> None:
    """Anchors, tags, merge keys, directives and keys given twice have no place in a contract."""
    source = written(VALUE)
    assert before in source

    assert any(problem.got.startswith(got) for problem in problems(source.replace(before, after, 1)))


def test_an_alias_is_refused_where_it_stands() -> None:
    """A value is written out; a reference to another is not."""
    found = problems("title: &a x\nbasis: *a\n")

    assert ("basis", "the alias *a") in {(problem.clause, problem.got) for problem in found}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", "terms"),
        ("a: [1", "YAML"),
        ("a: 1\n---\nb: 2\n", "one document"),
        (b"\xff\xfe", "text in UTF-8"),
        ("#" * (MAX_SOURCE + 1), f"at most {MAX_SOURCE} bytes"),
        ("[" * 5_000, f"at most {MAX_DEPTH} levels of nesting"),
        ("- 1\n" * 30_000, "at most 20000 values"),
        ('title: "\\UFFFFFFFF"', "YAML"),
        ("%YAML 9999999999999999999.1\n---\na: 1", "YAML"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_problem(source: str | bytes, expected: str) -> None:
    """Broken, oversized, deep and endless files end in one refusal that says what was expected."""
    assert expected == only(source).expected


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"id":"1","id":"1"}',
        b'{ "id":"1"}',
        b'{"id":1.5}',
        b'{"id":null}',
        b"x" * (MAX_SOURCE + 1),
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)
def test_only_canonical_json_is_read(raw: bytes) -> None:
    """Signed bytes have one spelling: any other is refused, duplicate keys and excess size included."""
    with pytest.raises(TermsRefused):
        parse_terms_json(raw)


def test_the_policy_must_be_over_the_ledger_of_the_terms() -> None:
    """A policy whose log key carries another origin protects another ledger."""
    other = generate_key("ed25519", f"elsewhere.example/a/{'0' * 32}", lambda count: b"\x09" * count)

    problem = only(written(changed("ledger.policy", POLICY.replace(LOG.vkey, other.vkey))))

    assert ("ledger.policy", f"log keys named {ORIGIN}") == (problem.clause, problem.expected)


TEXTS = st.text(max_size=300) | st.text(alphabet="ab:-[]{}&*!|>'\"%#,? \n\t0123456789._~@`", max_size=300)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_the_yaml_reader_is_total(text: str) -> None:
    """Whatever the text, the reader returns terms or raises `TermsRefused`, nothing else."""
    with pytest.raises(TermsRefused):
        parse_terms_yaml(text, "x")


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_terms_with_one_damaged_place_are_read_or_refused(data: st.DataObject) -> None:
    """A cut and a splice anywhere in a good file never escape as another error."""
    source = written(VALUE)
    place = data.draw(st.integers(0, len(source)))
    damaged = source[:place] + data.draw(TEXTS) + source[place + data.draw(st.integers(0, 9)) :]
    try:
        parse_terms_yaml(damaged, "x")
    except TermsRefused:
        pass


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_the_json_reader_is_total(raw: bytes) -> None:
    """Whatever the bytes, the reader returns terms or raises `TermsRefused`, nothing else."""
    with pytest.raises(TermsRefused):
        parse_terms_json(raw)


@given(st.integers(1, 10**9), st.integers(1, 10**12), st.sampled_from(["0", "1", "0.5", "8999999.999999"]))
@settings(max_examples=50, deadline=None)
def test_both_spellings_agree_for_every_budget(calls: int, tokens: int, cost: str) -> None:
    """YAML to terms to canonical bytes to terms is the identity."""
    value = changed("budget.calls", calls)
    value["budget"] |= {"input_tokens": tokens, "cost": cost}

    found = parse_terms_yaml(written(value), "x")

    assert found == parse_terms_json(found.raw)
    assert canonical_bytes(value) == found.raw

"""Terms: one meaning for two spellings, and every fault named where its author finds it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from specimen import AUTHORITY, AUTHORITY_WITNESS, GUARD, LOG, ORIGIN, PERMIT, POLICY, VALUE, changed, terms

from comity.arrangement import Problem, TermsRefused, leaves, parse_terms_json, parse_terms_yaml
from comity.arrangement.features import BOUNDED, NEVER
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
    assert (0, 1440) == (found.window.hours.begins, found.window.hours.until)
    assert (500_000_000, 30_000) == (found.budget.per_day.cost_nano, found.budget.per_day.output_tokens)
    assert {} == found.limits


PRICES = {"input": "0.10", "cached_read": "0.05", "cache_write": "0.12", "output": "0.40"}


@pytest.mark.parametrize(
    ("prices", "tokens", "cached", "nano"),
    [
        ({}, (1_000, 10), (0, 0), 104_000),
        ({}, (1_000, 10), (600, 300), 10_000 + 30_000 + 36_000 + 4_000),
        ({}, (1_000, 0), (1_000, 0), 50_000),
        ({}, (1_000, 0), (0, 1_000), 120_000),
        ({"input": "0.000001", "output": "0"}, (1, 0), (0, 0), 1),
        ({"input": "0.0015", "output": "0"}, (1, 0), (0, 0), 2),
        ({"input": "0.0015", "output": "0.0015"}, (1, 1), (0, 0), 3),
        ({"input": "0.0015", "cached_read": "0.0015", "cache_write": "0.0015"}, (3, 0), (1, 1), 5),
        ({"input": "0", "output": "0"}, (10**8, 10**8), (0, 0), 0),
        ({"input": "10000", "output": "10000"}, (10**8, 10**8), (0, 0), 2 * 10**15),
    ],
)
def test_cost_is_exact_and_rounded_up_once(
    prices: dict[str, str], tokens: tuple[int, int], cached: tuple[int, int], nano: int
) -> None:
    """The cost of a call, each token at its class's price, is integers, never below the true cost or one above."""
    model = terms("models.0.prices", {**PRICES, **prices}).models[0]

    assert nano == model.cost_nano(*tokens, cached_read=cached[0], cache_write=cached[1])


PRICE = st.integers(0, 10**10).map(lambda micros: f"{micros // 10**6}.{micros % 10**6:06}")


@given(st.tuples(PRICE, PRICE, PRICE, PRICE), st.integers(0, 10**8), st.integers(0, 10**8), st.data())
@settings(max_examples=50, deadline=None)
def test_no_division_into_classes_costs_more_than_the_most(
    prices: tuple[str, str, str, str], into: int, out: int, data: st.DataObject
) -> None:
    """What a call reserves suffices however much of its input the provider reads from its cache or writes to it."""
    model = terms("models.0.prices", dict(zip(PRICES, prices, strict=True))).models[0]
    read = data.draw(st.integers(0, into))
    write = data.draw(st.integers(0, into - read))

    assert model.cost_nano(into, out, cached_read=read, cache_write=write) <= model.most_nano(into, out) < 2**53


@pytest.mark.parametrize("dearest", ["input", "cached_read", "cache_write"])
def test_the_most_is_at_the_dearest_price_of_input(dearest: str) -> None:
    """Whichever class of input costs most is what a token is reserved at."""
    model = terms("models.0.prices", {**PRICES, dearest: "7"}).models[0]

    assert 7_000 * 1_000 + 400 * 10 == model.most_nano(1_000, 10)


@pytest.mark.parametrize(
    ("at", "passes"),
    [
        ("2026-11-27T08:59:59", False),
        ("2026-11-27T09:00:00", True),
        ("2026-11-27T17:29:59", True),
        ("2026-11-27T17:30:00", False),
        ("2026-11-28T12:00:00", False),
    ],
)
def test_hours_open_and_close_to_the_minute(at: str, passes: bool) -> None:
    """Calls pass from the first minute of the hours until just before the last, on the days named; in UTC."""
    hours = terms("window.hours", {"days": ["mon", "fri"], "from": "09:00", "until": "17:30"}).window.hours

    assert passes == hours.open_at(datetime.fromisoformat(f"{at}+00:00"))


def test_hours_may_be_whole_days() -> None:
    """From 00:00 until 24:00 on all seven days, no minute of a week is shut."""
    hours, monday = terms().window.hours, datetime(2026, 11, 23, tzinfo=UTC)

    assert all(hours.open_at(monday + timedelta(minutes=minute)) for minute in range(7 * 24 * 60))


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
    ("models.0.prices.cached_read", "0.1234567", "models[0].prices.cached_read"),
    ("models.0.prices.cache_write", "10001", "models[0].prices.cache_write"),
    ("models.0.prices.reasoning", "0.1", "models[0].prices.reasoning"),
    ("models.0.variant", "Fewest Mitigations", "models[0].variant"),
    ("features", ["telepathy"], "features[0]"),
    ("features", ["stop", "stop"], "features"),
    ("features", ["batch"], "features[0]"),
    ("limits", [], "limits"),
    ("limits", {"n": 2}, "limits.n"),
    ("limits", {"telepathy": 2}, "limits.telepathy"),
    ("limits", {"streaming": 2}, "limits.streaming"),
    ("people.0.id", "Jane Doe", "people[0].id"),
    ("people.0.eligible", "yes", "people[0].eligible"),
    ("window.from", "2026-11-23", "window.from"),
    ("window.from", "2026-11-23T00:00:00+01:00", "window.from"),
    ("window.from", "2026-02-30T00:00:00Z", "window.from"),
    ("window.until", "2026-11-23T00:00:00Z", "window.until"),
    ("window.until", "2199-01-01T00:00:00Z", "window.until"),
    ("window.hours.days", [], "window.hours.days"),
    ("window.hours.days", ["monday"], "window.hours.days[0]"),
    ("window.hours.days", ["mon", "mon"], "window.hours.days"),
    ("window.hours.from", "9:00", "window.hours.from"),
    ("window.hours.from", "23:60", "window.hours.from"),
    ("window.hours.from", "24:00", "window.hours.until"),
    ("window.hours.from", 0, "window.hours.from"),
    ("window.hours.until", "24:01", "window.hours.until"),
    ("window.hours.until", "25:00", "window.hours.until"),
    ("window.hours.until", "00:00", "window.hours.until"),
    ("budget.per_day.calls", 401, "budget.per_day.calls"),
    ("budget.per_day.calls", 0, "budget.per_day.calls"),
    ("budget.per_day.input_tokens", 400_001, "budget.per_day.input_tokens"),
    ("budget.per_day.output_tokens", 60_001, "budget.per_day.output_tokens"),
    ("budget.per_day.cost", "1.000001", "budget.per_day.cost"),
    ("budget.rerun_reserve", 91, "budget.rerun_reserve"),
    ("budget.rerun_reserve", -1, "budget.rerun_reserve"),
    ("rate.tokens_per_minute", 0, "rate.tokens_per_minute"),
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
    ("suspension.by", [], "suspension.by"),
    ("suspension.by", ["operator"], "suspension.by[0]"),
    ("suspension.clock_stops", ["boredom"], "suspension.clock_stops[0]"),
    ("suspension.clock_stops", ["operational", "operational"], "suspension.clock_stops"),
    ("safe_harbour.tag", "", "safe_harbour.tag"),
    ("safe_harbour.tag", "two words", "safe_harbour.tag"),
    ("safe_harbour.tag", "line\r\nx-other: 1", "safe_harbour.tag"),
    ("safe_harbour.tag", "x" * 129, "safe_harbour.tag"),
    ("safe_harbour.text", " ", "safe_harbour.text"),
    ("guard.by", "authority", "guard.by"),
    ("guard.by", "none", "guard.key"),
    ("guard.key", "", "guard.key"),
    ("guard.key", AUTHORITY.vkey, "guard.key"),
    ("guard.key", PERMIT.vkey, "guard.key"),
    ("guard.permit_key", "", "guard.permit_key"),
    ("guard.permit_key", AUTHORITY.vkey, "guard.permit_key"),
    ("guard.permit_key", AUTHORITY_WITNESS.vkey, "guard.permit_key"),
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


@pytest.mark.parametrize("name", BOUNDED)
def test_a_feature_that_needs_a_bound_is_agreed_with_it_or_not_at_all(name: str) -> None:
    """Allowing it without saying how much is refused at the bound's clause, with what the bound counts."""
    value = changed("features", [name])

    problem = only(written(value))
    assert (f"limits.{name}", "nothing") == (problem.clause, problem.got)
    assert BOUNDED[name] in problem.expected

    value["limits"] = {name: 3}
    assert {name: 3} == parse_terms_json(canonical_bytes(value)).limits
    for bad in (-1, 1_001, "3", True):
        value["limits"] = {name: bad}
        assert f"limits.{name}" == only(written(value)).clause


def test_a_bound_of_none_is_for_log_probabilities_alone() -> None:
    """The token's own log-probability has no alternatives beside it; none of anything else is the feature refused."""
    value = changed("features", ["logprobs"])
    value["limits"] = {"logprobs": 0}
    assert 0 == parse_terms_json(canonical_bytes(value)).limits["logprobs"]

    value["features"], value["limits"] = ["images"], {"images": 0}
    assert "limits.images" == only(written(value)).clause


@pytest.mark.parametrize("name", NEVER)
def test_what_no_terms_can_allow_is_refused_with_its_reason(name: str) -> None:
    """An author who asks for it learns why no arrangement can hold it, not that the word is unknown."""
    problem = only(written(changed("features", ["streaming", name])))

    assert ("features[1]", f"no {name} ({NEVER[name]})") == (problem.clause, problem.expected)


def test_terms_without_a_guard_have_no_key_of_one() -> None:
    """Where nobody guards the model, the terms name no key whose counters would be waited for."""
    value = changed("guard", {"by": "none", "permit_key": PERMIT.vkey, "key": ""})

    assert "" == parse_terms_json(canonical_bytes(value)).guard.key

    value["guard"]["key"] = GUARD.vkey
    assert 'an empty text "", because guard.by is none' == only(written(value)).expected


def test_a_time_of_day_without_quotes_is_refused() -> None:
    """What YAML reads as a number to base 60 is told to its author, at its line."""
    source = written(VALUE).replace("until: '24:00'", "until: 24:00")

    problem = only(source)
    assert "window.hours.until" == problem.clause
    assert "in quotes" in problem.expected


@pytest.mark.parametrize("clause", ["limits", *(path for path, _ in leaves(VALUE))])
def test_no_clause_is_agreed_by_silence(clause: str) -> None:
    """Leaving any clause out is refused, and the refusal names it."""
    path = re.sub(r"\[(gemma-3-270m|evaluator-1|activations)\]", ".0", clause).replace("[authority-recovery]", ".1")
    if path.startswith("features."):
        path = "features"

    found = problems(written(changed(path, drop=True)))

    name = path.replace(".0.", "[0].").replace(".1.", "[1].")
    assert (name, "nothing") in {(problem.clause, problem.got) for problem in found}


@pytest.mark.parametrize(
    "path",
    [
        "", "ledger.", "models.0.", "models.0.prices.", "people.0.", "window.hours.", "budget.", "budget.per_day.",
        "rate.", "stop.", "suspension.", "exit.", "successor.", "incident_contacts.", "costs.", "access.0.",
        "safe_harbour.", "guard.",
    ],
)  # fmt: skip
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

    assert got == only(source.replace(before, after, 1)).got


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
    value["budget"]["per_day"] |= {"calls": calls, "input_tokens": tokens, "cost": cost}

    found = parse_terms_yaml(written(value), "x")

    assert found == parse_terms_json(found.raw)
    assert canonical_bytes(value) == found.raw

"""Policies: a strict reader with line numbers, and the smallest set still missing."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import AUTHORITY, LOG, LOG_MLDSA, POLICY, POLICY_TEXT, PROVIDER, key

from comity.ledger import (
    Group,
    LogLine,
    MalformedPolicy,
    Policy,
    QuorumMet,
    QuorumMissing,
    WitnessLine,
    format_policy,
    parse_policy,
)

W = {n: key("ed25519-cosigner", f"{n}.example").vkey for n in ("x1", "x2", "x3", "y1", "y2", "y3")}
EXAMPLE = (
    f"log {LOG.vkey}\n\n"
    + "".join(f"witness {n} {v}\n" for n, v in W.items())
    + "group X-witnesses 2 x1 x2 x3\ngroup Y-witnesses any y1 y2 y3\n\n"
    + "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
)
A, P = f"witness a {AUTHORITY.vkey}\n", f"witness p {PROVIDER.vkey}\n"


def test_a_ledgers_policy_names_two_log_keys_and_two_witnesses():
    """Both keys of one origin are logs, each witness has its name, key and URL, and both must have signed."""
    assert (
        LogLine(key=LOG.verifier, url="https://operator.example/a/0123456789abcdef"),
        LogLine(key=LOG_MLDSA.verifier),
    ) == POLICY.logs
    assert (
        WitnessLine(name="authority", key=AUTHORITY.verifier, url="https://authority.example/") == POLICY.witnesses[0]
    )
    assert (Group(name="both", threshold=2, members=("authority", "provider")),) == POLICY.groups
    assert "both" == POLICY.quorum


def test_the_specifications_example_decides_as_it_explains():
    """Two of the X witnesses and any one of the Y witnesses, over every subset of the six."""
    policy = parse_policy(EXAMPLE)
    for k in range(7):
        for signed in combinations(W, k):
            met = sum(n[0] == "x" for n in signed) >= 2 and any(n[0] == "y" for n in signed)
            assert met == isinstance(policy.outcome(signed), QuorumMet)


def test_what_is_missing_is_the_smallest_set_and_the_first_of_equals():
    """A reader learns whom to ask: no more witnesses than needed, in the policy's order."""
    policy = parse_policy(EXAMPLE)

    assert QuorumMissing(missing=("x1", "x2", "y1")) == policy.outcome([])
    assert QuorumMissing(missing=("x1",)) == policy.outcome(["x3", "y2"])
    assert QuorumMissing(missing=("y1",)) == policy.outcome(["x2", "x3"])


def test_the_missing_set_is_minimal_for_every_subset():
    """Adding the missing set meets the quorum, and no smaller set does."""
    policy = parse_policy(EXAMPLE)
    for k in range(7):
        for signed in combinations(W, k):
            match policy.outcome(signed):
                case QuorumMissing(missing=missing):
                    assert QuorumMet() == policy.outcome({*signed, *missing})
                    rest = [n for n in W if n not in signed]
                    for fewer in combinations(rest, len(missing) - 1):
                        assert isinstance(policy.outcome({*signed, *fewer}), QuorumMissing)
                case QuorumMet():
                    pass


def test_one_witness_or_none_can_be_the_quorum():
    """A quorum names a witness directly, or `none` asks for nobody."""
    assert QuorumMissing(missing=("p",)) == parse_policy(A + P + "quorum p\n").outcome(["a"])
    assert QuorumMet() == parse_policy(A + P + "quorum p\n").outcome(["p"])
    assert QuorumMet() == parse_policy("quorum none\n").outcome([])


def test_a_name_that_is_no_witness_of_the_policy_is_a_bug():
    """Whoever asks with a key's name in place of the policy's is told at once."""
    with pytest.raises(AssertionError, match="not names of witnesses"):
        POLICY.outcome([AUTHORITY.name])


def test_blanks_comments_and_order_are_as_the_specification_allows():
    """Tabs, spaces around, comment lines, empty lines and non-ASCII names are read."""
    text = f"\t # Zeugen\n\n  witness\t\tBehörde  {AUTHORITY.vkey}\t\n# log x\nquorum Behörde \n \t \nlog {LOG.vkey}\n"
    policy = parse_policy(text)

    assert ["Behörde"] == [w.name for w in policy.witnesses]
    assert [LOG.verifier] == [line.key for line in policy.logs]
    assert policy == parse_policy(text.encode())


def test_policies_are_read_back_as_written():
    """The one spelling that is written reads back to the same policy."""
    for text in (POLICY_TEXT, EXAMPLE, "quorum none\n", A + "group g 1 a\nquorum g\n"):
        policy = parse_policy(text)
        assert policy == parse_policy(format_policy(policy))
        assert format_policy(policy) == format_policy(parse_policy(format_policy(policy)))


def test_thirty_two_of_each_are_read():
    """The specification asks for 32 logs, witnesses and groups; nesting them is no trouble either."""
    logs = [key("ed25519", "log.example", str(n)) for n in range(32)]
    witnesses = [key("ed25519-cosigner", f"w{n}.example") for n in range(33)]
    text = "".join(f"log {k.vkey}\n" for k in logs) + "".join(
        f"witness w{n} {k.vkey}\n" for n, k in enumerate(witnesses)
    )
    text += (
        "group g0 all w0 w1\n" + "".join(f"group g{n} all g{n - 1} w{n + 1}\n" for n in range(1, 32)) + "quorum g31\n"
    )

    missing = parse_policy(text).outcome([])
    assert QuorumMissing(missing=tuple(f"w{n}" for n in range(33))) == missing


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no quorum line"),
        (A, "no quorum line"),
        ("quorum none", "line 1: .*newline"),
        ("quorum none\n\nquorum none\n", "line 3: a second quorum"),
        ("quorum a\n" + A, "line 1: 'a' is not defined"),
        ("quorum\n", "line 1: 'quorum <name>|none' is expected"),
        ("quorum a b\n", "line 1: 'quorum <name>|none' is expected"),
        ("policy x\n", "line 1: a line begins with log, witness, group, quorum"),
        ("Quorum none\n", "line 1: a line begins with"),
        ("log\n", "line 1: 'log <vkey>"),
        (f"log {LOG.vkey} url more\n", "line 1: 'log <vkey>"),
        ("log nonsense\n", "line 1: a verifier key is"),
        (f"log {AUTHORITY.vkey}\n", "line 1: .*01 or 06"),
        (f"log {LOG.vkey}\nlog {LOG.vkey}\n", "line 2: .*already on line 1"),
        (f"witness a {LOG.vkey}\n", "line 1: .*04 or 06"),
        (A + f"witness b {AUTHORITY.vkey}\n", "line 2: .*already on line 1"),
        (f"log {LOG_MLDSA.vkey}\nwitness a {LOG_MLDSA.vkey}\n", "line 2: .*already on line 1"),
        (A + f"witness a {PROVIDER.vkey}\n", "line 2: the name 'a' is already defined on line 1"),
        (f"witness none {AUTHORITY.vkey}\n", "line 1: the name 'none' is reserved"),
        (f"witness a {AUTHORITY.vkey} url more\n", "line 1: 'witness"),
        ("witness a\n", "line 1: 'witness"),
        (A + P + "group g\n", "line 3: 'group"),
        (A + P + "group g all\n", "line 3: 'group"),
        (A + P + "group none all a\n", "line 3: .*reserved"),
        (A + P + "group g some a\n", "line 3: .*decimal"),
        (A + P + "group g 0 a p\n", "line 3: .*threshold of 1 to 2, not 0"),
        (A + P + "group g 3 a p\n", "line 3: .*threshold of 1 to 2, not 3"),
        (A + P + "group g 02 a p\n", "line 3: .*leading zeros"),
        (A + P + "group g all a b\n", "line 3: member 'b' is not defined"),
        (A + P + "group g all a g\n", "line 3: member 'g' is not defined"),
        (A + P + "group g all none\n", "line 3: member 'none' is not defined"),
        (A + P + "group g any a a\n", "line 3: 'a' is already a member of 'g'"),
        (A + P + "group g any a\ngroup h any a\n", "line 4: 'a' is already a member of 'g'"),
        (A + P + "group a any p\n", "line 3: the name 'a' is already defined"),
        ("quorum none\r\n", "line 1: a control character"),
        ("# \x7f\nquorum none\n", "line 1: a control character"),
        ("quorum none\n#\x00\n", "line 2: a control character"),
        ("quorum\u00a0none\n", "line 1: a line begins with"),
        (b"quorum \xff\n", "not UTF-8"),
        ("# \ud800\nquorum none\n", "not UTF-8"),
        ("#" * 1_000_001, "at most 1000000 bytes"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused_with_its_line(text, says):
    """Each rule of the format is kept, and a refusal names the line that broke it."""
    with pytest.raises(MalformedPolicy, match=says):
        parse_policy(text)


def test_a_policy_built_by_hand_against_the_rules_is_not_written():
    """What the reader would refuse is a bug of whoever built it."""
    with pytest.raises((AssertionError, MalformedPolicy)):
        format_policy(Policy(logs=(), witnesses=(), groups=(), quorum="nobody"))


line = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["log", "witness", "group", "quorum", "a", "p", "g", "none", "all", "any", "1", "2", "#", LOG.vkey,
             AUTHORITY.vkey, PROVIDER.vkey]
        ),
        max_size=6,
    ).map(" ".join),
)  # fmt: skip


@given(st.lists(line, max_size=8))
def test_reading_a_policy_is_total(lines):
    """Any text is a policy that can be asked and written again, or `MalformedPolicy`."""
    try:
        policy = parse_policy("\n".join([*lines, ""]))
    except MalformedPolicy:
        return
    assert policy == parse_policy(format_policy(policy))
    assert QuorumMet() == policy.outcome(w.name for w in policy.witnesses)


@given(st.binary())
def test_reading_bytes_as_a_policy_is_total(data):
    """Any bytes are a policy, or `MalformedPolicy`."""
    try:
        parse_policy(data)
    except MalformedPolicy:
        pass

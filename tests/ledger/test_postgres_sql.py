"""Callers' SQL in PostgreSQL's words: what is translated, what is refused, and what is never touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.ledger.postgres_sql import translate


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("SELECT a FROM t WHERE a = ? AND b = ?;", "SELECT a FROM t WHERE a = $1 AND b = $2"),
        ("SELECT '?', \"?\" FROM t -- why?\n WHERE a = ?", "SELECT '?', \"?\" FROM t WHERE a = $1"),
        ("INSERT INTO t VALUES ('it''s', ?)", "INSERT INTO t VALUES ('it''s', $1)"),
        ("SELECT integer FROM t", "SELECT integer FROM t"),
        (
            "CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b BLOB, c TEXT NOT NULL DEFAULT '') "
            "STRICT, WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS t (a BIGINT PRIMARY KEY, b BYTEA, c TEXT COLLATE \"C\" NOT NULL DEFAULT '')",
        ),
        (
            "CREATE TABLE t (strict INTEGER, n INTEGER CHECK (n IN (1, 2)), PRIMARY KEY (strict, n))",
            "CREATE TABLE t (strict BIGINT, n BIGINT CHECK (n IN (1, 2)), PRIMARY KEY (strict, n))",
        ),
        ("CREATE INDEX i ON t (a) WHERE open = 1", "CREATE INDEX i ON t (a) WHERE open = 1"),
    ],
)
def test_a_statement_becomes_what_postgresql_takes(written: str, becomes: str) -> None:
    """Placeholders, types and table options are PostgreSQL's; everything else stays as written."""
    assert becomes.split() == translate(written).text.split()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ledger_swap_head(?, ?)",
        "SELECT 1 FROM ledger_turn FOR UPDATE",
        'DELETE FROM "LEDGER_entries"',
        "WITH gone AS (DELETE FROM ledger_tags RETURNING tag) SELECT tag FROM gone",
        "SELECT entry INTO mine FROM ledger_entries",
        "/* SELECT */ UPDATE ledger_head SET note = ?",
        "SELECT set_config('synchronous_commit', 'off', false)",
        "SET synchronous_commit = off",
        "ROLLBACK",
        "SAVEPOINT mine",
        "LOCK TABLE t",
        "TRUNCATE t",
        "COPY t FROM '/etc/passwd'",
        "DO 'BEGIN END'",
        "",
    ],
)
def test_what_belongs_to_the_ledger_is_refused(statement: str) -> None:
    """The ledger's tables and functions, the transaction and settings are out of a caller's reach."""
    with pytest.raises(AssertionError, match="belongs to the ledger"):
        translate(statement)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("INSERT OR IGNORE INTO t VALUES (?)", "write ON CONFLICT"),
        ("SELECT ?1", r"\?1 is SQLite's alone"),
        ("SELECT x'00'", "pass the value as a parameter"),
        ("SELECT E'\\n'", "pass the value as a parameter"),
        ("SELECT 1; COMMIT", "one plain statement"),
        ("SELECT $$text$$", "one plain statement"),
        ("SELECT 'open", "one plain statement"),
    ],
)
def test_what_means_something_else_in_the_other_store_is_refused(statement: str, words: str) -> None:
    """What only one of the databases understands, or each in its own way, is a bug that says what to write instead."""
    with pytest.raises(AssertionError, match=words):
        translate(statement)


def test_what_can_wait_is_told_from_what_cannot() -> None:
    """Statements that answer rows are needed at once, as are changes to tables; others may be looked at later."""
    assert not translate("INSERT INTO t VALUES (?)").answers
    assert not translate("UPDATE t SET a = ?").answers
    assert translate("DELETE FROM t RETURNING a").answers
    assert translate("DROP TABLE t").answers
    assert not translate("SELECT 1 FROM ledger_entries").writes
    assert translate("WITH a AS (DELETE FROM t RETURNING b) SELECT b FROM a").writes
    assert "later_x" == translate("CREATE UNIQUE INDEX IF NOT EXISTS Later_X ON later (x)").makes
    assert "By" == translate('CREATE TABLE IF NOT EXISTS "By" (x INTEGER)').makes


@given(st.text(alphabet="SELECTa?'\"-/*;$xledger_ \n", max_size=40))
def test_any_text_is_translated_or_refused(text: str) -> None:
    """Whatever the text, the outcome is a statement or a refusal; no placeholder of SQLite's is left outside quotes."""
    try:
        made = translate("SELECT " + text)
    except AssertionError:
        return
    assert made.text.startswith("SELECT")
    outside = "".join(part for number, part in enumerate(made.text.replace('"', "'").split("'")) if number % 2 == 0)
    if '"' not in text:
        assert "?" not in outside
    assert ";" not in outside or '"' in text

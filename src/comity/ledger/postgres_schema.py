"""The tables, triggers and functions of a ledger in PostgreSQL, as statements with a place for the schema's name.

The triggers hold for everybody, the schema's owner included, until somebody who may drops them.
`ledger_begin` and `ledger_swap_head` run with the owner's rights, so that a role that writes needs neither UPDATE nor
DELETE on any table of the ledger's; they are granted to nobody at first.
"""

from typing import Final

_CONSTANT: Final = ("ledger_about", "ledger_entries", "ledger_tags", "ledger_turn")


def _refusal(table: str, events: str) -> str:
    return (
        f"CREATE TRIGGER ledger_constant BEFORE {events} ON {{schema}}.{table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION {schema}.ledger_refuse()"
    )


SCHEMA: Final = (
    "CREATE SCHEMA {schema}",
    "CREATE TABLE {schema}.ledger_about (name text PRIMARY KEY, value text NOT NULL)",
    "CREATE TABLE {schema}.ledger_entries (position bigint PRIMARY KEY, entry bytea NOT NULL)",
    "CREATE TABLE {schema}.ledger_tags ("
    'tag text COLLATE "C" NOT NULL, position bigint NOT NULL, PRIMARY KEY (tag, position))',
    "CREATE TABLE {schema}.ledger_head (one integer PRIMARY KEY CHECK (one = 1), note bytea NOT NULL)",
    "CREATE TABLE {schema}.ledger_turn (one integer PRIMARY KEY CHECK (one = 1))",
    "INSERT INTO {schema}.ledger_turn VALUES (1)",
    """CREATE FUNCTION {schema}.ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% are never changed: % is refused', replace(TG_TABLE_NAME, '_', ' '), TG_OP;
        END $$""",
    """CREATE FUNCTION {schema}.ledger_refuse_gap() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            number bigint;
            first bigint;
            last bigint;
        BEGIN
            SELECT count(*), min(position), max(position) INTO number, first, last FROM added;
            IF number > 0 AND (last - first + 1 <> number OR first <> coalesce(
                (SELECT max(position) FROM {schema}.ledger_entries WHERE position < first), -1) + 1) THEN
                RAISE EXCEPTION 'ledger entries are numbered without gaps';
            END IF;
            RETURN NULL;
        END $$""",
    """CREATE FUNCTION {schema}.ledger_begin(OUT size bigint, OUT transaction text) LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            PERFORM 1 FROM {schema}.ledger_turn FOR UPDATE;
            SELECT coalesce(max(position), -1) + 1 INTO size FROM {schema}.ledger_entries;
            transaction := pg_current_xact_id()::text;
        END $$""",
    """CREATE FUNCTION {schema}.ledger_swap_head(old bytea, new bytea) RETURNS boolean LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
            found_note bytea;
        BEGIN
            PERFORM 1 FROM {schema}.ledger_turn FOR UPDATE;
            SELECT note INTO found_note FROM {schema}.ledger_head;
            IF found_note IS DISTINCT FROM old THEN
                RETURN false;
            END IF;
            INSERT INTO {schema}.ledger_head (one, note) VALUES (1, new)
                ON CONFLICT (one) DO UPDATE SET note = new;
            RETURN true;
        END $$""",
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC",
    "CREATE TRIGGER ledger_no_gap AFTER INSERT ON {schema}.ledger_entries REFERENCING NEW TABLE AS added "
    "FOR EACH STATEMENT EXECUTE FUNCTION {schema}.ledger_refuse_gap()",
    *(_refusal(table, "UPDATE OR DELETE OR TRUNCATE") for table in _CONSTANT),
    _refusal("ledger_head", "DELETE OR TRUNCATE"),
)

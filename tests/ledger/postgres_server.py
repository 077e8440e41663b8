"""PostgreSQL for the tests: a schema of its own for each, roles that go away again, and servers to crash."""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from comity.ledger.postgres import schema_name


def new_origin() -> str:
    """An origin that no other test has."""
    return f"operator.example/a/1{uuid.uuid4().hex}"


def administer(address: str, statement: str, *names: str) -> list[tuple[Any, ...]]:
    """Run one statement as the tests' superuser; each `{}` in it is replaced by a quoted name."""
    text = sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
    with psycopg.connect(address, autocommit=True) as connection:
        ran = connection.execute(text)
        return ran.fetchall() if ran.description else []


def drop(address: str, origin: str) -> None:
    """Remove a ledger that a test made."""
    administer(address, "DROP SCHEMA IF EXISTS {} CASCADE", schema_name(origin))


def as_user(address: str, user: str) -> str:
    """The same address for another user."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))


@contextmanager
def role(address: str, name: str) -> Iterator[str]:
    """A role that may log in, and is gone afterwards; the name is made unlike all others."""
    unique = f"{name}_{uuid.uuid4().hex[:12]}"
    administer(address, "CREATE ROLE {} LOGIN", unique)
    try:
        yield unique
    finally:
        administer(address, "DROP OWNED BY {}", unique)
        administer(address, "DROP ROLE {}", unique)


class Server:
    """A PostgreSQL server of the test's own, on a free port, which may crash."""

    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        found = str(programs[-1]) if programs else shutil.which("initdb")
        if found is None:
            pytest.skip("needs PostgreSQL's server programs; Debian has them as postgresql")
        self._bin = Path(found).parent
        folder = Path(tempfile.mkdtemp())  # not pytest's, whose parent is closed to the server's user
        self._folder, self._data = folder, folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self._as: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            self._as = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres")
        self._run("initdb", "-A", "trust", "-U", "postgres", "--no-sync", "-D", str(self._data))

    def start(self, *settings: str) -> None:
        """Start, and wait until it answers; `settings` such as `fsync=off`."""
        options = " ".join(f"-c {each}" for each in ("listen_addresses=127.0.0.1", f"port={self._port}", *settings))
        self._run(
            "pg_ctl", "-D", str(self._data), "-w", "-l", str(self._data / "log"), "-o", f"{options} -k ''", "start"
        )

    def crash(self) -> None:
        """End it as a crash does: no checkpoint, nothing written that was not written."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        if (self._data / "postmaster.pid").exists():
            self.crash()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(
            [*self._as, str(self._bin / program), *args], check=True, cwd="/", stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

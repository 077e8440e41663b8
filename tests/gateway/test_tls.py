"""TLS on both sides: certificates made here, real handshakes, and every way in which they must fail."""

import asyncio
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvloop
from certificates import Authority, Pair
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from edging import live_edge

from comity.gateway import Upstream
from comity.gateway.admission import Permit
from comity.gateway.headers import Lines
from comity.gateway.tls import ServerTLS, UnfitTLS, client_context
from comity.gateway.upstream import NoAnswer
from support import wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def ours(folder: Path) -> Authority:
    return Authority(folder, "ours")


@pytest.fixture(scope="module")
def other(folder: Path) -> Authority:
    return Authority(folder, "other")


@contextmanager
def serving(tls: ServerTLS) -> Iterator[str]:
    """An edge behind TLS that answers with the body; its URL."""
    with live_edge(tls=tls.context) as edge:
        yield f"https://127.0.0.1:{edge.port}"


def trusting(*authorities: Authority, shown: Pair | None = None, **limits: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for authority in authorities:
        context.load_verify_locations(authority.file)
    for limit, version in limits.items():
        setattr(context, limit, version)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


def post(url: str, context: ssl.SSLContext) -> httpx.Response:
    with httpx.Client(verify=context, timeout=10) as client:
        return client.post(f"{url}/a/x", content=b"hello")


def ask(url: str, **changes: Any) -> bytes:
    """One call of the upstream's client; the body of the answer."""

    class Leave:
        def use(self) -> None:
            pass

    async def main() -> bytes:
        upstream = Upstream(url, **changes)
        answer = await upstream.send(cast(Permit, Leave()), path="/a/x", headers=Lines.of([]), body=b"hello")
        body = await answer.read_whole(1_000)
        upstream.close()
        return body

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def test_callers_speak_tls_to_a_gateway(ours: Authority, other: Authority) -> None:
    """A caller who trusts the authority is served over TLS 1.2 and 1.3, and one who trusts another refuses."""
    pair = ours.pair("server")
    with serving(ServerTLS(certificate=pair.certificate, key=pair.key)) as url:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(ours, minimum_version=version, maximum_version=version)
            assert b"hello" == post(url, context).content
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            post(url, trusting(other))


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context with TLS 1.1 alone, which OpenSSL must be talked into."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    for limit in ("minimum_version", "maximum_version"):
        with pytest.warns(DeprecationWarning):
            setattr(context, limit, ssl.TLSVersion.TLSv1_1)
    return context


def test_an_old_tls_is_refused_on_both_sides(ours: Authority) -> None:
    """TLS 1.1 gets no handshake from a gateway, and none from its client; two that speak it do meet here."""
    pair = ours.pair("server")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key)
    with live_edge(tls=old(server)) as edge:
        url = f"https://127.0.0.1:{edge.port}"
        assert b"hello" == post(url, old(trusting(ours))).content
        with pytest.raises(NoAnswer, match="refused a connection"):
            ask(url, tls=client_context(authorities=ours.file))
    with serving(ServerTLS(certificate=pair.certificate, key=pair.key)) as url:
        with pytest.raises(httpx.ConnectError, match="SSL"):
            post(url, old(trusting(ours)))


def test_with_an_authority_for_callers_nobody_else_gets_in(ours: Authority, other: Authority) -> None:
    """Without a certificate, with one of another authority, or with one that is over, no request is read."""
    pair = ours.pair("server")
    tls = ServerTLS(certificate=pair.certificate, key=pair.key, callers=ours.file)
    with serving(tls) as url:
        assert b"hello" == post(url, trusting(ours, shown=ours.pair("evaluator", client=True))).content
        strangers = {
            "none": None,
            "another authority's": other.pair("stranger", client=True),
            "over": ours.pair("late", client=True, since=9, until=-1),
            "not yet": ours.pair("early", client=True, since=-1, until=9),
            "a server's": ours.pair("a-server"),
        }
        for what, shown in strangers.items():
            with pytest.raises(httpx.TransportError):
                pytest.fail(f"{what}: {post(url, trusting(ours, shown=shown))}")


def test_a_providers_certificate_is_verified(ours: Authority, other: Authority) -> None:
    """Another authority, another name or a time that is over: nothing is sent, and the call costs nothing."""
    good = ours.pair("provider")
    with serving(ServerTLS(certificate=good.certificate, key=good.key)) as url:
        assert b"hello" == ask(url, tls=client_context(authorities=ours.file))
        assert b"hello" == ask(url.replace("127.0.0.1", "localhost"), tls=client_context(authorities=ours.file))
        for wrong in (client_context(authorities=other.file), client_context(), None):
            with pytest.raises(NoAnswer, match="refused a connection") as caught:
                ask(url, tls=wrong)
            assert not caught.value.sent
    for pair in (ours.pair("elsewhere", hosts=("api.example",)), ours.pair("over", since=9, until=-1)):
        with serving(ServerTLS(certificate=pair.certificate, key=pair.key)) as url:
            with pytest.raises(NoAnswer, match="refused a connection: SSLCertVerificationError") as caught:
                ask(url, tls=client_context(authorities=ours.file))
            assert not caught.value.sent


def test_a_gateway_shows_its_certificate_to_a_provider_that_asks(ours: Authority) -> None:
    """Where a provider takes nobody without a certificate, the call passes with one and fails without."""
    server, shown = ours.pair("provider"), ours.pair("gateway", client=True)
    with serving(ServerTLS(certificate=server.certificate, key=server.key, callers=ours.file)) as url:
        context = client_context(authorities=ours.file, certificate=shown.certificate, key=shown.key)
        assert b"hello" == ask(url, tls=context)
        with pytest.raises(NoAnswer):
            ask(url, tls=client_context(authorities=ours.file))


def test_unfit_files_are_refused_by_name(ours: Authority, folder: Path) -> None:
    """A key that others can read, that does not fit, that is locked or no key: said before anything is served."""
    good, another = ours.pair("good"), ours.pair("another")
    exposed, locked = ours.pair("exposed"), ours.pair("locked", locked=BestAvailableEncryption(b"x"))
    exposed.key.chmod(0o640)
    nonsense = folder / "nonsense.pem"
    nonsense.touch(0o600)
    nonsense.write_text("no PEM")
    cases = [
        (good.certificate, exposed.key, "chmod 600"),
        (good.certificate, another.key, "private key"),
        (good.certificate, nonsense, "private key"),
        (nonsense, good.key, "certificate chain"),
        (good.certificate, folder / "missing", "private key"),
        (locked.certificate, locked.key, "without a passphrase"),
    ]
    for certificate, key, text in cases:
        with pytest.raises(UnfitTLS, match=re.escape(text)):
            ServerTLS(certificate=certificate, key=key)
        with pytest.raises(UnfitTLS, match=re.escape(text)):
            client_context(certificate=certificate, key=key)
    with pytest.raises(UnfitTLS, match="authorities"):
        ServerTLS(certificate=good.certificate, key=good.key, callers=nonsense)
    with pytest.raises(UnfitTLS, match="authorities"):
        client_context(authorities=nonsense)
    with pytest.raises(UnfitTLS, match="together"):
        client_context(certificate=good.certificate)


def test_a_certificate_is_read_anew_and_a_bad_one_changes_nothing(ours: Authority, other: Authority) -> None:
    """Connections after the reload see the new certificate; a pair that does not fit leaves the one in use."""
    pair, new = ours.pair("renewed"), other.pair("new")
    tls = ServerTLS(certificate=pair.certificate, key=pair.key)
    with serving(tls) as url:
        assert 200 == post(url, trusting(ours)).status_code
        pair.certificate.write_bytes(new.certificate.read_bytes())
        with pytest.raises(UnfitTLS):
            tls.reload()
        assert 200 == post(url, trusting(ours)).status_code
        pair.key.write_bytes(new.key.read_bytes())
        tls.reload()
        assert 200 == post(url, trusting(other)).status_code
        with pytest.raises(httpx.ConnectError):
            post(url, trusting(ours))


def test_a_slow_handshake_and_plain_http_hold_no_place(ours: Authority) -> None:
    """Who speaks HTTP to a TLS port gets nothing, and the port goes on serving the others."""
    pair = ours.pair("server")
    tls = ServerTLS(certificate=pair.certificate, key=pair.key)
    with live_edge(tls=tls.context) as edge:
        assert b"HTTP/1.1 200" not in edge.say(b"POST /a/x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        assert 200 == post(f"https://127.0.0.1:{edge.port}", trusting(ours)).status_code


SERVE = """
import asyncio, sys
from pathlib import Path
import uvloop
from comity.gateway.serve import bind, serve
from comity.gateway.tls import ServerTLS

certificate, key = map(Path, sys.argv[1:])
listener = bind("127.0.0.1", 0)
ready = lambda: print(listener.getsockname()[1], flush=True)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(serve({}, listener, ready=ready, tls=ServerTLS(certificate=certificate, key=key)))
"""


def test_a_signal_has_the_certificate_read_anew(ours: Authority, other: Authority) -> None:
    """SIGHUP renews the certificate of a gateway that goes on serving, and SIGTERM ends it in order."""
    pair, new = ours.pair("signalled"), other.pair("new")
    command = [sys.executable, "-c", SERVE, str(pair.certificate), str(pair.key)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    try:
        url = f"https://127.0.0.1:{int(process.stdout.readline())}"
        with httpx.Client(verify=trusting(ours)) as kept:
            assert 404 == kept.get(url).status_code
            pair.certificate.write_bytes(new.certificate.read_bytes())
            pair.key.write_bytes(new.key.read_bytes())
            process.send_signal(signal.SIGHUP)

            def renewed() -> bool:
                try:
                    return 404 == post(url, trusting(other)).status_code
                except httpx.ConnectError:
                    return False

            wait_until(renewed)
            assert 404 == kept.get(url).status_code, "the connection from before goes on"
        process.terminate()
        assert 0 == process.wait(20)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

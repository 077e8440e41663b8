"""Permits on the wire: what one is over, and what is refused."""

import os
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from guarding import sign_permit
from hypothesis import given
from hypothesis import strategies as st

from comity.gateway.permit_note import (
    PERMIT_SECONDS,
    REASONS,
    SKEW_SECONDS,
    PermitNote,
    PermitRefused,
    PermitSlip,
    check_permit,
    expiry_of,
    permit_day,
    sign_permits,
)
from comity.ledger import generate_key

KEY = generate_key("ed25519", "operator.example/permit", os.urandom)
AT = datetime(2026, 11, 23, 21, 0, 0, 400_000, tzinfo=UTC)
REQUEST: dict[str, Any] = {
    "origin": "operator.example/a/0123456789abcdef0123456789abcdef",
    "digest": "5a" * 32,
    "method": "POST",
    "target": "/v1/chat/completions?alt=sse",
    "body": b'{"model":"m"}',
}
OTHER: dict[str, Any] = {
    "origin": "operator.example/a/ffffffffffffffffffffffffffffffff",
    "digest": "5b" * 32,
    "method": "GET",
    "target": "/v1/completions",
    "body": b'{"model":"n"}',
}


def signed(index: int = 7, at: datetime = AT, **changes: Any) -> str:
    return sign_permit(KEY, index=index, expires=expiry_of(at), **(REQUEST | changes))


def reason(header: str | None, *, now: datetime = AT, **changes: Any) -> str:
    with pytest.raises(PermitRefused) as refused:
        check_permit(header, key=KEY.verifier, now=now, **(REQUEST | changes))
    return refused.value.reason


@given(size=st.integers(1, 70), data=st.data())
def test_permits_signed_together_each_fit_their_own_request(size: int, data: st.DataObject) -> None:
    """However many are signed by one signature, each fits its own request and no other's."""
    sent = [sha256(b"%d" % index).hexdigest() for index in range(size)]
    until = expiry_of(AT)
    asked_for = {"method": "POST", "target": "/v1/x", "expires": until}
    slips = [PermitSlip(entry=at, sent=each, **asked_for) for at, each in enumerate(sent)]
    fixed: dict[str, Any] = {"origin": REQUEST["origin"], "digest": REQUEST["digest"]}
    headers = sign_permits(KEY, **fixed, slips=slips)
    asked = {"key": KEY.verifier, "method": "POST", "target": "/v1/x", "now": AT, **fixed}
    one, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))

    assert all(header.isascii() and len(header) < 640 for header in headers)
    assert one == check_permit(headers[one], body=b"%d" % one, **asked).index
    if one != other:
        with pytest.raises(PermitRefused) as refused:
            check_permit(headers[one], body=b"%d" % other, **asked)
        assert "signature" == refused.value.reason
        moved = headers[one].split(";")
        moved[4] = headers[other].split(";")[4]
        with pytest.raises(PermitRefused):
            check_permit(";".join(moved), body=b"%d" % one, **asked)


def test_a_permit_is_one_short_header_that_fits_its_request() -> None:
    """The header is ASCII, under 640 bytes, and gives back index and expiry to whoever holds the public key."""
    header = signed(10**15 - 1)

    assert header.isascii() and len(header) < 640
    assert PermitNote(index=10**15 - 1, expires=expiry_of(AT)) == check_permit(
        header, key=KEY.verifier, now=AT, **REQUEST
    )


@pytest.mark.parametrize("part", OTHER)
def test_a_permit_fits_no_other_request(part: str) -> None:
    """Another ledger, arrangement, method, target or body makes the signature fail."""
    assert "signature" == reason(signed(), **{part: OTHER[part]})


def test_a_foreign_key_signs_no_permit() -> None:
    """Whoever holds another key, under the same name even, cannot make a permit."""
    foreign = generate_key("ed25519", KEY.name, os.urandom)
    header = sign_permit(foreign, index=7, expires=expiry_of(AT), **REQUEST)

    assert "signature" == reason(header)


@pytest.mark.parametrize(("field", "other"), [(1, "8"), (2, str(expiry_of(AT) + 1))], ids=["index", "expiry"])
def test_index_and_expiry_are_signed(field: int, other: str) -> None:
    """Neither number of a permit can be changed by whoever carries it."""
    parts = signed().split(";")
    parts[field] = other

    assert "signature" == reason(";".join(parts))


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (PERMIT_SECONDS + SKEW_SECONDS, ""),
        (PERMIT_SECONDS + SKEW_SECONDS + 1, "expired"),
        (-SKEW_SECONDS, ""),
        (-SKEW_SECONDS - 1, "early"),
    ],
)
def test_a_permit_lasts_a_minute_and_the_clocks_may_differ_by_half_of_one(late: int, said: str) -> None:
    """From the expiry and the skew on a permit is refused, and so is one from the future beyond the skew."""
    now = AT + timedelta(seconds=late)
    now = now.replace(microsecond=0)
    if said:
        assert said == reason(signed(), now=now)
    else:
        check_permit(signed(), key=KEY.verifier, now=now, **REQUEST)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda h: h.replace("v1", "v2"),
        lambda h: h + ";",
        lambda h: " " + h,
        lambda h: h.replace(";7;", ";07;"),
        lambda h: h.replace(";7;", ";+7;"),
        lambda h: h.replace(";7;", ";7" * 2 + ";"),
        lambda h: h + "=",
        lambda h: h[:-1] + chr(ord(h[-1]) + 1),  # the unused bits of the path's last character
        lambda h: re.sub("(;[^;]+)(.)(;[01];2;)", lambda m: m[1] + chr(ord(m[2]) + 1) + m[3], h),  # … the signature's
        lambda h: "",
    ],
)
def test_a_permit_has_one_spelling(spoilt: Any) -> None:
    """Every second spelling of a permit is malformed, not read with good will."""
    until, sent = expiry_of(AT), sha256(REQUEST["body"]).hexdigest()
    slips = [PermitSlip(entry=i, method="POST", target=REQUEST["target"], sent=sent, expires=until) for i in (7, 8)]
    header, _ = sign_permits(KEY, origin=REQUEST["origin"], digest=REQUEST["digest"], slips=slips)
    check_permit(header, key=KEY.verifier, now=AT, **REQUEST)

    assert spoilt(header) != header
    assert "malformed" == reason(spoilt(header))
    assert "missing" == reason(None)


@given(st.text(max_size=200) | st.from_regex(r"v1;[0-9]{1,16};[0-9]{1,13};[A-Za-z0-9_-]{84,88}", fullmatch=True))
def test_the_check_is_total(header: str) -> None:
    """Whatever stands in the header, the answer is a refusal with a reason of the table."""
    assert reason(header) in REASONS


@given(st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1)))
def test_a_permits_day_is_its_entrys_day(at: datetime) -> None:
    """The guard puts a request on the day of its entry, whatever its own clock says."""
    assert at.date().isoformat() == permit_day(expiry_of(at.replace(tzinfo=UTC)))


@pytest.mark.parametrize("letters", range(1, 10))
def test_a_path_of_a_length_that_no_bytes_have_is_refused(letters: int) -> None:
    """Whatever its length, a path that was not signed is refused as any other permit is, and raises nothing else."""
    assert reason(signed() + "A" * letters) in ("malformed", "signature")

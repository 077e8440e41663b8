"""Sealed items: for every call of a run, its sealed request and answer are there and bear its commitments.

A third party's own reading of `comity sealed/1`, as far as it goes without a key:

    {"format":"comity sealed/1","ledger":origin,"index":n,"part":"request"|"answer","commitment":hex,
     "ciphertext":base64, …}

The label (ledger, index, part, commitment) must be the entry's, and the ciphertext must be as long as the content
that the entry tells of, its salt and its tag.  That it opens to that content only an opened item shows.
"""

import json
from typing import Any, Final

from comity.ledger.encoding import decode_base64
from comity.verify.archive import MAX_CONTENT, Archive, disclosed_name, sealed_name
from comity.verify.disclosure import Shown, read_disclosure, verify_disclosure
from comity.verify.errors import MalformedBundle, MalformedDisclosureFile, MalformedSealedFile
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History
from comity.verify.reported_run import ReportedRun

FORMAT: Final = "comity sealed/1"
OVERHEAD: Final = 48
"""Bytes of the salt and of AES-GCM's tag."""


def read_sealed(data: bytes) -> dict[str, Any]:
    """The label and the length of a sealed item; raises `MalformedSealedFile` and nothing else."""
    if len(data) > MAX_CONTENT:
        raise MalformedSealedFile(f"{len(data)} bytes, at most {MAX_CONTENT} are read")
    try:
        whole = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        if whole["format"] != FORMAT:
            raise ValueError(f"format {whole['format']!r:.40}")
        label = {name: whole[name] for name in ("ledger", "index", "part", "commitment")}
        return {**label, "bytes": len(decode_base64(whole["ciphertext"])) - OVERHEAD}
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedSealedFile(f"no sealed item ({FORMAT}): {error!r:.200}") from None


def expected_items(run: ReportedRun) -> dict[tuple[int, str], tuple[str, int]]:
    """Commitment and length of every request and answer of the run, by call and part."""
    found: dict[tuple[int, str], tuple[str, int]] = {}
    for call, permit in run.permits.items():
        found[call, "request"] = (permit.request, permit.request_bytes)
        settled = run.settled.get(call)
        if settled is not None and settled.answer:
            found[call, "answer"] = (settled.answer, settled.answer_bytes)
    return found


def check_sealed(archive: Archive, run: ReportedRun, origin: str) -> Fact:
    """Every call's sealed request and answer are in the bundle, under the entry's own label, and no other item."""
    faults = Faults("sealed")
    expected = expected_items(run)
    names = frozenset(archive.names)
    for (call, part), (commitment, length) in expected.items():
        name = sealed_name(call, part)
        if name not in names:
            faults.add(name, f"missing; the ledger commits to the {part} of call {call}")
            continue
        try:
            item = read_sealed(archive.read(name))
        except (MalformedSealedFile, MalformedBundle) as error:
            faults.add(name, str(error))
            continue
        entry = {"ledger": origin, "index": call, "part": part, "commitment": commitment, "bytes": length}
        for member, value in entry.items():
            if item[member] != value:
                faults.add(name, f"its {member} is {item[member]!r:.80}, the entry says {value!r}")
                break
    wanted = {sealed_name(call, part) for call, part in expected}
    for name in sorted(name for name in names if name.startswith("sealed/") and name not in wanted):
        faults.add(name, "it belongs to no call of this run")
    return faults.fact(
        f"{len(expected)} sealed items of {counted(len(run.permits), 'call')}, each under its entry's commitment and "
        f"of its length; what is inside only an opened item shows"
    )


def check_disclosed(archive: Archive, run: ReportedRun, history: History, origin: str) -> tuple[Fact, dict[int, Any]]:
    """Every disclosed item opens to what its entry commits to; the content by call and part."""
    faults = Faults("disclosed")
    content: dict[int, dict[str, bytes]] = {}
    for name in (name for name in archive.names if name.startswith("disclosed/")):
        call = int(name.removeprefix("disclosed/").removesuffix(".json"))
        try:
            disclosure = read_disclosure(archive.read(name))
        except (MalformedDisclosureFile, MalformedBundle) as error:
            faults.add(name, str(error))
            continue
        if disclosure.index != call or call not in run.permits:
            faults.add(name, f"it is of call {disclosure.index}; expected call {call}, which this run made")
            continue
        found = verify_disclosure(disclosure, history, origin)
        for fact in found.verdict.failures:
            faults.add(name, f"{fact.name}: {fact.detail}")
        content[call] = {part.part: part.content for part in found.parts if isinstance(part, Shown)}
        for part, item in disclosure.items.items():
            sealed = sealed_name(call, part)
            if sealed in archive.names and _ciphertext(archive, sealed) != item["ciphertext"]:
                faults.add(sealed, f"it is not the item that {disclosed_name(call)} opens")
    shown = sum(len(parts) for parts in content.values())
    if not content:
        return faults.fact("no item is opened in this bundle", holds=None), content
    said = f"{shown} of {len(expected_items(run))} items opened, each what its entry commits to and what lies sealed"
    return faults.fact(said), content


def _ciphertext(archive: Archive, name: str) -> bytes | None:
    try:
        return decode_base64(json.loads(archive.read(name))["ciphertext"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MalformedBundle):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members


__all__ = ["check_disclosed", "check_sealed", "disclosed_name", "expected_items", "read_sealed", "sealed_name"]

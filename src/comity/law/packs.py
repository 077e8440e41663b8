"""Reading packs: a folder of YAML, made into a `Pack` or refused with every fault at once.

    <folder>/<pack>/<version>/pack.yaml, duties-*.yaml, incidents.yaml, classification.yaml,
                              documents.yaml, access.yaml, crosswalk.yaml

`<version>` is the consolidation date of the text that is stated; versions stand side by side and the
newest is the default.  Packs that ship lie beside this module; more may lie in other folders, which the
caller names: a pack is added without touching code.  Where one pack and version lies in two folders, the
caller's wins.

Every reference must resolve: role, scope, event, phase, evidence, instrument, source, duty, indicator.

A version may be stated as a difference to another one (`base`, `without` in pack.yaml): members of
pack.yaml and whole files replace the base's, duties replace those of the same id or are added.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from comity.law.errors import Fault, PackRefused, PackUnknown
from comity.law.pack import Pack
from comity.law.pack_parts import Names, read_duties, read_frame, read_parts
from comity.law.reading import Reading
from comity.law.source import ABSENT, Node, read_source

__all__ = ["SHIPPED", "crosswalk_faults", "known_packs", "load_folder", "load_pack"]

SHIPPED: Final = Path(__file__).parent / "packs"
"""The packs that come with Comity."""

OTHER_FILES: Final = ("incidents.yaml", "classification.yaml", "documents.yaml", "access.yaml", "crosswalk.yaml")

_VERSION: Final = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PACK: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_FRAME: Final = ("roles", "scopes", "events", "phases", "evidence", "instruments", "sources")
_OWN: Final = ("schema", "pack", "version", "title", "jurisdiction", "about")


def known_packs(extra: Iterable[Path] = ()) -> Mapping[str, tuple[str, ...]]:
    """The packs at hand, each with its versions, oldest first."""
    found: dict[str, set[str]] = {}
    for root in (SHIPPED, *extra):
        for path in sorted(root.glob("*/*/pack.yaml")):
            version, name = path.parent.name, path.parent.parent.name
            if _PACK.fullmatch(name) and _VERSION.fullmatch(version):
                found.setdefault(name, set()).add(version)
    return {name: tuple(sorted(versions)) for name, versions in sorted(found.items())}


def load_pack(name: str, version: str | None = None, extra: Iterable[Path] = ()) -> Pack:
    """Read one pack, in its newest version or a named one; raises `PackUnknown` or `PackRefused`."""
    roots = tuple(extra)
    known = known_packs(roots)
    if name not in known:
        listed = ", ".join(known) or "none"
        raise PackUnknown(f"expected one of the packs at hand ({listed}); got {name[:60]!r}")
    wanted = known[name][-1] if version is None else version
    if wanted not in known[name]:
        raise PackUnknown(f"expected a version of {name} at hand ({', '.join(known[name])}); got {wanted[:40]!r}")
    for root in (*reversed(roots), SHIPPED):
        if (root / name / wanted / "pack.yaml").is_file():
            return load_folder(root / name / wanted)
    raise AssertionError("a pack that is known lies in one of its folders")


def load_folder(folder: Path) -> Pack:
    """Read the pack that lies in a folder `<pack>/<version>`; raises `PackRefused`."""
    reading = Reading()
    gathered = _gathered(folder, reading)
    pack = _read(gathered, reading)
    if reading.faults:
        raise PackRefused(tuple(reading.faults))
    return pack


def crosswalk_faults(packs: Sequence[Pack]) -> tuple[str, ...]:
    """Each line of a crosswalk that leads to a duty no pack at hand has, in words."""
    duties = {pack.name: set(pack.duties) for pack in packs}
    return tuple(
        f"{pack.name} {pack.version}: {cross.duty} leads to {cross.other} of {cross.pack}, which is not at hand"
        for pack in packs
        for cross in pack.crosswalk
        if cross.other not in duties.get(cross.pack, set())
    )


@dataclass(slots=True)
class _Gathered:
    """The nodes of one pack before they are read, each with the file that it came from."""

    frame: Node = ABSENT
    frame_file: str = ""
    members: dict[str, tuple[str, Node]] = field(default_factory=dict)
    """Members of pack.yaml, those of the base included."""
    duties: list[tuple[str, Node, str]] = field(default_factory=list)
    """File, node and path of each duty."""
    others: dict[str, tuple[str, Node]] = field(default_factory=dict)


def _gathered(folder: Path, reading: Reading, *, as_base: bool = False) -> _Gathered:
    """The files of a folder; those of its base below them."""
    label = f"{folder.parent.name}/{folder.name}"
    found = _Gathered(frame_file=f"{label}/pack.yaml")
    found.frame = _file(folder / "pack.yaml", found.frame_file, reading)
    reading.file = found.frame_file
    own = reading.members(found.frame, "", _OWN, (*_FRAME, "dates", "note", "base", "without"))
    _check_place(own, folder, reading)
    if own["base"].value is not None:
        _take_base(found, own, folder, reading, as_base=as_base)
    elif own["without"].value is not None:
        reading.refuse(own["without"], "without", "a base that has what is left out")
    for name in (*_FRAME, "dates"):
        if own[name].value is not None:
            found.members[name] = (found.frame_file, own[name])
        elif name not in found.members:
            if name != "dates":
                reading.refuse(found.frame, name, "this member to be stated", "nothing")
            found.members[name] = (found.frame_file, ABSENT)
    _take_duties(found, folder, label, reading, inherited=own["base"].value is not None)
    for name in OTHER_FILES:
        if (folder / name).is_file():
            found.others[name] = (f"{label}/{name}", _file(folder / name, f"{label}/{name}", reading))
    strangers = {path.name for path in folder.glob("*.y*ml")} - {"pack.yaml", *OTHER_FILES}
    for name in sorted(one for one in strangers if not re.fullmatch(r"duties-[a-z0-9-]+\.yaml", one)):
        expected = f"pack.yaml, duties-NAME.yaml, {', '.join(OTHER_FILES)}"
        reading.faults.append(
            Fault(file=f"{label}/{name}", line=0, member="", expected=expected, got="a file of another name")
        )
    return found


def _file(path: Path, label: str, reading: Reading) -> Node:
    try:
        source = path.read_bytes()
    except OSError as error:
        reading.faults.append(
            Fault(file=label, line=0, member="", expected="a file that can be read", got=type(error).__name__)
        )
        return ABSENT
    node, faults = read_source(source, label)
    reading.faults.extend(faults)
    return node


def _check_place(own: Mapping[str, Node], folder: Path, reading: Reading) -> None:
    """What pack.yaml says of itself is what its folder says."""
    if own["schema"].value is not None and own["schema"].value != 1:
        reading.refuse(own["schema"], "schema", "1")
    for name, said in (("pack", folder.parent.name), ("version", folder.name)):
        if own[name].value is not None and own[name].value != said:
            reading.refuse(own[name], name, f"the name of its folder, {said!r}")
    if not _PACK.fullmatch(folder.parent.name) or not _VERSION.fullmatch(folder.name):
        reading.refuse(own["pack"], "", "a folder <pack>/<YYYY-MM-DD>", f"{folder.parent.name}/{folder.name}")


def _take_base(
    found: _Gathered, own: Mapping[str, Node], folder: Path, reading: Reading, *, as_base: bool
) -> None:
    """Put the base's nodes below those of this folder."""
    version = reading.matching(own["base"], "base", _VERSION.pattern, "the version that this one is stated against")
    if as_base or version == folder.name:
        reading.refuse(own["base"], "base", "a version that has no base itself")
        return
    if not version or not (folder.parent / version / "pack.yaml").is_file():
        reading.refuse(own["base"], "base", "a version of this pack that lies beside this one")
        return
    base = _gathered(folder.parent / version, reading, as_base=True)
    reading.file = found.frame_file
    ids = [_id_of(node) for _, node, _ in base.duties]
    without = reading.choices(own["without"], "without", ids)
    found.members = base.members
    found.duties = [one for one in base.duties if _id_of(one[1]) not in without]
    found.others = base.others


def _take_duties(found: _Gathered, folder: Path, label: str, reading: Reading, *, inherited: bool) -> None:
    places = {_id_of(node): at for at, (_, node, _) in enumerate(found.duties)}
    files = sorted(folder.glob("duties-*.yaml"))
    if not files and not inherited:
        reading.refuse(found.frame, "", "at least one file duties-NAME.yaml beside pack.yaml", "none")
    for path in files:
        reading.file = f"{label}/{path.name}"
        node = _file(path, reading.file, reading)
        top = reading.members(node, "", ("duties",))
        for item, member in reading.items(top["duties"], "duties", least=1):
            if (at := places.get(_id_of(item))) is not None:
                found.duties[at] = (reading.file, item, member)
                del places[_id_of(item)]
            else:
                found.duties.append((reading.file, item, member))


def _id_of(node: Node) -> str:
    if isinstance(node.value, dict) and "id" in node.value and isinstance(node.value["id"].value, str):
        return node.value["id"].value
    return ""


def _read(gathered: _Gathered, reading: Reading) -> Pack:
    """The values of all nodes; faults are noted on the way."""
    frame = read_frame(gathered.members, reading)
    names = Names(
        roles=tuple(frame.roles),
        scopes=tuple(frame.scopes),
        events=tuple(frame.events),
        phases=tuple(frame.phases),
        evidence=tuple(frame.evidence),
        instruments=tuple(frame.instruments),
        sources=tuple(frame.sources),
    )
    duties = read_duties(gathered.duties, names, reading)
    parts = read_parts(gathered.others, names, duties, reading)
    reading.file = gathered.frame_file
    own = _members_of(gathered.frame)
    return Pack(
        name=_plain(own.get("pack")),
        version=_plain(own.get("version")),
        title=reading.text(own.get("title", ABSENT), "title", 200),
        jurisdiction=reading.text(own.get("jurisdiction", ABSENT), "jurisdiction", 40),
        about=reading.text(own.get("about", ABSENT), "about"),
        note=reading.text(own.get("note", ABSENT), "note"),
        roles=frame.roles,
        scopes=frame.scopes,
        events=frame.events,
        phases=frame.phases,
        evidence=frame.evidence,
        instruments=frame.instruments,
        sources=frame.sources,
        dates=frame.dates,
        duties=duties,
        incidents=parts.incidents,
        classification=parts.classification,
        forms=parts.forms,
        levels=parts.levels,
        access=parts.access,
        crosswalk=parts.crosswalk,
    )


def _members_of(node: Node) -> Mapping[str, Node]:
    """The members of a node, or none."""
    return node.value if isinstance(node.value, dict) else {}


def _plain(node: Node | None) -> str:
    return node.value if node is not None and isinstance(node.value, str) else ""

"""What open cases rely on stays: ids, deadlines, force, evidence and confidence of every duty that ships."""

from pathlib import Path

from packs_beside_reference import all_packs

PINNED = Path(__file__).with_name("duties.golden")
"""One line a duty. A new duty or version adds lines; a line changes only where the law was read wrongly."""


def lines() -> list[str]:
    """The duties of all packs, a line each."""
    return [
        f"{law.name} {law.version} {duty.id} | {duty.force} | {duty.confidence} | {duty.deadline} | "
        + " ".join(duty.evidence)
        for law in all_packs()
        for duty in sorted(law.duties.values(), key=lambda one: one.id)
    ]


def test_no_duty_changes_unnoticed() -> None:
    """A clock that was started under a duty finds the same deadline tomorrow, or somebody decided otherwise here."""
    pinned = PINNED.read_text(encoding="utf-8").splitlines()
    now = lines()

    assert not set(pinned) - set(now), "gone or changed; duties.golden says what was"
    assert not set(now) - set(pinned), "new or changed; add these lines to duties.golden"
    assert len(pinned) == len(set(pinned)) == len(now)

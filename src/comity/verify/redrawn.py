"""Drawn rows: opened, and scored again.

The ledger holds both secrets of a draw (`comity.verify.draw`), so anyone computes which rows of the score table were
drawn.  `drawn.json` opens exactly these, and `disclosed/` holds the last call of each.

To score again needs the scorer, which this room does not have: `rescore` brings it in, by name and version.  It
takes the plan's members, the item's id, the request's bytes and the answer's, and returns the score, or a sentence
that says why it cannot.
"""

from collections.abc import Callable, Mapping
from typing import Any

from comity.verify import archive as a
from comity.verify.draw import Drawn, K, draw_rows, find_draw, opens, read_drawn, settle
from comity.verify.errors import MalformedDrawn
from comity.verify.facts import Fact, Faults, unestablished
from comity.verify.history import History
from comity.verify.reported_run import ReportedRun
from comity.verify.scores import PlanView, ScoreTable

Rescore = Callable[[Mapping[str, Any], str, bytes, bytes], int | str]
"""Plan's members, item id, request and answer: the score, or why there is none."""


def check_drawn(
    archive: a.Archive,
    run: ReportedRun,
    plan: PlanView,
    table: ScoreTable,
    history: History,
    entries: tuple[bytes, ...],
    content: Mapping[int, Mapping[str, bytes]],
    rescore: Mapping[str, Rescore],
) -> list[Fact]:
    """Whether the rows that both secrets pick are opened, and whether the scorer gives them their scores again."""
    draw = find_draw(history, run.run)
    brought = a.DRAWN in archive.names
    if draw is None or not draw.complete:
        because = "there was no draw" if draw is None else f"the draw is not complete: {draw.missing()}"
        if brought:
            said = f"it opens rows of a draw, and {because}"
            return [Fact(name="draw", holds=False, detail=said, where=a.DRAWN), *unestablished(["rescored"], because)]
        return list(unestablished(["draw", "rescored"], because))
    if not brought:
        told = max(index for index, _ in draw.told.values())
        because = f"the draw was complete at entry {told}, and this bundle opens none of its rows"
        return list(unestablished(["draw", "rescored"], because))
    root, seed = settle(draw, entries)
    drawn = draw_rows(seed, table.judged())
    faults = Faults("draw")
    try:
        opened = read_drawn(archive.read(a.DRAWN))
    except MalformedDrawn as error:
        faults.add(a.DRAWN, str(error))
        return [faults.fact(""), *unestablished(["rescored"], "the drawn rows cannot be read")]
    mine = (run.run, draw.size, root, seed.hex())
    for name, told_, found in zip(
        ("run", "size", "root", "seed"), (opened.run, opened.size, opened.root, opened.seed), mine, strict=True
    ):
        if told_ != found:
            faults.add(a.DRAWN, f"{name} is {str(told_)[:64]}, the ledger gives {found}")
    if tuple(row.row for row in opened.rows) != drawn:
        faults.add(a.DRAWN, f"it opens rows {[row.row for row in opened.rows]}; drawn are {list(drawn)}")
    for row in opened.rows:
        if 0 <= row.row < len(table.rows) and not opens(row, table.rows[row.row].item):
            faults.add(a.DRAWN, f"row {row.row} is not the item {row.item[:60]!r} under its salt")
    few = "" if len(drawn) == K else f" (all that are judged, fewer than {K})"
    places = ", ".join(map(str, drawn))
    fact = faults.fact(f"rows {places} of scores.json{few}, drawn by both sides' secrets, are opened")
    if not fact.holds:
        return [fact, *unestablished(["rescored"], "not looked at, because the draw does not hold")]
    return [fact, _rescored(opened, plan, table, content, rescore)]


def _rescored(
    drawn: Drawn,
    plan: PlanView,
    table: ScoreTable,
    content: Mapping[int, Mapping[str, bytes]],
    rescore: Mapping[str, Rescore],
) -> Fact:
    faults = Faults("rescored")
    for row in drawn.rows:
        calls = table.rows[row.row].calls
        if not calls:
            faults.add(f"scores.json row {row.row}", "it was drawn, and no call stands behind its score")
        elif set(content.get(calls[-1], {})) != {"request", "answer"}:
            said = f"row {row.row} was drawn, and its call {calls[-1]} is not opened whole"
            faults.add(a.disclosed_name(calls[-1]), said)
    scorer = rescore.get(plan.scorer)
    if scorer is None:
        return faults.fact(f"the scorer is not installed ({plan.scorer})", holds=None)
    for row in drawn.rows:
        committed = table.rows[row.row]
        parts = content.get(committed.calls[-1], {}) if committed.calls else {}
        if set(parts) != {"request", "answer"}:
            continue
        again = scorer(plan.members, row.item, parts["request"], parts["answer"])
        if again != committed.score:
            gives = again if isinstance(again, str) else f"the scorer gives {again}"
            faults.add(f"scores.json row {row.row}", f"the score is {committed.score}; {gives}")
    return faults.fact(f"{plan.scorer} gives each of the {len(drawn.rows)} drawn rows the score that was committed")

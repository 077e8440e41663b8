"""Benchmark 5: how often identity tests see what changed, and how often they cry out for nothing.

    python -m benchmarks.identity [--cache DIR] [--pools FILE] [--replicates N] [--json]

The answers are the local model's own, of each variant in `benchmarks.variants`, collected once by
`benchmarks.identity_pools` (a quarter of an hour on two quiet cores).  Engagements are then simulated: a baseline and
the fresh answers are drawn without replacement out of these answers, so each engagement is one that could have been,
and engagements share answers, so the shares below scatter more than their number says.  First tokens at border inputs
are drawn from the exact distribution that the server states, sharpened to temperature 0.1, and the border inputs are
found by drawing too.  Every query is counted: those of the baseline, of the search and of the benign session are
printed beside the table.

For each variant and for 25, 100 and 500 queries, at α = 0.05:

| column | share of engagements in which |
| --- | --- |
| `p05` | one test at margin 0 has p ≤ 0.05 |
| `changed` | one session says "changed", its margin set by a benign session of 100 queries before |
| `looks` | (completions, 500 queries) the capital says so at one of twenty looks of 25 queries, at margin 0 |

Routed variants send each query to the variant with a probability, and to the reference else.  `recognised` is a router
that knows the enrolment's prompts and answers them from the reference: nothing is seen, by construction.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from benchmarks.identity_pools import collect_all

from comity.estimate import capital_of, decisive_p, e_of_p, similarity

RESULT: Final = Path(__file__).with_name("identity-result.json")
SIZES: Final = (25, 100, 500)
ALPHA: Final = 0.05
PERMUTATIONS: Final = 499
REPLICATES: Final = 200
LOOKS: Final = 20
BASELINE: Final = 20
BENIGN_QUERIES: Final = 100
BORDER_INPUTS: Final = 5
MARGINS: Final[Mapping[str, float]] = {"completions": 0.02, "first-token": 0.0}
"""What is tolerated before any benign session: the defaults of `comity identity enrol`."""
TEMPERATURE: Final = 0.1
ROWS: Final[Sequence[tuple[str, str, float]]] = (
    ("same file again", "reference", 1.0),
    ("flash attention off (benign)", "flash-attention-off", 1.0),
    ("coarser quantisation, 5 to 4 bits", "coarser-quantisation", 1.0),
    ("crude quantisation, 5 to 3 bits", "crude-quantisation", 1.0),
    ("crude quantisation, routed 0.5", "crude-quantisation", 0.5),
    ("crude quantisation, routed 0.1", "crude-quantisation", 0.1),
    ("hidden instruction", "hidden-instruction", 1.0),
    ("hidden system prompt", "hidden-system-prompt", 1.0),
    ("hidden system prompt, routed 0.5", "hidden-system-prompt", 0.5),
    ("hidden system prompt, routed 0.1", "hidden-system-prompt", 0.1),
    ("temperature 0.8 served as 1", "temperature", 1.0),
    ("routed always, canaries recognised", "reference", 1.0),
)

Array = np.ndarray[Any, Any]
Tested = tuple[float, float]
"""p-value at the margin, and upper end of the distance."""


def tested(seen: float, drawn: Array, margin: float, rng: np.random.Generator) -> Tested:
    """What `comity.estimate.compare` makes of a statistic and its permutations."""
    held, middle = seen - margin, float(drawn.mean())
    greater, equal = int((drawn > held + 1e-12).sum()), int((np.abs(drawn - held) <= 1e-12).sum())
    p = (greater + rng.uniform() * (equal + 1)) / (len(drawn) + 1)
    return p, max(0.0, seen - middle) + max(0.0, float(np.quantile(drawn, 0.95)) - middle)


class Completions:
    """The collected answers, with the kernel of every two answers to one prompt."""

    def __init__(self, collected: Mapping[str, Any]) -> None:
        self.prompts = len(collected["reference"]["pools"])
        self._places: dict[str, list[Array]] = {}
        self._kernels: list[Array] = []
        known = cache(similarity)
        for prompt in range(self.prompts):
            texts: list[str] = []
            for variant, held in collected.items():
                own = held["pools"][prompt]
                self._places.setdefault(variant, []).append(np.arange(len(texts), len(texts) + len(own)))
                texts += own
            self._kernels.append(np.array([[known(one, two) for two in texts] for one in texts]))

    def session(self, variant: str, share: float, queries: int, taken: list[set[int]], rng: Any) -> list[list[int]]:
        """Fresh answers per prompt, each drawn once; prompts in turn, in an order of their own."""
        found: list[list[int]] = [[] for _ in range(self.prompts)]
        order = np.concatenate([rng.permutation(self.prompts) for _ in range(-(-queries // self.prompts))])[:queries]
        for prompt in order:
            source = variant if rng.uniform() < share else "reference"
            left = [place for place in self._places[source][prompt] if place not in taken[prompt]]
            place = int(rng.choice(left))
            taken[prompt].add(place)
            found[prompt].append(place)
        return found

    def baseline(self, rng: Any) -> list[list[int]]:
        """So many answers of the reference to each prompt as an enrolment takes."""
        return [list(rng.choice(places, BASELINE, replace=False)) for places in self._places["reference"]]

    def compare(self, before: list[list[int]], fresh: list[list[int]], margin: float, rng: Any) -> Tested:
        """The permutation test, all permutations of a prompt at once."""
        total, weights, seen = np.zeros(PERMUTATIONS), 0.0, 0.0
        for prompt, kernel in enumerate(self._kernels):
            n, m = len(before[prompt]), len(fresh[prompt])
            if not m:
                continue
            both = np.array([*before[prompt], *fresh[prompt]])
            part = kernel[np.ix_(both, both)]
            sides = np.zeros((PERMUTATIONS + 1, n + m))
            sides[0, n:] = 1
            chosen = rng.random((PERMUTATIONS, n + m)).argsort(axis=1)[:, :m]
            np.put_along_axis(sides[1:], chosen, 1.0, axis=1)
            signed = sides / m - (1 - sides) / n
            values = ((signed @ part) * signed).sum(axis=1)
            weight = n * m / (n + m)
            seen, total, weights = seen + weight * values[0], total + weight * values[1:], weights + weight
        return tested(float(seen / weights), total / weights, margin, rng)

    def replicate(self, variant: str, share: float, queries: int, rng: Any) -> tuple[float, bool]:
        """One engagement: p at margin 0, and whether it says "changed" after a benign session."""
        before = self.baseline(rng)
        taken = [set(places) for places in before]
        benign = self.session("flash-attention-off", 1.0, BENIGN_QUERIES, taken, rng)
        margin = max(MARGINS["completions"], self.compare(before, benign, 0.0, rng)[1])
        fresh = self.session(variant, share, queries, taken, rng)
        plain, _ = self.compare(before, fresh, 0.0, rng)
        return plain, self.compare(before, fresh, margin, rng)[0] <= decisive_p(ALPHA)

    def looked_at(self, variant: str, share: float, rng: Any) -> bool:
        """Whether the capital says "changed" at one of many small looks."""
        before = self.baseline(rng)
        taken = [set(places) for places in before]
        e_values = []
        for _ in range(LOOKS):
            fresh = self.session(variant, share, SIZES[0], taken, rng)
            e_values.append(e_of_p(self.compare(before, fresh, 0.0, rng)[0], ALPHA))
            before = [[*old, *new] for old, new in zip(before, fresh, strict=True)]
        return capital_of(e_values)[1] >= 1 / ALPHA


class Borders:
    """The exact first-token distributions, and border inputs found by asking."""

    def __init__(self, collected: Mapping[str, Any]) -> None:
        firsts = {variant: held["first"] for variant, held in collected.items() if held["first"]}
        self._shares: dict[str, list[Array]] = {variant: [] for variant in firsts}
        for candidate in range(len(firsts["reference"])):
            stated = {variant: dict(map(tuple, held[candidate])) for variant, held in firsts.items()}
            if not all(stated.values()):
                continue
            tokens = sorted({token for one in stated.values() for token in one})
            for variant, one in stated.items():
                logs = np.array([one.get(token, -np.inf) for token in tokens]) / TEMPERATURE
                weights = np.exp(logs - logs.max())
                self._shares[variant].append(weights / weights.sum())
        self.candidates = len(self._shares["reference"])

    def served(self, variant: str) -> bool:
        """Whether the variant has distributions of its own."""
        return variant in self._shares

    def find(self, rng: Any) -> tuple[list[int], int]:
        """Border inputs, and how many queries it took to find them."""
        found: list[int] = []
        for looked, candidate in enumerate(rng.permutation(self.candidates), start=1):
            one, two = rng.choice(len(self._shares["reference"][candidate]), 2, p=self._shares["reference"][candidate])
            if one != two:
                found.append(int(candidate))
            if len(found) == BORDER_INPUTS:
                return found, 2 * looked
        return found, 2 * self.candidates

    def draw(self, variant: str, share: float, candidate: int, count: int, rng: Any) -> Array:
        """Counts of first tokens."""
        mixed = share * self._shares[variant][candidate] + (1 - share) * self._shares["reference"][candidate]
        return np.array(rng.multinomial(count, mixed))

    def compare(self, before: list[Array], fresh: list[Array], margin: float, rng: Any) -> Tested:
        """The permutation test on counts."""
        total, weights, seen = np.zeros(PERMUTATIONS), 0.0, 0.0
        for old, new in zip(before, fresh, strict=True):
            n, m = int(old.sum()), int(new.sum())
            if not m:
                continue
            drawn = rng.multivariate_hypergeometric(old + new, m, size=PERMUTATIONS)
            weight = n * m / (n + m)
            values = np.abs(drawn / m - (old + new - drawn) / n).sum(axis=1) / 2
            seen += weight * float(np.abs(new / m - old / n).sum()) / 2
            total, weights = total + weight * values, weights + weight
        return tested(seen / weights, total / weights, margin, rng)

    def replicate(self, variant: str, share: float, queries: int, rng: Any) -> tuple[float, bool]:
        """One engagement, as above."""
        inputs, _ = self.find(rng)
        if not inputs:
            return 1.0, False
        before = [self.draw("reference", 1.0, one, BASELINE, rng) for one in inputs]
        each = partial(np.bincount, minlength=len(inputs))

        def session(served: str, part: float, count: int) -> list[Array]:
            counts = each(np.arange(count) % len(inputs))
            return [self.draw(served, part, one, int(many), rng) for one, many in zip(inputs, counts, strict=True)]

        benign = self.compare(before, session("flash-attention-off", 1.0, BENIGN_QUERIES), 0.0, rng)
        fresh = session(variant, share, queries)
        plain, _ = self.compare(before, fresh, 0.0, rng)
        return plain, self.compare(before, fresh, max(MARGINS["first-token"], benign[1]), rng)[0] <= decisive_p(ALPHA)


def measure(collected: Mapping[str, Any], replicates: int = REPLICATES) -> dict[str, Any]:
    """The table, from collected answers; seeds fixed."""
    completions, borders = Completions(collected), Borders(collected)
    rng = np.random.default_rng(5)
    searched = [borders.find(rng) for _ in range(1000)]
    found: dict[str, Any] = {
        "alpha": ALPHA,
        "permutations": PERMUTATIONS,
        "replicates": replicates,
        "queries": {
            "baseline": completions.prompts * BASELINE,
            "benign": BENIGN_QUERIES,
            "border_baseline": BORDER_INPUTS * BASELINE,
            "border_search_mean": float(np.mean([queries for _, queries in searched])),
            "border_inputs_mean": float(np.mean([len(inputs) for inputs, _ in searched])),
        },
        "completions": [],
        "first_token": [],
    }
    for number, (name, variant, share) in enumerate(ROWS):
        print(f"{name} …", file=sys.stderr, flush=True)
        row = _row(completions.replicate, name, variant, share, replicates, number)
        rng = np.random.default_rng([7, number])
        row["looks"] = float(np.mean([completions.looked_at(variant, share, rng) for _ in range(replicates // 2)]))
        found["completions"].append(row)
        if borders.served(variant):
            found["first_token"].append(_row(borders.replicate, name, variant, share, replicates, number))
    return found


def _row(
    replicate: Callable[[str, float, int, Any], tuple[float, bool]],
    name: str,
    variant: str,
    share: float,
    replicates: int,
    number: int,
) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "variant": variant, "routed": share}
    for queries in SIZES:
        rng = np.random.default_rng([5, number, queries])
        told = [replicate(variant, share, queries, rng) for _ in range(replicates)]
        row[str(queries)] = {
            "p05": float(np.mean([p <= ALPHA for p, _ in told])),
            "changed": float(np.mean([changed for _, changed in told])),
        }
    return row


def table(found: Mapping[str, Any]) -> str:
    """The measured shares as two Markdown tables."""
    lines = []
    for title, key in (("completions", "completions"), ("first tokens at border inputs", "first_token")):
        looks = key == "completions"
        head = " | ".join(f"{size} q: p ≤ 0.05 / changed" for size in SIZES)
        lines += [f"| served ({title}) | {head} |{' 20 looks of 25 |' if looks else ''}"]
        lines += ["| --- |" + " --- |" * (len(SIZES) + looks)]
        for row in found[key]:
            cells = " | ".join(f"{row[str(size)]['p05']:.2f} / {row[str(size)]['changed']:.2f}" for size in SIZES)
            lines.append(f"| {row['name']} | {cells} |" + (f" {row['looks']:.2f} |" if looks else ""))
        lines.append("")
    return "\n".join(lines)


def run_identity(cache_folder: Path, pools: Path, replicates: int = REPLICATES) -> dict[str, Any]:
    """Collect what is not collected yet, measure, and keep the result beside this file."""
    found = measure(collect_all(cache_folder, pools), replicates)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    return found


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity", description=str(__doc__).split("\n")[0])
    parser.add_argument("--cache", type=Path, default=Path(".bench/identity"), help="folder of the weights")
    parser.add_argument("--pools", type=Path, default=Path(".bench/identity/answers.json"), help="collected answers")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--json", action="store_true", help="print the last line as one JSON object")
    asked = parser.parse_args()
    asked.pools.parent.mkdir(parents=True, exist_ok=True)
    found = run_identity(asked.cache, asked.pools, asked.replicates)
    print(table(found))
    queries = found["queries"]
    print(
        f"queries besides: baseline {queries['baseline']}, benign session {queries['benign']}; "
        f"{queries['border_search_mean']:.0f} to find {queries['border_inputs_mean']:.1f} border inputs, and "
        f"{queries['border_baseline']} for their baseline"
    )
    if asked.json:
        print(json.dumps({"identity": found}))


if __name__ == "__main__":
    main()

"""Inspect alone on a plan's own items: the same questions, scorer and connections, at the model's address.

    python -m benchmarks.load.bare_inspect PLAN SEED --url URL --log-dir DIR

It is what an evaluator runs who has no gateway and no ledger, with the engine's own defaults for everything that does
not change what is asked.  It prints one JSON object: samples, and the log's status.
"""

import argparse
import json
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, system_message

from comity.evaluation.plan import Population, open_seed, select_ids
from comity.evaluation.plan_text import parse_plan
from comity.evaluation.suites import load_suite


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("seed", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--log-dir", required=True)
    asked = parser.parse_args()
    plan = open_seed(parse_plan(asked.plan.read_bytes(), asked.plan.name), asked.seed.read_text().strip())
    assert isinstance(plan.claim.population, Population)
    suite = load_suite(plan.claim.population.suite)
    items = [suite.item(item) for item in select_ids(plan.design, (one.id for one in suite.items))]
    task = Task(
        dataset=MemoryDataset([Sample(id=one.id, input=one.question, target=list(one.answers)) for one in items]),
        solver=[system_message(plan.instruction.replace("{", "{{").replace("}", "}}")), generate()],
        scorer=includes(),
    )
    model = get_model(
        f"openai/{plan.target.model}",
        base_url=asked.url,
        api_key="bench-upstream-key",
        config=GenerateConfig(
            max_tokens=plan.decoding.max_tokens, seed=plan.decoding.seed, max_connections=plan.access.connections
        ),
        responses_api=False,
    )
    [log] = evaluate(
        task, model=model, log_dir=asked.log_dir, display="none", max_samples=plan.access.connections
    )
    print(json.dumps({"samples": len(log.samples or ()), "status": log.status}))


if __name__ == "__main__":
    main()

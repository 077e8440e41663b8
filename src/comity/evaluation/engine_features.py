"""What a run needs of its engine, looked for before anything is asked.

A version says which release is installed, and a release can be patched or packed anew under the same number.  So each
part of Inspect on which evidence rests is looked for by name when a run begins, and one that is not there stops it.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["FEATURES", "missing_features"]

FEATURES: Final[Mapping[str, str]] = {
    "inspect_ai.model:ModelRequestId": "the id of every HTTP attempt",
    "inspect_ai.event:ModelEvent.request_ids": "where these ids are logged",
    "inspect_ai.event:ModelEvent.role": "which calls are the judge's",
    "inspect_ai.hooks:Hooks.on_before_model_generate": "the word before a call",
    "inspect_ai.hooks:Hooks.on_sample_scoring": "when judging begins",
    "inspect_ai.model:GenerateConfig.reasoning_summary": "that no probe is sent",
    "inspect_ai.log:recover_eval_log": "the log of a run that broke off",
    "inspect_ai:SampleSource": "batches chosen while a run goes on",
}
"""What a run needs of the engine beyond its version, as module:name or module:class.member, and for what."""


def missing_features() -> tuple[str, ...]:
    """The features that the installed engine does not have."""
    found = []
    for feature, purpose in FEATURES.items():
        module, _, path = feature.partition(":")
        at: Any = importlib.import_module(module)
        for name in path.split("."):
            fields = getattr(at, "model_fields", {})
            at = fields[name] if name in fields else getattr(at, name, None)
        if at is None:
            found.append(f"{path} ({purpose})")
    return tuple(found)

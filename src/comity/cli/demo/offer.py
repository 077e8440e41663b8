"""The access offer of the demo: what the provider's access team writes.

Every clause of the draft terms that is not a key, a name or a count comes from
this text; nobody types one of its values again.  Its money is what a provider of
a very small model might ask.  The provider's chat template puts worked examples
before each question, and the overhead declares them.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["Offered", "offer_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What differs between the demo's own model and a visitor's endpoint."""

    model: str
    serves: tuple[str, ...]
    protocols: tuple[str, ...]
    context_window: int
    max_output: int
    overhead: int
    price_input: str
    price_output: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: str
    concurrency: int = 8
    on_mismatch: str = "refuse"
    guard: str = "none"
    """Who keeps a guard in front of the model: `provider` or `none`."""


def offer_text(offered: Offered, *, provider: str, now: datetime) -> str:
    """The YAML of the offer, for thirty days from the last full minute."""
    begins = now.replace(second=0, microsecond=0)
    until = begins + timedelta(days=30)
    return f"""\
# Offer of access to our newest model, for evaluation by the authority.
# Written by the access team of {provider}.
terms: arrangement/1
title: Access to {offered.model} for evaluation
operator:
  placement: One machine run by an independent operator; the provider's model answers over HTTP.
  upstream_key_held_by: operator
basis_kind: voluntary
basis: Voluntary offer of the provider, in dialogue under Regulation (EU) 2024/1689.
purpose:
  - Measuring how often the model answers short factual questions correctly.
channel: api
models:
  - name: "{offered.model}"
    variant: standard
    serves: [{", ".join(json.dumps(name) for name in offered.serves)}]
    on_mismatch: {offered.on_mismatch}
    unstated: flag
    protocols: [{", ".join(offered.protocols)}]
    context_window: {offered.context_window}
    max_output: {offered.max_output}
    overhead: {{request: {offered.overhead}, message: 16, tool: 64}}
    prices:
      input: "{offered.price_input}"
      cached_read: "{offered.price_input}"
      cache_write: "{offered.price_input}"
      output: "{offered.price_output}"
features: [sampling, seed, stop, streaming, stream_usage, system_prompt]
limits: {{}}
access:
  - item: engineering-support
    means: session
    promise: An engineer of the provider answers within a day when a fault may lower a score.
window:
  from: {begins:%Y-%m-%dT%H:%M:%SZ}
  until: {until:%Y-%m-%dT%H:%M:%SZ}
  hours: {{days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", until: "24:00"}}
calendar: plain
access_days: 20
budget:
  calls: {offered.calls}
  input_tokens: {offered.input_tokens}
  output_tokens: {offered.output_tokens}
  cost: "{offered.cost}"
  currency: EUR
  output_unstated: reserve
  per_day:
    calls: {offered.calls}
    input_tokens: {offered.input_tokens}
    output_tokens: {offered.output_tokens}
    cost: "{offered.cost}"
  rerun_reserve: 0
rate: {{calls_per_minute: 3000, tokens_per_minute: 100000000, concurrency: {offered.concurrency}}}
costs: {{borne_by: provider}}
content:
  blindness: sealed-record
  retention: none
  training: none
record: {{provider_sees: checkpoints}}
successor:
  notice_days: 14
  access_days: 30
  text: Access to a newer version is on the terms of the version before, until the sides agree on others.
stop: {{by: [authority, provider]}}
suspension: {{by: [authority, provider], clock_stops: [legal-order, operational]}}
exit: {{by: [authority, provider], notice_days: 0, statement: recorded}}
incident_contacts:
  authority: the duty desk of its evaluation unit
  provider: the duty desk of its safety team
safe_harbour:
  tag: office-for-ai-2026
  text: Tests in good faith lead to no measure against accounts, keys or people.
guard: {{by: {offered.guard}}}
publication:
  by: authority
  review_days: 30
  text: The provider may point out confidential facts within the review; it may not delay beyond it.
"""

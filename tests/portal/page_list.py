"""The pages that are looked at in a browser."""

from houses import FOUND, PLANNED, RICH, SAMPLES
from rich_world import RUN, TERMS

__all__ = ["PAGES"]

PAGES = {
    "portfolio": ("handler", "/"),
    "inbox": ("handler", "/inbox/"),
    "case": ("handler", f"/case/{RICH}/"),
    "case-findings": ("handler", f"/case/{FOUND}/"),
    "timeline": ("handler", f"/case/{RICH}/timeline/"),
    "entry": ("handler", f"/case/{RICH}/entry/3/"),
    "adequacy": ("handler", f"/case/{RICH}/adequacy/"),
    "clocks": ("handler", f"/case/{FOUND}/clocks/"),
    "acts": ("handler", f"/case/{FOUND}/acts/"),
    "act-incident": ("handler", f"/case/{FOUND}/acts/incident/"),
    "act-finding": ("handler", f"/case/{FOUND}/acts/finding/"),
    "access": ("handler", f"/case/{RICH}/access/{TERMS.id}/"),
    "run": ("evaluator", f"/case/{RICH}/access/{TERMS.id}/runs/{RUN}/"),
    "plans": ("evaluator", f"/case/{RICH}/access/{TERMS.id}/plans/"),
    "calls": ("evaluator", f"/case/{RICH}/access/{TERMS.id}/runs/{PLANNED}/calls/"),
    "run-planned": ("evaluator", f"/case/{RICH}/access/{TERMS.id}/runs/{PLANNED}/"),
    "duties": ("handler", f"/case/{FOUND}/duties/"),
    "documentation": ("handler", f"/case/{FOUND}/documentation/"),
    "finding": ("handler", f"/case/{FOUND}/findings/{'3' * 32}/"),
    "stop": ("handler", f"/case/{RICH}/access/{TERMS.id}/stop/"),
    "take-in-terms": ("handler", f"/case/{RICH}/terms/receive/"),
    "terms": ("handler", f"/case/{RICH}/terms/{TERMS.id}/?version=2"),
    "portfolio-sample": ("handler-elsewhere", "/"),
    "register": ("", "/register/"),
    "register-case": ("", f"/register/{SAMPLES[0]}/"),
    "people": ("administrator", "/people/"),
    "person": ("administrator", "/people/handler/"),
    "sign-in": ("", "/accounts/login/"),
    "second-factor": ("handler", "/accounts/2fa/"),
    "accessibility": ("", "/accessibility/"),
    "no-such-page": ("", "/nothing-here/"),
}
"""Picture → who looks, and at what."""

"""Permissions: who may see and do what, each answer with its reason.

A permission is one or more ways in; a way is a list of conditions that must all hold.  A condition is a predicate of
the library `rules`, with the sentence for yes and the sentence for no.  Nobody is given a right: an account has a role
and an organisation, a case names its sides and persons, and the answer follows from both.

| permission | who |
|---|---|
| `case.see` | the authority's case handlers, the provider's access team, and persons whom the case names |
| `case.open` | the handlers of the authority, or the access team of the provider, whose house it is |
| `case.act` | the authority's case handlers |
| `case.reply` | the provider's access team |
| `case.contribute` | independent experts whom the case names |
| `access.stop`, `terms.sign` | either side's, in the house that holds that side's key |
| `people.manage` | administrators |

Who may not see a case is told that there is no such page, as for a case that is not there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import rules
from django.contrib.auth.backends import BaseBackend
from django.http import Http404

from comity.portal.accounts.models import ROLES
from comity.portal.house import the_house
from comity.portal.projections.models import CaseRow, NamedRow

__all__ = [
    "PERMISSIONS", "Allowed", "Answer", "Denied", "RulesBackend", "decide", "named_in", "see_case", "visible_cases",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Allowed:
    """Yes, and why."""

    because: str


@dataclass(frozen=True, slots=True)
class Denied:
    """No, and why."""

    because: str


Answer = Allowed | Denied


@dataclass(frozen=True, slots=True)
class Condition:
    """One predicate, with a sentence for each answer."""

    holds: Any
    yes: str
    no: str


def _condition(test: Callable[[Any, Any], bool], yes: str, no: str) -> Condition:
    return Condition(rules.predicate(test), yes, no)


def named_in(account: Any) -> frozenset[str]:
    """The engagements whose entries name the account's pseudonym, read once for an account object."""
    if not getattr(account, "person", ""):
        return frozenset()
    known: frozenset[str] | None = getattr(account, "_named_in", None)
    if known is None:
        rows = NamedRow.objects.filter(person=account.person).values_list("engagement", flat=True)
        known = frozenset(rows)
        account._named_in = known
    return known


def _role(role: str) -> Condition:
    return _condition(
        lambda account, case: getattr(account, "role", "") == role,
        f"you are signed in as {ROLES[role]}", f"this needs the role {ROLES[role]}",
    )  # fmt: skip


def _org(account: Any) -> str:
    return str(getattr(account, "organisation", "")).casefold()


OF_AUTHORITY: Final = _condition(
    lambda account, case: bool(_org(account)) and case is not None and _org(account) == case.authority.casefold(),
    "you act for the authority of this case", "the case is another authority's",
)  # fmt: skip
OF_PROVIDER: Final = _condition(
    lambda account, case: bool(_org(account)) and case is not None and _org(account) == case.provider.casefold(),
    "you act for the provider of this case", "the case is with another provider",
)  # fmt: skip
OF_HOUSE: Final = _condition(
    lambda account, case: bool(_org(account)) and _org(account) == the_house().name.casefold(),
    "you act for the party whose house this is", "this house is another party's",
)  # fmt: skip
NAMED: Final = _condition(
    lambda account, case: case is not None and case.engagement in named_in(account),
    "an entry of this case names you", "no entry of this case names you",
)  # fmt: skip
OPEN: Final = _condition(
    lambda account, case: case is not None and case.stage != "closed",
    "the case is open", "the case is closed; nothing is added to it any more",
)  # fmt: skip


def _key_of(side: str) -> Condition:
    return _condition(
        lambda account, case: the_house().role == side,
        f"this house holds the {side}'s key", f"the {side} signs with its own key, which this house does not hold",
    )  # fmt: skip


EVALUATING: Final = ((_role("handler"), OF_AUTHORITY), (_role("evaluator"), NAMED), (_role("expert"), NAMED))

PERMISSIONS: Final[Mapping[str, Sequence[Sequence[Condition]]]] = {
    "case.see": (
        (_role("handler"), OF_AUTHORITY),
        (_role("access"), OF_PROVIDER),
        (_role("evaluator"), NAMED),
        (_role("expert"), NAMED),
    ),
    "case.open": (
        (_role("handler"), OF_HOUSE, _key_of("authority")),
        (_role("access"), OF_HOUSE, _key_of("provider")),
    ),
    "case.act": ((_role("handler"), OF_AUTHORITY, OPEN),),
    "case.reply": ((_role("access"), OF_PROVIDER, OPEN),),
    "case.contribute": ((_role("expert"), NAMED, OPEN),),
    "access.stop": (
        (_role("handler"), OF_AUTHORITY, _key_of("authority")),
        (_role("access"), OF_PROVIDER, _key_of("provider")),
    ),
    "terms.sign": (
        (_role("handler"), OF_AUTHORITY, OPEN, _key_of("authority")),
        (_role("access"), OF_PROVIDER, OPEN, _key_of("provider")),
    ),
    "plan.see": EVALUATING,
    "sealed.take": EVALUATING,
    "people.manage": ((_role("administrator"),),),
}


def _rule(ways: Sequence[Sequence[Condition]]) -> Any:
    whole: Any = None
    for way in ways:
        every: Any = None
        for condition in way:
            every = condition.holds if every is None else every & condition.holds
        whole = every if whole is None else whole | every
    return whole


for _name, _ways in PERMISSIONS.items():
    if not rules.perm_exists(_name):
        rules.add_perm(_name, _rule(_ways))


def decide(permission: str, account: Any, case: CaseRow | None = None) -> Answer:
    """May this account do it, and why or why not; the reason is that of the way in that comes closest."""
    closest, furthest = "this is not yours to do", -1
    for way in PERMISSIONS[permission]:
        held: list[str] = []
        for condition in way:
            if not condition.holds(account, case):
                if len(held) > furthest:
                    closest, furthest = condition.no, len(held)
                break
            held.append(condition.yes)
        else:
            return Allowed(", and ".join(held))
    return Denied(closest)


def visible_cases(account: Any) -> Any:
    """The cases that an account may see, as a query; the same rule as `case.see`, for many."""
    rows, organisation = CaseRow.objects.all(), getattr(account, "organisation", "")
    match getattr(account, "role", ""):
        case "handler" if organisation:
            return rows.filter(authority__iexact=organisation)
        case "access" if organisation:
            return rows.filter(provider__iexact=organisation)
        case "evaluator" | "expert":
            return rows.filter(engagement__in=named_in(account))
        case _:
            return rows.none()


def see_case(account: Any, engagement: str) -> CaseRow:
    """The case, or the same "no such page" whether it is not there or not to be seen."""
    found: CaseRow | None = CaseRow.objects.filter(engagement=engagement).first()
    if found is None or isinstance(decide("case.see", account, found), Denied):
        raise Http404("no such page")
    return found


class RulesBackend(BaseBackend):
    """Lets `account.has_perm` ask the same predicates."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whether a permission holds; the reason is `decide`'s to give."""
        return perm in PERMISSIONS and isinstance(decide(perm, user_obj, obj), Allowed)

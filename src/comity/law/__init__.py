"""Law: what is owed, by whom, by when, shown by what?

Laws and codes are data: *packs* of duties, each with its deadline, evidence, force, sources and a mark of how
sure it is.  What counts and compares them is here: a grammar of deadlines, calendars, clocks, incidents that
start several clocks at once, the classification of models, and a calendar file.

    >>> pack = load_pack("eu-ai-act")
    >>> str(pack.duty("AIA-52-1").deadline)
    'due:SR_CONDITION_MET_OR_KNOWN+P2W & without_undue_delay'

Facts stated as data say where they are from, and a fact that nobody could confirm is shown as unconfirmed.
docs/reference/law.md describes packs, docs/explanation/clocks.md how time is counted.
"""

from comity.law.calendar import PLAIN, Calendar, Moment
from comity.law.calendars import named_calendar, parse_calendar
from comity.law.classify import Answer, Facts, Reason, classify
from comity.law.clocks import (
    Act,
    Clock,
    Ended,
    Extended,
    Fixed,
    Met,
    Noted,
    Opened,
    State,
    Stopped,
    WentOn,
    due_within,
    read_clocks,
)
from comity.law.compute import Estimate, amount, architecture, hardware, stated, two_figures
from comity.law.deadline import Deadline, parse_deadline
from comity.law.due import Limit, said
from comity.law.duration import Duration, parse_duration
from comity.law.errors import (
    ActRefused,
    CalendarRefused,
    DeadlineRefused,
    DutyUnknown,
    FactsRefused,
    Fault,
    LawError,
    PackRefused,
    PackUnknown,
)
from comity.law.ical import export
from comity.law.incidents import Start, acts_of, starts_of
from comity.law.members import answer_members, clock_members, duty_members, moment_text, pack_members
from comity.law.pack import (
    KINDS,
    AccessItem,
    Classification,
    Confidence,
    Cross,
    Duty,
    Field,
    Force,
    Form,
    IncidentClass,
    Instrument,
    Pack,
    Section,
)
from comity.law.packs import crosswalk_faults, known_packs, load_folder, load_pack

__all__ = [
    "KINDS",
    "PLAIN",
    "AccessItem",
    "Act",
    "ActRefused",
    "Answer",
    "Calendar",
    "CalendarRefused",
    "Classification",
    "Clock",
    "Confidence",
    "Cross",
    "Deadline",
    "DeadlineRefused",
    "Duration",
    "Duty",
    "DutyUnknown",
    "Ended",
    "Estimate",
    "Extended",
    "Facts",
    "FactsRefused",
    "Fault",
    "Field",
    "Fixed",
    "Force",
    "Form",
    "IncidentClass",
    "Instrument",
    "LawError",
    "Limit",
    "Met",
    "Moment",
    "Noted",
    "Opened",
    "Pack",
    "PackRefused",
    "PackUnknown",
    "Reason",
    "Section",
    "Start",
    "State",
    "Stopped",
    "WentOn",
    "acts_of",
    "amount",
    "answer_members",
    "architecture",
    "classify",
    "clock_members",
    "crosswalk_faults",
    "due_within",
    "duty_members",
    "export",
    "hardware",
    "known_packs",
    "load_folder",
    "load_pack",
    "moment_text",
    "named_calendar",
    "pack_members",
    "parse_calendar",
    "parse_deadline",
    "parse_duration",
    "read_clocks",
    "said",
    "starts_of",
    "stated",
    "two_figures",
]

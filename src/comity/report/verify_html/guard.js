/* The provider's guard: what it counted, day by day, beside what the ledger holds; and the access that a report states. */

const GUARD_HEADER = "comity guard-counters/1";

/* Every day with calls or counters, in order. */
async function guardDays(history) {
  const sure = new Map(),
    unsure = new Map(),
    days = new Map(),
    latest = new Map();
  for (const [index, record] of history) {
    if (record.kind === "call.permitted") {
      const day = record.at.slice(0, 10);
      days.set(index, day);
      setDefault(unsure, day, new Set()).add(index);
    } else if (record.kind === "call.settled" && days.has(record.permit)) {
      const day = days.get(record.permit);
      days.delete(record.permit);
      if (record.outcome === "not-sent") {
        unsure.get(day).delete(record.permit);
      } else if (record.status > 0 && record.status < 400) {
        unsure.get(day).delete(record.permit);
        setDefault(sure, day, new Set()).add(record.permit);
      }
    } else if (record.kind === "guard.counted") {
      latest.set(record.day, record);
    }
  }
  const called = [...sure, ...unsure].filter(([, indexes]) => indexes.size).map(([day]) => day);
  const found = [];
  for (const day of [...new Set([...called, ...latest.keys()])].sort(byCodePoint)) {
    found.push(await guardDay(day, latest.get(day), sure.get(day) ?? new Set(), unsure.get(day) ?? new Set()));
  }
  return found;
}

async function guardDay(day, counters, sure, unsure) {
  const { passed, refused } = counters ?? { passed: 0, refused: 0 };
  let outcome = passed < sure.size ? "fewer" : "different";
  if (counters === undefined) outcome = "uncounted";
  else if ([await indexesDigest([...sure]), await indexesDigest([...sure, ...unsure])].includes(counters.indexes))
    outcome = "equal";
  else if (passed > sure.size + unsure.size) outcome = "more";
  return { day, outcome, passed, refused, sure: sure.size, open: unsure.size };
}

function indexesDigest(indexes) {
  return sha256Hex(
    utf8(
      indexes
        .sort((a, b) => a - b)
        .map((index) => `${index}\n`)
        .join(""),
    ),
  );
}

async function checkGuard(history, terms, origin) {
  const faults = new Faults("counters"),
    digests = new Set(),
    notes = new Map();
  let held = false;
  for (const [index, record] of history) {
    if (record.kind === "arrangement.signed") {
      digests.add(record.digest);
      held = record.digest === terms.digest;
    }
    if (record.kind !== "guard.counted") continue;
    if (notes.has(record.note)) {
      faults.add(entry(index), t`the same counters stand at entry ${notes.get(record.note)} already`);
    }
    setDefault(notes, record.note, index);
    if (held) await checkCounters(index, record, terms, origin, digests, faults);
  }
  const said = t`${counted(notes.size, "count")} of a day by the guard, each signed with its key`;
  return [faults.fact(said), await agreement(history, terms)];
}

async function checkCounters(index, record, terms, origin, digests, faults) {
  if (terms.guardKey === null) {
    faults.add(entry(index), t`counters of a guard, and the terms agree none (guard.by)`);
    return;
  }
  let opened;
  try {
    opened = await openNote(utf8(record.note), [terms.guardKey]);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    faults.add(entry(index), t`the guard's key did not sign it: ${error.said}`);
    return;
  }
  const lines = opened.text.replace(/\n$/, "").split("\n");
  const counts = [`passed ${record.passed}`, `refused ${record.refused}`];
  const expected = [GUARD_HEADER, origin, "", record.day, "", ...counts, "", record.indexes];
  if (lines.length !== expected.length || lines.some((line, place) => comparable(place, line) !== expected[place])) {
    faults.add(entry(index), t`the counters that were signed are not those of the entry`);
  } else if (!digests.has(lines[2])) {
    faults.add(entry(index), t`the counters name other terms than those of this ledger`);
  }
}

/* A line as the entry has it: without what it does not hold, and with refusals summed. */
function comparable(place, line) {
  if (place === 2 || place === 4 || place === 7) return "";
  if (place !== 6) return line;
  const numbers = line
    .replace(/^refused /, "")
    .split(" ")
    .map((part) => part.slice(part.lastIndexOf("=") + 1));
  if (!numbers.every((number) => /^[0-9]{1,15}$/.test(number))) return line;
  return `refused ${numbers.reduce((sum, number) => sum + Number(number), 0)}`;
}

async function agreement(history, terms) {
  const days = await guardDays(history);
  if (terms.guardBy === "none") {
    return fact(
      "guard",
      null,
      t`the terms agree no guard (guard.by): that no call went round the gateway is not excluded`,
    );
  }
  const wrong = days.filter((day) => day.outcome !== "equal");
  if (wrong.length || !days.length) {
    const told = wrong.length
      ? joined(
          wrong.slice(0, 3).map((day) => t`${day.day} ${guardWords(day)}`),
          "; ",
        )
      : t`no calls yet`;
    const more = wrong.length > 3 ? t`; and ${wrong.length - 3} more` : "";
    const agreed = t`guard and ledger agree on ${days.length - wrong.length} of ${counted(days.length, "day")}`;
    return fact("guard", null, t`${agreed}: ${told}${more}`);
  }
  const said = t`on ${counted(days.length, "day")}, every day with calls, the guard let through what the ledger holds`;
  return fact("guard", true, said);
}

function guardWords(day) {
  if (day.outcome === "uncounted") return t`no counters`;
  const held = day.open ? t`${day.sure} to ${day.sure + day.open}` : day.sure;
  return t`${GUARD_OUTCOMES[day.outcome]}, ${day.passed} passed the guard and the ledger holds ${held}`;
}

const GUARD_OUTCOMES = { equal: t`equal`, more: t`more`, fewer: t`fewer`, different: t`different` };

/* The member `access` of a report. */
async function stateAccess(history, terms, model) {
  const standstill = new Standstill(),
    suspensions = [];
  for (const [index, record] of history) {
    if (record.kind === "access.suspended") {
      standstill.suspend(index, record);
      suspensions.push({ by: record.by, cause: record.cause, clock: record.clock, from: record.at, until: "" });
    } else if (record.kind === "access.resumed") {
      standstill.resume(record);
      for (const each of suspensions) if (each.by === record.by && !each.until) each.until = record.at;
    }
  }
  const stood = history.length ? standstill.stood(history.at(-1)[1].at) : 0;
  const days = terms.guardBy === "none" ? [] : await guardDays(history);
  return {
    variant: terms.models.get(model)?.variant ?? "",
    guard_by: terms.guardBy,
    guard: days.map(({ day, outcome, passed, refused, sure, open }) =>
      outcome === "uncounted" ? { day, outcome, sure, open } : { day, outcome, sure, open, passed, refused },
    ),
    suspensions,
    stood_still_seconds: Math.floor(stood / 1000),
  };
}

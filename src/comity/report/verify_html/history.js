/* History: what the entries say, read in order, kind by kind.

   RECORDS, the members of every kind and their types, is written here by the program that assembles this page, out of
   the same classes that `comity verify` reads entries with. */

const MAX_TEXT = 16384;
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;
const TOLERANCE = 5000;

class UnknownKind extends Refused {}

/* Milliseconds of an instant in its one spelling, or null. */
function instantOf(text) {
  if (!INSTANT.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) || new Date(at).toISOString() !== text || text < "0001" ? null : at;
}

function parseInstant(text) {
  const at = instantOf(text);
  if (at === null) throw new Refused(t`expected a time such as 2026-11-23T21:00:00.123Z, got ${quoted(cut(text, 40))}`);
  return at;
}

const READERS = {
  text: (value, where) => {
    if (typeof value !== "string" || [...value].length > MAX_TEXT) {
      throw new Refused(t`${where}: expected a text of at most ${MAX_TEXT} characters`);
    }
  },
  count: (value, where) => {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new Refused(t`${where}: expected an integer from 0, got ${quoted(cut(told(value), 40))}`);
    }
  },
  flag: (value, where) => {
    if (typeof value !== "boolean")
      throw new Refused(t`${where}: expected true or false, got ${quoted(cut(told(value), 40))}`);
  },
  digest: (value, where) => matching(/^[0-9a-f]{64}$/, t`64 lower-case hex digits`, value, where),
  id: (value, where) => matching(/^[0-9a-f]{32}$/, t`32 lower-case hex digits`, value, where),
  instant: (value, where) => {
    READERS.text(value, where);
    if (instantOf(value) === null) {
      throw new Refused(t`${where}: expected a time such as 2026-11-23T21:00:00.123Z, got ${quoted(cut(value, 40))}`);
    }
  },
  amount: (value, where) => {
    if (!hasExactly(value, "input_tokens", "output_tokens", "cost_nano")) {
      throw new Refused(t`${where}: expected input_tokens, output_tokens and cost_nano`);
    }
    for (const name of Object.keys(value)) READERS.count(value[name], `${where}.${name}`);
  },
};

function matching(form, meaning, value, where) {
  if (typeof value !== "string" || !form.test(value)) {
    throw new Refused(t`${where}: expected ${meaning}, got ${quoted(cut(told(value), 40))}`);
  }
}

function checkType(type, value, where) {
  if (Array.isArray(type)) {
    if (!Array.isArray(value)) throw new Refused(t`${where}: expected a list, got ${kindOf(value)}`);
    value.forEach((each, n) => checkType(type[0], each, `${where}[${n}]`));
  } else {
    READERS[type](value, where);
  }
}

/* One entry: its members, `kind` among them; amounts hold long integers, because sums of them may be long. */
function parseRecord(data) {
  const members = parseCanonical(data);
  const { kind, v } = members;
  if (typeof kind !== "string" || !Number.isSafeInteger(v)) {
    throw new Refused(t`expected the members 'kind' (a string) and 'v' (an integer)`);
  }
  const name = `${kind} ${v}`;
  if (!Object.hasOwn(RECORDS, name)) {
    throw new UnknownKind(t`kind ${quoted(cut(kind, 60))} version ${v} is not known to this release`);
  }
  const types = RECORDS[name];
  delete members.v;
  for (const each of Object.keys(members)) {
    if (each !== "kind" && !Object.hasOwn(types, each)) {
      throw new Refused(t`${kind}: the member ${quoted(cut(each, 40))} is not part of version ${v}`);
    }
  }
  for (const each of Object.keys(types)) {
    if (!(each in members)) throw new Refused(t`${kind}: the member ${quoted(each)} is missing`);
    checkType(types[each], members[each], `${kind}: ${each}`);
    if (types[each] === "amount") members[each] = amount(members[each]);
  }
  return members;
}

function amount(value) {
  return {
    input_tokens: BigInt(value.input_tokens),
    output_tokens: BigInt(value.output_tokens),
    cost_nano: BigInt(value.cost_nano),
  };
}

/* The records with their places, and the facts about their form. */
function readEntries(entries) {
  const faults = new Faults("kinds"),
    unknown = [],
    history = [],
    kinds = new Map();
  entries.forEach((data, index) => {
    try {
      const record = parseRecord(data);
      history.push([index, record]);
      kinds.set(record.kind, (kinds.get(record.kind) ?? 0) + 1);
    } catch (error) {
      if (error instanceof UnknownKind) unknown.push(t`entry ${index}: ${error.said}`);
      else if (error instanceof Refused) faults.add(entry(index), error.said);
      else throw error;
    }
  });
  const said =
    [...kinds.keys()]
      .sort()
      .map((kind) => `${kinds.get(kind)} ${kind}`)
      .join(", ") || t`none`;
  const facts = [faults.fact(t`every entry is canonical and keeps the form of its kind: ${said}`)];
  if (unknown.length) {
    const first = joined(unknown.slice(0, 3), "; "),
      rest = unknown.length - 3;
    const more = rest > 0 ? t`${first}; and ${rest} more` : first;
    facts.push(
      fact("unknown kinds", null, t`${more}. What they say is not judged here; a newer release may know them`),
    );
  }
  return { history, facts };
}

function checkTimes(history) {
  const faults = new Faults("times");
  if (!history.length) return fact("times", null, t`no entry states a time`);
  let latest = null;
  for (const [index, record] of history) {
    const at = parseInstant(record.at);
    if (latest !== null && at < latest - TOLERANCE) {
      faults.add(entry(index), t`its time ${record.at} lies ${span(latest - at)} before an earlier entry's`);
    }
    latest = latest === null ? at : Math.max(latest, at);
  }
  const first = history[0][1].at,
    last = history.at(-1)[1].at;
  return faults.fact(t`from ${first} to ${last}, never back by more than ${counted(TOLERANCE / 1000, "second")}`);
}

/* A length of time, `1 day, 2:03:04`. */
function span(millis) {
  const seconds = Math.floor(millis / 1000),
    rest = millis % 1000;
  const days = Math.floor(seconds / 86400),
    two = (number) => String(number).padStart(2, "0");
  const clock = `${Math.floor((seconds % 86400) / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  const exact = rest ? `${clock}.${String(rest).padStart(3, "0")}000` : clock;
  return days ? t`${counted(days, "day")}, ${exact}` : exact;
}

/* The clock of an arrangement: wall time less the time for which it stood still. */
class Standstill {
  constructor() {
    this.suspended = new Map();
    this.total = 0;
    this.holding = new Set();
    this.since = null;
  }

  suspend(index, record) {
    setDefault(this.suspended, record.by, index);
    if (record.clock === "stops") {
      this.holding.add(record.by);
      this.since ??= parseInstant(record.at);
    }
  }

  resume(record) {
    this.holding.delete(record.by);
    if (this.since !== null && !this.holding.size) {
      this.total = this.stood(record.at);
      this.since = null;
    }
    return this.suspended.delete(record.by);
  }

  stood(at) {
    return this.total + (this.since === null ? 0 : Math.max(0, parseInstant(at) - this.since));
  }

  clock(at) {
    return parseInstant(at) - this.stood(at);
  }
}

/* The signed terms: the clauses that entries can be held against, and who signed. */

const ROLES = ["authority", "provider"];
const ROLE_WORDS = { authority: t`authority`, provider: t`provider` };
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MAX_OFFER = 600000;
const NANO = 1000000000n;
const FIGURES = ["calls", "input_tokens", "output_tokens", "cost"];

/* Reads an offer envelope (comity offer/1); its signatures are not checked here. */
async function readOffer(data) {
  let envelope;
  try {
    envelope = parseCanonical(data.at(-1) === 10 ? data.subarray(0, -1) : data, MAX_OFFER);
  } catch (error) {
    throw new Refused(t`the file is no offer (comity offer/1): ${error.said}`);
  }
  const { terms, note, format } = envelope;
  if (format !== "comity offer/1" || typeof terms !== "string" || typeof note !== "string") {
    throw new Refused(t`the file is no offer: expected the members format (comity offer/1), terms and note`);
  }
  try {
    return await termsView(parseCanonical(utf8(terms), MAX_OFFER), utf8(terms), utf8(note));
  } catch (error) {
    if (error instanceof Refused) throw new Refused(t`the terms in the file cannot be read: ${error.said}`);
    throw error;
  }
}

async function termsView(terms, bytes, note) {
  const of = (name, ...inside) => inside.reduce(need, need(terms, name));
  if (of("terms") !== "arrangement/1") throw new Refused(t`terms of the format ${quoted(terms.terms, 40)}`);
  const by = asText(of("guard", "by"));
  if (by !== "none" && by !== "provider") throw new Refused(t`a guard by ${quoted(by, 40)}; expected none or provider`);
  return {
    id: asText(of("id")),
    version: asCount(of("version")),
    digest: await sha256Hex(bytes),
    previous: asText(of("previous") ?? ""),
    origin: asText(of("ledger", "origin")),
    policy: await parsePolicy(asText(of("ledger", "policy"))),
    keys: {
      authority: await parseVkey(asText(of("parties", "authority", "key"))),
      provider: await parseVkey(asText(of("parties", "provider", "key"))),
    },
    note,
    begins: instantOfTerms(of("window", "from")),
    until: instantOfTerms(of("window", "until")),
    hours: {
      days: new Set(asList(of("window", "hours", "days")).map(weekday)),
      begins: minutes(of("window", "hours", "from")),
      until: minutes(of("window", "hours", "until")),
    },
    people: new Set(
      asList(of("people"))
        .filter((each) => need(each, "eligible") === true)
        .map((each) => asText(need(each, "id"))),
    ),
    models: new Map(asList(of("models")).map((each) => [asText(need(each, "name")), modelClause(each)])),
    features: new Set(asList(of("features")).map(asText)),
    budget: bounds(of("budget")),
    currency: asText(of("budget", "currency")),
    perDay: bounds(of("budget", "per_day")),
    rerunReserve: percent(of("budget", "rerun_reserve")),
    concurrency: asCount(of("rate", "concurrency")),
    stopBy: roles(of("stop", "by")),
    suspensionBy: roles(of("suspension", "by")),
    clockStops: new Set(asList(of("suspension", "clock_stops")).map(asText)),
    exitBy: roles(of("exit", "by")),
    exitNoticeDays: asCount(of("exit", "notice_days")),
    exitStatement: asText(of("exit", "statement")),
    tag: asText(of("safe_harbour", "tag")),
    guardBy: by,
    guardKey: by === "provider" ? await parseVkey(asText(of("guard", "key"))) : null,
    blindness: asText(of("content", "blindness")),
  };
}

function weekday(name) {
  if (!DAYS.includes(name)) throw new Refused(t`${quoted(name, 40)} is no day of the week`);
  return DAYS.indexOf(name);
}

function minutes(value) {
  const text = asText(value);
  if (!/^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/.test(text))
    throw new Refused(t`${quoted(text, 40)} is no time of day`);
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}

function instantOfTerms(value) {
  const text = asText(value);
  const form = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$/;
  const at = form.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) throw new Refused(t`${quoted(text, 40)} is no time with its zone`);
  return at;
}

function percent(value) {
  if (asCount(value) > 100) throw new Refused(t`${value} is no percentage`);
  return BigInt(value);
}

function roles(value) {
  const found = asList(value).map(asText);
  if (!found.every((each) => ROLES.includes(each)))
    throw new Refused(t`expected authority or provider in ${told(found)}`);
  return new Set(found);
}

/* Billionths of a decimal. */
function nano(decimal) {
  const found = /^([0-9]*)(?:\.([0-9]{0,9}))?$/.exec(asText(decimal));
  if (found === null || !(found[1] + (found[2] ?? ""))) throw new Refused(t`${quoted(decimal, 40)} is no decimal`);
  return BigInt(found[1] || 0) * NANO + BigInt((found[2] ?? "").padEnd(9, "0"));
}

function micros(value) {
  const found = nano(value);
  if (found % 1000n) throw new Refused(t`${quoted(value, 40)} is finer than a millionth`);
  return found / 1000n;
}

function bounds(figures) {
  const count = (name) => BigInt(asCount(need(figures, name)));
  return {
    calls: count("calls"),
    input_tokens: count("input_tokens"),
    output_tokens: count("output_tokens"),
    cost: nano(need(figures, "cost")),
  };
}

/* What is left of each figure when so many percent of it, rounded down, are kept. */
function less(figures, share) {
  return Object.fromEntries(FIGURES.map((name) => [name, figures[name] - (figures[name] * share) / 100n]));
}

function modelClause(model) {
  const price = (name) => micros(need(need(model, "prices"), name));
  return {
    variant: asText(need(model, "variant")),
    serves: new Set(asList(need(model, "serves")).map(asText)),
    refuseMismatch: need(model, "on_mismatch") === "refuse",
    refuseUnstated: need(model, "unstated") === "refuse",
    protocols: new Set(asList(need(model, "protocols")).map(asText)),
    prices: {
      input: price("input"),
      cachedRead: price("cached_read"),
      cacheWrite: price("cache_write"),
      output: price("output"),
    },
  };
}

function roundedUp(amount) {
  return (amount + 999n) / 1000n;
}

/* What a reservation of these tokens costs: every token of input at the dearest price of input. */
function mostNano({ input, cachedRead, cacheWrite, output }, tokens) {
  const dearest = [input, cachedRead, cacheWrite].reduce((most, each) => (each > most ? each : most));
  return roundedUp(dearest * tokens.input_tokens + output * tokens.output_tokens);
}

function costNano({ input, cachedRead, cacheWrite, output }, tokens, read, written) {
  const uncached = tokens.input_tokens - read - written;
  const cached = cachedRead * read + cacheWrite * written;
  return roundedUp(input * (uncached > 0n ? uncached : 0n) + cached + output * tokens.output_tokens);
}

function money(nanos) {
  const whole = nanos / NANO,
    fraction = String(nanos % NANO)
      .padStart(9, "0")
      .replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : String(whole);
}

/* The roles whose party keys signed a note over exactly these terms. */
async function signersOf(terms, note) {
  const opened = await openNote(note, Object.values(terms.keys));
  const expected = `comity arrangement/1\n${terms.id}\n${terms.version}\n${terms.digest}\n${terms.previous || "-"}\n`;
  if (opened.text !== expected) {
    const over = cut(opened.text.split("\n").slice(1, 4).join(" "), 120);
    throw new Refused(t`the note is over ${over}, not over these terms`);
  }
  const signed = new Set(opened.verified.map(({ key }) => key.vkey));
  return ROLES.filter((role) => signed.has(terms.keys[role].vkey));
}

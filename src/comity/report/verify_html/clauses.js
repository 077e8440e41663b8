/* Clauses: whether the permits and answers in a ledger keep the terms. */

const CLAUSE_FACTS = ["budget", "days", "reruns", "concurrency", "permits", "clock", "prices", "models"];

/* One sum that is held to one set of bounds; `excess` is by how much settlements exceeded their reservations. */
class Spend {
  constructor() {
    this.taken = { calls: 0n, input_tokens: 0n, output_tokens: 0n, cost: 0n };
    this.excess = { calls: 0n, input_tokens: 0n, output_tokens: 0n, cost: 0n };
  }

  reserve(reserved) {
    this.taken.calls += 1n;
    for (const [name, figure] of figures(reserved)) this.taken[name] += figure;
  }

  settle(reserved, charged) {
    const before = new Map(figures(reserved));
    for (const [name, figure] of figures(charged)) {
      const over = figure - before.get(name);
      this.taken[name] += over;
      if (over > 0n) this.excess[name] += over;
    }
  }

  beyond(bounds) {
    return FIGURES.filter((name) => this.taken[name] > bounds[name] + this.excess[name]);
  }
}

function figures(amount) {
  return [
    ["input_tokens", amount.input_tokens],
    ["output_tokens", amount.output_tokens],
    ["cost", amount.cost_nano],
  ];
}

class ClauseReading {
  constructor(terms) {
    this.terms = terms;
    this.faults = Object.fromEntries(CLAUSE_FACTS.map((name) => [name, new Faults(name)]));
    this.whole = new Spend();
    this.first = new Spend();
    this.days = new Map();
    this.plans = new Set();
    this.repeats = new Map();
    this.standstill = new Standstill();
    this.open = new Map();
    this.heldPermits = new Set();
    this.metered = new Map();
    this.served = { agreed: 0, unstated: 0, mismatch: 0, none: 0 };
    this.suspensions = this.mostOpen = 0;
    this.exits = "";
    this.closed = -1;
    this.held = false;
  }

  add(name, index, said) {
    this.faults[name].add(entry(index), said);
  }

  sums(permit) {
    const day = setDefault(this.days, permit.at.slice(0, 10), new Spend());
    return this.repeats.get(permit.run) ? [this.whole, day] : [this.whole, day, this.first];
  }

  read(index, record) {
    switch (record.kind) {
      case "arrangement.signed":
        this.held = record.digest === this.terms.digest;
        break;
      case "access.exited":
        this.exits = [this.exits, record.effective].filter((each) => each).sort(byCodePoint)[0] ?? "";
        break;
      case "access.closed":
        this.closed = index;
        break;
      case "run.begun":
        setDefault(this.repeats, record.run, this.plans.has(record.plan));
        this.plans.add(record.plan);
        break;
      case "access.suspended":
        this.suspensions++;
        this.standstill.suspend(index, record);
        if (this.held) this.checkClock(index, record);
        break;
      case "access.resumed":
        this.standstill.resume(record);
        break;
      case "call.permitted":
        this.permit(index, record);
        break;
      case "call.metered":
        setDefault(this.metered, record.permit, record);
        break;
      case "call.settled":
      case "call.abandoned":
        if (this.open.has(record.permit)) this.end(index, record);
        break;
    }
  }

  permit(index, record) {
    const { terms } = this;
    this.open.set(index, record);
    this.mostOpen = Math.max(this.mostOpen, this.open.size);
    for (const sum of this.sums(record)) sum.reserve(record.reserved);
    if (this.exits && record.at >= this.exits) {
      this.add("permits", index, t`permitted at ${record.at}, and an exit ended access at ${this.exits}`);
    }
    if (this.closed >= 0) this.add("permits", index, t`permitted after access was closed at entry ${this.closed}`);
    if (!this.held) return;
    this.heldPermits.add(index);
    this.hold(index, record);
    this.checkPermit(index, record);
    const model = terms.models.get(record.model);
    const cost = model === undefined ? null : mostNano(model.prices, record.reserved);
    if (cost !== null && record.reserved.cost_nano !== cost) {
      const reserved = money(record.reserved.cost_nano);
      this.add("prices", index, t`${reserved} reserved; its tokens cost at most ${money(cost)}`);
    }
    if (this.open.size > terms.concurrency) {
      this.add("concurrency", index, t`${this.open.size} calls open, ${terms.concurrency} agreed`);
    }
  }

  end(index, record) {
    const permit = this.open.get(record.permit);
    this.open.delete(record.permit);
    for (const sum of this.sums(permit)) sum.settle(permit.reserved, record.charged);
    const settled = record.kind === "call.settled";
    if (settled && Object.hasOwn(this.served, record.served_check)) this.served[record.served_check]++;
    if (!this.heldPermits.has(record.permit)) return;
    this.hold(index, permit);
    if (!settled) return;
    this.checkAnswer(index, permit, record);
    this.checkCharge(index, permit, record, this.metered.get(record.permit));
  }

  /* Compares the sums that one call changed with their bounds. */
  hold(index, permit) {
    const { terms } = this,
      day = permit.at.slice(0, 10),
      left = less(terms.budget, terms.rerunReserve);
    for (const name of this.whole.beyond(terms.budget)) {
      const taken = this.whole.taken[name];
      this.add("budget", index, t`${taken} settled or reserved; budget.${name} allows ${terms.budget[name]}`);
    }
    for (const name of this.days.get(day).beyond(terms.perDay)) {
      const taken = this.days.get(day).taken[name];
      this.add(
        "days",
        index,
        t`${taken} settled or reserved on ${day}; budget.per_day.${name} allows ${terms.perDay[name]}`,
      );
    }
    for (const name of this.first.beyond(left)) {
      const said = t`${this.first.taken[name]} settled or reserved by calls of no repeated run`;
      this.add("reruns", index, t`${said}; budget.rerun_reserve leaves them ${left[name]} of budget.${name}`);
    }
  }

  checkClock(index, record) {
    const agreed = this.terms.clockStops.has(record.cause) ? "stops" : "runs";
    if (record.clock === agreed) return;
    const said = t`suspended for ${record.cause}: the clock ${agreed} by suspension.clock_stops`;
    this.add("clock", index, t`${said}; the entry says that it ${cut(record.clock, 40)}`);
  }

  checkPermit(index, permit) {
    const { terms, standstill } = this,
      at = parseInstant(permit.at),
      wrong = (said) => this.add("permits", index, said);
    const minute = new Date(at).getUTCHours() * 60 + new Date(at).getUTCMinutes();
    const weekday = (new Date(at).getUTCDay() + 6) % 7,
      { hours } = terms;
    if (at < terms.begins || standstill.clock(permit.at) >= terms.until) {
      const stood = standstill.stood(permit.at);
      const less = stood ? t` (by a clock that stood still for ${span(stood)})` : "";
      wrong(t`permitted at ${permit.at}, outside the window${less}`);
    } else if (!hours.days.has(weekday) || minute < hours.begins || minute >= hours.until) {
      wrong(t`permitted at ${permit.at}, outside the hours of the window`);
    }
    if (!terms.people.has(permit.person)) wrong(t`permitted to ${permit.person}, who is not among the eligible people`);
    const model = terms.models.get(permit.model);
    if (model === undefined) wrong(t`permitted for ${quoted(permit.model)}, which the terms do not list`);
    else if (!model.protocols.has(permit.protocol)) {
      wrong(t`permitted over ${quoted(permit.protocol)}, which is not agreed for ${permit.model}`);
    }
    for (const feature of permit.features) {
      if (!terms.features.has(feature)) wrong(t`permitted with ${quoted(feature)}, which the terms do not allow`);
    }
  }

  /* Whether a charge is what its tokens cost, or what its usage says that it is. */
  checkCharge(index, permit, settled, metered) {
    const model = this.terms.models.get(permit.model),
      { charged } = settled;
    if (model === undefined) return;
    let cost = 0n;
    if (settled.usage === "nothing") {
      if (AMOUNTS.some((name) => charged[name] !== 0n)) {
        this.add("prices", index, t`charged although nothing was to be paid`);
        return;
      }
    } else if (settled.usage === "stated") {
      cost = costNano(model.prices, charged, BigInt(metered?.cached_read ?? 0), BigInt(metered?.cache_write ?? 0));
    } else {
      cost = mostNano(model.prices, charged);
      const { input_tokens, output_tokens } = permit.reserved;
      if (charged.input_tokens < input_tokens || charged.output_tokens < output_tokens) {
        this.add("prices", index, t`no usage was stated, and less is charged than was reserved`);
        return;
      }
    }
    if (charged.cost_nano !== cost) {
      const said = t`${money(charged.cost_nano)} charged; its tokens cost ${money(cost)} at the prices agreed`;
      this.add("prices", index, said);
    }
  }

  checkAnswer(index, permit, settled) {
    const model = this.terms.models.get(permit.model);
    if (model === undefined || settled.served_check === "none") return;
    const agreed = !settled.served ? "unstated" : model.serves.has(settled.served) ? "agreed" : "mismatch";
    if (settled.served_check !== agreed) {
      const said = t`the answer names ${quoted(settled.served)}, which is ${agreed}`;
      this.add("models", index, t`${said}; the entry says ${settled.served_check}`);
    }
    const refused = (agreed === "mismatch" && model.refuseMismatch) || (agreed === "unstated" && model.refuseUnstated);
    if (refused && settled.outcome === "answered") {
      this.add("models", index, t`an answer that is ${agreed} was handed on, and the terms say to withhold it`);
    }
  }

  facts() {
    const { faults, terms, served } = this,
      { budget } = terms,
      { taken } = this.whole;
    const left = less(budget, terms.rerunReserve);
    let busiest = ["any day", 0n];
    for (const [day, sum] of this.days) if (sum.taken.calls > busiest[1]) busiest = [day, sum.taken.calls];
    const calls = t`${taken.calls} of ${budget.calls} calls`;
    const tokens = t`${taken.input_tokens} of ${budget.input_tokens} input tokens, ${taken.output_tokens} of ${budget.output_tokens} output tokens`;
    const cost = t`${money(taken.cost)} of ${money(budget.cost)}`;
    const most = t`${busiest[0]}: ${busiest[1]} of ${terms.perDay.calls}`;
    const permits = counted(Number(taken.calls), "permit"),
      none = served.none;
    return [
      faults.budget.fact(t`${calls}, ${tokens}, ${cost} settled or reserved; within the clauses at every entry`),
      faults.days.fact(
        t`calls on ${counted(this.days.size, "day")}, each within the budget of a day; the most on ${most}`,
      ),
      faults.reruns.fact(
        t`${terms.rerunReserve} percent kept for repeated runs; other calls: ${this.first.taken.calls} of ${left.calls}`,
      ),
      faults.concurrency.fact(t`at most ${counted(this.mostOpen, "call")} open at once, ${terms.concurrency} agreed`),
      faults.permits.fact(t`${permits} within window, hours, people, models, protocols and features`),
      faults.clock.fact(
        t`${counted(this.suspensions, "suspension")}, the clock stopped or not as the terms say of its cause`,
      ),
      faults.prices.fact(t`every reservation and every charge is what its tokens cost at the prices agreed`),
      faults.models.fact(
        t`answers that name a model agreed: ${served.agreed}; that name none: ${served.unstated}; that name another, and are marked so: ${served.mismatch}; calls without an answer: ${none}`,
      ),
    ];
  }
}

function checkClauses(history, terms) {
  const reading = new ClauseReading(terms);
  for (const [index, record] of history) reading.read(index, record);
  return reading.facts();
}

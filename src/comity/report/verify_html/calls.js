/* Calls: every permit, what became of it, and whether the ledger keeps its own rules. */

const OVERRUN_CLAUSES = {
  input_tokens: "budget.input_tokens",
  output_tokens: "budget.output_tokens",
  cost_nano: "budget.cost",
};
const AMOUNTS = ["input_tokens", "output_tokens", "cost_nano"];

function sameAmount(a, b) {
  return AMOUNTS.every((name) => a[name] === b[name]);
}

class Replay {
  constructor() {
    this.calls = new Map();
    this.faults = {};
    for (const name of ["calls", "grants", "gateways", "overruns", "stops", "suspensions", "disclosures"]) {
      this.faults[name] = new Faults(name);
    }
    this.refused = this.stops = this.suspensions = this.resumptions = this.overruns = this.disclosed = 0;
    this.grants = new Map();
    this.revoked = new Map();
    this.running = new Set();
    this.known = new Set();
    this.stopped = new Map();
    this.closed = new Map();
    this.standstill = new Standstill();
    this.due = null;
  }

  wrong(name, index, said) {
    this.faults[name].add(entry(index), said);
  }

  read(index, record) {
    if (this.due !== null && record.kind !== "call.overran") this.missingOverrun();
    const rule = REPLAYED[record.kind];
    if (rule !== undefined) rule(this, index, record);
  }

  missingOverrun() {
    const call = this.due;
    this.due = null;
    if (call === null || call.ended === null) return;
    const what = call.overrunDue.join(", ");
    this.wrong(
      "overruns",
      call.ended,
      t`call ${call.index} exceeds its reservation (${what}) and no call.overran follows`,
    );
    for (const clause of call.overrunDue) setDefault(this.closed, clause, call.ended);
  }

  /* The open call that an entry ends, or null with the fault noted. */
  ending(index, permit) {
    const call = this.calls.get(permit);
    if (call === undefined) {
      this.wrong("calls", index, t`it ends call ${permit}, and no earlier entry permits that call`);
      return null;
    }
    if (call.ended !== null) {
      this.wrong("calls", index, t`it ends call ${permit}, which ended at entry ${call.ended} already`);
      return null;
    }
    call.ended = index;
    return call;
  }
}

const REPLAYED = {
  __proto__: null,
  "grant.issued": (replay, index, record) => {
    if (setDefault(replay.grants, record.grant, record) !== record) {
      replay.wrong("grants", index, t`the grant ${record.grant} was issued before`);
    }
  },
  "grant.revoked": (replay, index, record) => {
    if (!replay.grants.has(record.grant)) {
      replay.wrong("grants", index, t`it revokes the grant ${record.grant}, which was never issued`);
    }
    setDefault(replay.revoked, record.grant, index);
  },
  "gateway.started": (replay, index, record) => {
    if (replay.known.has(record.incarnation)) {
      replay.wrong("gateways", index, t`the gateway ${record.incarnation} started before`);
    }
    replay.known.add(record.incarnation);
    replay.running.add(record.incarnation);
  },
  "gateway.ended": endGateway,
  "access.stopped": (replay, index, record) => {
    replay.stops++;
    setDefault(replay.stopped, record.by, index);
  },
  "access.suspended": (replay, index, record) => {
    replay.suspensions++;
    replay.standstill.suspend(index, record);
    if (record.clock !== "stops" && record.clock !== "runs") {
      replay.wrong("suspensions", index, t`its clock ${quoted(record.clock, 40)}; expected stops or runs`);
    }
  },
  "access.resumed": (replay, index, record) => {
    replay.resumptions++;
    const suspended = replay.standstill.resume(record),
      stopped = replay.stopped.delete(record.by);
    if (!suspended && !stopped) {
      replay.wrong("stops", index, t`the ${record.by} resumes what it had neither stopped nor suspended`);
    }
  },
  "call.permitted": permitCall,
  "call.metered": (replay, index, record) => {
    const call = replay.calls.get(record.permit);
    if (call === undefined || call.ended !== null || call.metered !== null) {
      replay.wrong(
        "calls",
        index,
        t`it counts tokens of call ${record.permit}, which is none, ended or counted before`,
      );
      return;
    }
    call.metered = record;
  },
  "call.settled": settleCall,
  "call.abandoned": (replay, index, record) => {
    const call = replay.ending(index, record.permit);
    if (call === null) return;
    if (!sameAmount(record.charged, call.permit.reserved)) {
      replay.wrong("calls", index, t`call ${record.permit} was abandoned, but not charged at its reservation`);
    }
    if (record.incarnation !== call.permit.incarnation) {
      replay.wrong("gateways", index, t`another gateway permitted call ${record.permit}`);
    }
    replay.running.delete(record.incarnation);
  },
  "call.overran": overrunCall,
  "call.refused": (replay) => {
    replay.refused++;
  },
  "calls.refused": (replay, index, record) => {
    replay.refused += record.count;
  },
  "content.disclosed": (replay, index, record) => {
    replay.disclosed++;
    if (!replay.calls.has(record.permit) || !["request", "answer"].includes(record.part)) {
      replay.wrong("disclosures", index, t`it names the ${record.part} of call ${record.permit}, which is none`);
    }
  },
};

function permitCall(replay, index, record) {
  const call = { index, permit: record, ended: null, settled: null, metered: null, overrunDue: [] };
  replay.calls.set(index, call);
  const grant = replay.grants.get(record.grant);
  const expires = grant === undefined ? null : instantOf(grant.expires);
  if (grant === undefined) {
    replay.wrong("grants", index, t`permitted under the grant ${record.grant}, which was never issued`);
  } else if (grant.person !== record.person) {
    replay.wrong("grants", index, t`permitted to ${record.person}; the grant is ${grant.person}'s`);
  } else if (replay.revoked.has(record.grant)) {
    replay.wrong(
      "grants",
      index,
      t`permitted after the grant was revoked at entry ${replay.revoked.get(record.grant)}`,
    );
  } else if (expires === null || replay.standstill.clock(record.at) >= expires) {
    replay.wrong("grants", index, t`permitted at ${record.at}; the grant expired at ${grant.expires}`);
  }
  if (!replay.running.has(record.incarnation)) {
    const known = replay.known.has(record.incarnation) ? t`had ended` : t`never started`;
    replay.wrong("gateways", index, t`permitted by the gateway ${record.incarnation}, which ${known}`);
  }
  for (const [by, at] of replay.stopped) {
    replay.wrong("stops", index, t`permitted although the ${by} had stopped the access at entry ${at}`);
  }
  for (const [by, at] of replay.standstill.suspended) {
    replay.wrong("suspensions", index, t`permitted although the ${by} had suspended the access at entry ${at}`);
  }
  for (const [clause, at] of replay.closed) {
    replay.wrong("overruns", index, t`permitted although ${clause} was exceeded at entry ${at}`);
  }
}

function settleCall(replay, index, record) {
  const call = replay.ending(index, record.permit);
  if (call === null) return;
  call.settled = record;
  const { metered } = call;
  if (metered !== null && record.usage === "stated") {
    const { input_tokens, output_tokens } = record.charged;
    if (BigInt(metered.input_tokens) !== input_tokens || BigInt(metered.output_tokens) !== output_tokens) {
      replay.wrong("calls", index, t`call ${record.permit} is charged for other tokens than were counted before`);
    }
    if (metered.cached_read + metered.cache_write > metered.input_tokens) {
      replay.wrong("calls", index, t`call ${record.permit}: more tokens in a cache than were sent`);
    }
  }
  const over = AMOUNTS.filter((name) => record.charged[name] > call.permit.reserved[name]);
  if (over.length) {
    call.overrunDue = over.map((name) => OVERRUN_CLAUSES[name]);
    replay.due = call;
  }
}

function endGateway(replay, index, record) {
  if (!replay.known.has(record.incarnation)) {
    replay.wrong("gateways", index, t`the gateway ${record.incarnation} ends and never started`);
  }
  replay.running.delete(record.incarnation);
  for (const call of replay.calls.values()) {
    if (call.ended === null && call.permit.incarnation === record.incarnation) {
      replay.wrong("gateways", index, t`the gateway ended in order with call ${call.index} open`);
      break;
    }
  }
}

function overrunCall(replay, index, record) {
  replay.overruns++;
  const call = replay.due;
  replay.due = null;
  if (call === null || call.index !== record.permit) {
    if (call !== null) {
      replay.due = call;
      replay.missingOverrun();
    }
    replay.wrong("overruns", index, t`call ${record.permit} was not settled beyond its reservation just before`);
    return;
  }
  if (!sameAmount(record.charged, call.settled.charged) || !sameAmount(record.reserved, call.permit.reserved)) {
    replay.wrong("overruns", index, t`its amounts are not those of call ${record.permit}`);
  }
  const named = [...new Set(record.clauses)].sort().join(),
    due = [...call.overrunDue].sort().join();
  if (named !== due) {
    const exceeded = call.overrunDue.join(", ");
    replay.wrong("overruns", index, t`exceeded were ${exceeded}; it names ${record.clauses.join(", ")}`);
  }
  for (const clause of call.overrunDue) setDefault(replay.closed, clause, index);
}

function callFacts(history) {
  const replay = new Replay();
  for (const [index, record] of history) replay.read(index, record);
  if (replay.due !== null) replay.missingOverrun();
  const calls = [...replay.calls.values()],
    { faults } = replay;
  const abandoned = calls.filter((call) => call.ended !== null && call.settled === null).length;
  const open = calls.filter((call) => call.ended === null).length;
  const settled = calls.length - abandoned - open;
  const ends = t`${settled} settled, ${abandoned} abandoned, ${open} open; each ended once at most`;
  const stops = t`${counted(replay.stops, "stop")}, ${counted(replay.resumptions, "resumption")}`;
  const still = span(replay.standstill.total - (replay.standstill.total % 1000));
  const suspended = t`${counted(replay.suspensions, "suspension")}; no call was permitted in one`;
  return [
    faults.calls.fact(t`${calls.length} permitted: ${ends}; ${replay.refused} refused`),
    faults.grants.fact(t`${counted(replay.grants.size, "grant")} issued; every permit stands under one in force`),
    faults.gateways.fact(
      t`${counted(replay.known.size, "gateway process", "gateway processes")}; every permit names one that was running`,
    ),
    faults.overruns.fact(t`${counted(replay.overruns, "overrun")}, one for each settlement beyond its reservation`),
    faults.stops.fact(t`${stops}; no call was permitted in between`),
    faults.suspensions.fact(t`${suspended}; the clock of window and grants stood still for ${still}`),
    faults.disclosures.fact(t`${counted(replay.disclosed, "disclosure")} recorded, each of a call in this ledger`),
  ];
}

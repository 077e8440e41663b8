/* The result as a reader sees it: the verdict first, then the number, the runs, the rungs, what was not checked, a
   sentence to quote, and the facts and digests folded. */

const MARKS = { true: "✓", false: "✗", null: "·" };
const CLASSES = { true: "yes", false: "no", null: "open" };
const FACT_STATES = { true: "factYes", false: "factNo", null: "factUnknown" };
const MOST_FAILING = 4;
const RUNG_STATES = { true: "stateYes", false: "stateNo", null: "stateUnknown" };

function reachedWord(reached, language) {
  if (!reached.length) return word("reachedNone", language);
  const last = reached.at(-1),
    first = reached.slice(0, -1).join(", ");
  const listed = first ? `${first}${word("and", language)}${last}` : `${last}`;
  return word(reached.length === 1 ? "reachedOne" : "reachedMany", language, listed);
}

/* The verdict's sentence, which is also what a screen reader is told. */
function verdictBox(found, language) {
  const { facts, reached, stands } = found,
    failing = facts.filter(({ holds }) => holds === false);
  const title = !stands
    ? reached?.includes(1)
      ? "part"
      : "bad"
    : reached === undefined
      ? "holds"
      : reached.length
        ? "good"
        : "open";
  const number = (holds) => facts.filter((each) => each.holds === holds).length;
  const kind = stands && title !== "open" ? "verdict good" : title === "open" ? "verdict" : "verdict bad";
  const box = element("div", { class: kind }, element("h2", {}, word(title, language)));
  if (failing.length) {
    const rest = failing.length - MOST_FAILING,
      more = rest > 0 ? element("li", {}, word("failingMore", language, rest)) : null;
    box.append(
      element("p", {}, word("failing", language, failing.length, facts.length)),
      element(
        "ul",
        { class: "failing" },
        failing.slice(0, MOST_FAILING).map((each) => failingItem(each, language)),
        more,
      ),
    );
  } else {
    box.append(element("p", {}, word("standing", language, number(true), number(null))));
  }
  if (reached !== undefined) box.append(element("p", {}, reachedWord(reached, language)));
  return box;
}

/* One thing that fails: what it is about in plain words, where, and what is wrong, long digests shortened. */
function failingItem({ name, where, detail }, language) {
  const place = spoken(where, language),
    said = spoken(detail, language).replace(/\b([0-9a-f]{10})[0-9a-f]{22,}\b/g, "$1…");
  return element(
    "li",
    {},
    element("span", { class: "said" }, "✗ ", factWord(name, language)),
    element("br"),
    place && element("code", {}, place),
    place && ": ",
    foreign(cut(said, 400)),
  );
}

function factWord(name, language) {
  return FACT_WORDS[name]?.[LANGUAGES.indexOf(language)] ?? name;
}

/* Everything below the verdict, of a bundle. */
function bundleSections(found, language) {
  const { seen } = found,
    fell = found.facts.some(({ name }) => name === "keys");
  return [
    fell && factNamed(found, "keys").holds === null && element("p", { class: "caution" }, word("ownKeys", language)),
    seen.found && numberSection(found, language),
    seen.found && runsSection(seen, language),
    rungsSection(found, language),
    notCheckedSection(found, language),
    seen.found && quoteSection(found, language),
    factsSection(found, language),
  ];
}

function factNamed(found, name) {
  const named = found.facts.filter((each) => each.name === name);
  return named.find(({ holds }) => holds === false) ?? named[0];
}

function section(id, title, ...content) {
  return element("section", { "aria-labelledby": id }, element("h2", { id }, title), content);
}

function numberSection({ seen, reached, facts }, language) {
  const say = (key, ...parts) => word(key, language, ...parts),
    { found } = seen;
  const percent = (decimal) => percentWord(percentReading(decimal), language);
  const follows = reached.includes(1),
    content = [aboutList({ ...seen, facts }, language)];
  if (!follows) content.push(element("p", { class: "caution" }, say("doNotQuote")));
  const [first] = found.estimates;
  if (first === undefined) content.push(element("p", {}, say("noEstimate")));
  else {
    const told = seen.said?.estimates?.[0]?.point;
    if (typeof told === "string" && told !== first.point && /^[01]\.[0-9]{6}$/.test(told)) {
      content.push(element("p", { class: "caution" }, say("reportSays", percent(told), percent(first.point))));
    }
    const worst = [percent(first.worst_low), percent(first.worst_high)];
    let missing = say("missingNone");
    if (first.missing)
      missing = first.missing === 1 ? say("missingOne", ...worst) : say("missingMany", first.missing, ...worst);
    const bounds = [percent(first.low), percent(first.high)];
    content.push(
      element("p", { class: "figure" }, percent(first.point)),
      element("p", { class: "interval" }, say("interval", ...bounds, percentWord(levelReading(first.level), language))),
      intervalDrawing(first, language, say("drawn", percent(first.point), ...bounds)),
      element(
        "p",
        {},
        say("sentence", visible(found.model), first.successes, first.n, visible(found.suite.name), missing),
      ),
    );
    if (found.estimates.length > 1) content.push(methodsTable(found.estimates, language));
  }
  content.push(countsTable(found, language));
  const made = section("number", say("numberTitle"), content);
  if (!follows) made.classList.add("dim");
  return made;
}

function aboutList({ found, facts, head, terms }, language) {
  const pair = (title, value) => element("div", {}, element("dt", {}, word(title, language)), element("dd", {}, value));
  const cosigned = facts.find(({ name }) => name === "cosignatures");
  return element(
    "dl",
    { class: "about" },
    pair("model", foreign(found.model)),
    pair(
      "suite",
      foreign(word("versionOf", language, visible(found.suite.name), visible(String(found.suite.version)))),
    ),
    pair("plan", foreign(found.title)),
    pair("arrangement", word("versionNumber", language, terms.version)),
    pair("ledger", word("entries", language, numberWord(head.size, language))),
    pair("cosigned", cosigned.holds ? foreign(spoken(cosigned.detail, language)) : word("nobody", language)),
  );
}

function methodsTable(estimates, language) {
  const percent = (decimal) => percentWord(percentReading(decimal), language);
  const heads = ["method", "rate", "from", "to", "judgedN"].map((key, place) => ({
    text: word(key, language),
    number: place > 0,
  }));
  const rows = estimates.map((each) => ({
    cells: [
      METHOD_WORDS[each.method] ?? each.method,
      percent(each.point),
      percent(each.low),
      percent(each.high),
      numberWord(each.n, language),
    ],
  }));
  return table(word("methods", language), "methods", heads, rows);
}

function countsTable({ counts, missing }, language) {
  const heads = [{ text: word("count", language) }, { text: word("number", language), number: true }];
  const names = ["intended", "attempted", "answered", "judged", "correct", "unscored", "repeated"];
  const rows = names.map((name) => ({
    cells: [word(`count${name[0].toUpperCase()}${name.slice(1)}`, language), numberWord(counts[name], language)],
  }));
  for (const reason of Object.keys(missing).sort()) {
    rows.push({ cells: [foreign(word("because", language, visible(reason))), numberWord(missing[reason], language)] });
  }
  return table(word("countsTitle", language), "counts", heads, rows);
}

function runsSection({ found, history, run }, language) {
  const say = (key, ...parts) => word(key, language, ...parts),
    runs = everyRun(history),
    { calls } = found;
  const number = (value) => numberWord(value, language);
  const heads = ["run", "began", "calls", "end", "reported"].map((key) => ({
    text: say(key),
    number: key === "calls",
  }));
  const rows = runs.map((each) => {
    const mine = each.run === run.run,
      late = each.begun >= found.as_of;
    const state = { finished: "stateFinished", aborted: "stateAborted", open: "stateOpen" }[each.state];
    const reported = element(
      "span",
      { class: mine || late ? null : "left-out" },
      say(mine ? "thisOne" : late ? "afterReport" : "leftOut"),
    );
    const ended = foreign(say(state, visible(each.because)));
    return {
      mark: mine ? "this" : null,
      cells: [
        element("code", { title: each.run }, `${each.run.slice(0, 12)}…`),
        dayWord(each.at),
        number(each.calls),
        ended,
        reported,
      ],
    };
  });
  const others = runs.length - 1;
  const title = others ? say("runsSome", number(runs.length), number(others)) : say("runsAll");
  return section(
    "runs",
    say("runsTitle"),
    element("p", { class: others ? "caution" : null }, title),
    table("", "runs", heads, rows),
    element(
      "p",
      { class: "note" },
      say("outside", number(calls.before_freeze), number(calls.outside_plan), number(calls.refused)),
    ),
  );
}

function dayWord(instant) {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
}

function rungsSection({ rungs }, language) {
  const items = rungs.map((rung, place) => {
    const detail = rung.holds ? null : element("p", { class: "note" }, foreign(spoken(rung.detail, language)));
    return element(
      "li",
      { class: CLASSES[rung.holds] },
      element("span", { class: "step", "aria-hidden": "true" }, place + 1),
      element(
        "div",
        {},
        element("p", { class: "said" }, word(`rung${place + 1}`, language)),
        element("p", { class: "state" }, `${MARKS[rung.holds]} ${word(RUNG_STATES[rung.holds], language)}`),
        element("p", {}, word(`rung${place + 1}Means`, language)),
        detail,
      ),
    );
  });
  return section(
    "rungs",
    word("rungsTitle", language),
    element("p", { class: "note" }, word("rungsHint", language)),
    element("ol", { class: "rungs" }, items),
  );
}

/* In plain words first; then each fact that is not established, folded. */
function notCheckedSection(found, language) {
  const say = (key, ...parts) => word(key, language, ...parts),
    { facts, seen } = found;
  const state = (name) => factNamed(found, name),
    open = facts.filter(({ holds }) => holds === null);
  const detail = (name) => visible(spoken(state(name).detail, language));
  const items = [];
  if (state("keys")?.holds === null) items.push(say("notKeys"));
  if (state("quorum")?.holds === null) items.push(say("notQuorum", detail("quorum")));
  if (
    seen.terms &&
    [...seen.terms.policy.logs, ...seen.terms.policy.witnesses.map(({ key }) => key)].some(
      ({ kind }) => kind === "mldsa44-cosigner",
    )
  ) {
    items.push(say("notPq"));
  }
  if (state("rescored").holds === null) {
    items.push(state("draw").holds ? say("notRescored") : say("notDrawn", detail("rescored")));
  }
  items.push(say("notOpened"));
  if (state("guard")?.holds) items.push(say("notGuardEqual"));
  else if (state("guard")) items.push(say("notGuard", detail("guard")));
  items.push(say("notTrue"), say("notModel"), say(seen.samePage ? "notWordsSame" : "notWords"), say("notThis"));
  return section(
    "not",
    say("notTitle"),
    element(
      "ul",
      {},
      items.map((item) => element("li", {}, item)),
    ),
    open.length ? folded("fold-open", say("notAll"), `(${open.length})`, factList(open, language)) : null,
  );
}

function quoteSection(found, language) {
  const say = (key, ...parts) => word(key, language, ...parts),
    { seen, reached, stands } = found;
  const [first] = seen.found.estimates;
  if (!stands || !reached.includes(1) || first === undefined || seen.published === null) {
    return section("quote", say("quoteTitle"), element("p", {}, say("quoteNot")));
  }
  const percent = (decimal) => percentWord(percentReading(decimal), language),
    { suite, model, runs } = seen.found;
  const level = percentWord(levelReading(first.level), language);
  const bounds = [percent(first.low), percent(first.high)],
    shown = [first.successes, first.n].map((each) => numberWord(each, language));
  const method = METHOD_WORDS[first.method] ?? first.method;
  const interval = language === "fr" ? [method, level] : [level, method];
  const sentence = say(
    "quote",
    visible(model),
    ...shown,
    visible(suite.name),
    visible(String(suite.version)),
    percent(first.point),
    ...bounds,
    ...interval,
    first.missing,
    runs.begun,
  );
  const proof = say(
    "quoteProof",
    reachedWord(reached, language),
    seen.digest,
    seen.published,
    visible(seen.head.origin),
  );
  const keys = factNamed(found, "keys").holds ? "" : ` ${say("quoteKeys")}`;
  return section(
    "quote",
    say("quoteTitle"),
    element(
      "blockquote",
      { id: "sentence" },
      element("p", {}, sentence),
      element("p", { class: "note" }, proof + keys),
    ),
    element(
      "p",
      { class: "to-copy" },
      element("button", { type: "button", id: "copy" }, say("copy")),
      " ",
      element("span", { id: "copied", role: "status" }),
    ),
  );
}

function factList(facts, language) {
  return element(
    "ul",
    { class: "facts" },
    facts.map((each) => {
      const place = spoken(each.where, language),
        name = factWord(each.name, language);
      return element(
        "li",
        { class: CLASSES[each.holds] },
        element("span", { class: "mark", "aria-hidden": "true" }, MARKS[each.holds]),
        element(
          "div",
          {},
          element(
            "p",
            {},
            element("span", { class: "sr" }, `${word(FACT_STATES[each.holds], language)}: `),
            name,
            element("span", { class: "name" }, each.name),
          ),
          element(
            "p",
            { class: "detail" },
            place && element("code", {}, place),
            place && ": ",
            foreign(spoken(each.detail, language)),
          ),
        ),
      );
    }),
  );
}

function factsSection(found, language) {
  const say = (key, ...parts) => word(key, language, ...parts),
    { facts, seen } = found,
    at = LANGUAGES.indexOf(language);
  const groups = SECTIONS.map(([title, names], place) => {
    const mine = facts.filter(({ name }) => names.includes(name));
    if (!mine.length) return null;
    const hold = mine.filter(({ holds }) => holds).length;
    const made = folded(`fold-${place}`, title[at], say("many", hold, mine.length), factList(mine, language));
    if (mine.some(({ holds }) => holds === false)) made.open = true;
    return made;
  });
  return section(
    "facts",
    say("factsTitle"),
    element("p", { class: "note" }, say("factsHint")),
    groups,
    digestsFold(found, seen, language),
    folded(
      "fold-json",
      say("jsonTitle"),
      "",
      element("pre", { id: "json", tabindex: "0" }, document.createTextNode(visible(found.json, Infinity))),
    ),
  );
}

function digestsFold({ bundleDigest }, seen, language) {
  const rows = [
    ["digestBundle", bundleDigest],
    ["digestReport", seen.digest],
    ["digestPage", seen.pageDigest],
    ["digestTerms", seen.terms?.digest],
    ["digestPlan", seen.run?.begun[1].plan],
    ["digestRows", seen.run?.scores[0][1].rows],
    ["digestRoot", seen.head?.root],
    ["digestRun", seen.run?.run],
  ].filter(([, digest]) => digest);
  const pairs = rows.map(([key, digest]) =>
    element("div", {}, element("dt", {}, word(key, language)), element("dd", {}, element("code", {}, digest))),
  );
  return folded("fold-digests", word("digestsTitle", language), "", element("dl", { class: "digests" }, pairs));
}

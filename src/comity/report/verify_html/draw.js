/* Building the page: elements out of words and values.  Everything that came from a file goes in as text, never as HTML. */

const SVG = "http://www.w3.org/2000/svg";
const MOST_SHOWN = 4000;

/* The one door for HTML, and what goes through it is parsed into a document that is never shown (see claims.js). */
const INERT = globalThis.trustedTypes?.createPolicy("comity-inert", { createHTML: (text) => text });

function inert(text) {
  return INERT === undefined ? text : INERT.createHTML(text);
}

/* A text with what is invisible or turns the direction of reading made visible. */
function visible(text, most = MOST_SHOWN) {
  const long = text.length > most ? `${text.slice(0, most)}…` : text;
  return long.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function drawing(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === "") continue;
    made.append(child instanceof Node ? child : visible(String(child)));
  }
  return made;
}

/* A value out of a file, kept apart from the sentence around it whatever its direction. */
function foreign(value) {
  return element("bdi", {}, value);
}

function table(caption, kind, heads, rows) {
  const cell = (name, attributes, content) => element(name, attributes, content);
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      { class: kind },
      caption && element("caption", {}, caption),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          heads.map(({ text, number }) => cell("th", { scope: "col", class: number ? "number" : null }, text)),
        ),
      ),
      element(
        "tbody",
        {},
        rows.map(({ cells, mark }) =>
          element(
            "tr",
            { class: mark },
            cells.map((content, place) =>
              place === 0
                ? cell("th", { scope: "row" }, content)
                : cell("td", { class: heads[place].number ? "number" : null, "data-head": heads[place].text }, content),
            ),
          ),
        ),
      ),
    ),
  );
}

function folded(id, title, many, ...content) {
  return element(
    "details",
    { id },
    element("summary", {}, title, " ", many && element("span", { class: "many" }, many)),
    content,
  );
}

/* An interval between 0 and 100 percent: the line is the interval, the pale one the worst case, the dot the rate. */
function intervalDrawing(estimate, language, label) {
  const at = (share) => 10 + 640 * Number(share),
    y = 22;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return drawing(
    "svg",
    { viewBox: "0 0 660 58", role: "img", "aria-label": label },
    drawing("line", { class: "axis", x1: at(0), x2: at(1), y1: y, y2: y, "stroke-width": 2 }),
    ticks.map((tick) =>
      drawing("line", { class: "axis", x1: at(tick), x2: at(tick), y1: y - 7, y2: y + 7, "stroke-width": 1 }),
    ),
    drawing("line", {
      class: "worst",
      x1: at(estimate.worst_low),
      x2: at(estimate.worst_high),
      y1: y,
      y2: y,
      "stroke-width": 14,
    }),
    drawing("line", { class: "range", x1: at(estimate.low), x2: at(estimate.high), y1: y, y2: y, "stroke-width": 5 }),
    drawing("circle", { class: "point", cx: at(estimate.point), cy: y, r: 8, "stroke-width": 2 }),
    ticks.map((tick) =>
      drawing(
        "text",
        { x: at(tick), y: 52, "text-anchor": tick === 0 ? "start" : tick === 1 ? "end" : "middle" },
        percentWord(`${100 * tick}%`, language),
      ),
    ),
  );
}

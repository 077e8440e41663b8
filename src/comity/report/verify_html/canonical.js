/* Canonical JSON (RFC 8785, over integers and ASCII keys): the one spelling of a value, so that its digest means something.

   The reader is our own, because JSON.parse keeps the last of two equal keys without a word and rounds long integers.
   Objects come without a prototype, so that no name in a file reaches anything of the browser's. */

const MAX_ENTRY = 65535;
const MAX_DEPTH = 32;
const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

class JsonReader {
  constructor(text, anyNumber) {
    this.text = text;
    this.anyNumber = anyNumber;
    this.at = 0;
  }

  whole() {
    const value = this.value(0);
    this.space();
    if (this.at !== this.text.length) throw this.wrong();
    return value;
  }

  wrong() {
    return new Refused(t`not JSON in UTF-8`);
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
  }

  take(word, value) {
    if (!this.text.startsWith(word, this.at)) throw this.wrong();
    this.at += word.length;
    return value;
  }

  value(depth) {
    if (depth > 2 * MAX_DEPTH) throw new Refused(t`nested deeper than ${MAX_DEPTH} levels`);
    this.space();
    switch (this.text[this.at]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.list(depth);
      case '"':
        return this.string();
      case "t":
        return this.take("true", true);
      case "f":
        return this.take("false", false);
      case "n":
        return this.take("null", null);
      default:
        return this.number();
    }
  }

  object(depth) {
    const found = Object.create(null);
    this.at++;
    this.space();
    if (this.text[this.at] === "}") return this.take("}", found);
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') throw this.wrong();
      const name = this.string();
      if (name in found) throw new Refused(t`the key ${quoted(cut(name, 40))} stands twice in one object`);
      this.space();
      this.take(":");
      found[name] = this.value(depth + 1);
      this.space();
      if (this.text[this.at] === "}") return this.take("}", found);
      this.take(",");
    }
  }

  list(depth) {
    const found = [];
    this.at++;
    this.space();
    if (this.text[this.at] === "]") return this.take("]", found);
    for (;;) {
      found.push(this.value(depth + 1));
      this.space();
      if (this.text[this.at] === "]") return this.take("]", found);
      this.take(",");
    }
  }

  string() {
    const begin = this.at;
    let end = begin;
    do {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) throw this.wrong();
      var slashes = 0;
      while (this.text[end - 1 - slashes] === "\\") slashes++;
    } while (slashes % 2);
    this.at = end + 1;
    try {
      return JSON.parse(this.text.slice(begin, end + 1));
    } catch {
      throw this.wrong();
    }
  }

  number() {
    const form = /-?(0|[1-9][0-9]*)([.eE][-+.eE0-9]*)?/y;
    form.lastIndex = this.at;
    const found = form.exec(this.text);
    if (found === null) throw this.wrong();
    this.at += found[0].length;
    if (this.anyNumber) return Number(found[0]);
    if (found[2])
      throw new Refused(t`the number ${cut(found[0], 24)} is not an integer; decimals are written as strings`);
    const value = Number(found[0]);
    if (!Number.isSafeInteger(value)) throw new Refused(t`an integer is beyond ±(2^53 − 1); it is written as a string`);
    return value;
  }
}

/* Any JSON, each key of an object once; numbers that are no safe integers only where they are `anyNumber`. */
function parseJson(data, anyNumber = false) {
  let text;
  try {
    text = fromUtf8(data);
  } catch {
    throw new Refused(t`not JSON in UTF-8`);
  }
  return new JsonReader(text, anyNumber).whole();
}

/* Reads canonical bytes; any other spelling, size or shape is refused. */
function parseCanonical(data, limit = MAX_ENTRY) {
  if (data.length > limit) throw new Refused(t`${data.length} bytes, at most ${limit} are allowed`);
  const value = parseJson(data);
  if (!isObject(value)) throw new Refused(t`expected an object, got ${kindOf(value)}`);
  if (!equalBytes(utf8(canonicalText(value, 0)), data)) {
    throw new Refused(t`JSON, but not in canonical form (RFC 8785): order, spacing or escapes differ`);
  }
  return value;
}

function canonicalText(value, depth) {
  if (depth > MAX_DEPTH) throw new Refused(t`nested deeper than ${MAX_DEPTH} levels`);
  if (typeof value === "string") {
    if (!isWhole(value)) throw new Refused(t`a string holds a lone surrogate; expected text that UTF-8 can write`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((each) => canonicalText(each, depth + 1)).join(",")}]`;
  if (isObject(value)) {
    const members = Object.keys(value)
      .sort()
      .map((name) => {
        if (!/^[\x00-\x7f]*$/.test(name)) throw new Refused(t`the key ${quoted(cut(name, 40))} is not an ASCII string`);
        return `${JSON.stringify(name)}:${canonicalText(value[name], depth + 1)}`;
      });
    return `{${members.join(",")}}`;
  }
  return Object.is(value, -0) ? "-0 is no canonical number" : String(value);
}

function canonicalBytes(value) {
  return utf8(canonicalText(value, 0));
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/* What kind of value it is, by the name that `comity verify` has for it. */
function kindOf(value) {
  if (value === null) return "NoneType";
  if (Array.isArray(value)) return "list";
  return { string: "str", number: "int", boolean: "bool", object: "dict" }[typeof value];
}

function hasExactly(value, ...names) {
  return isObject(value) && Object.keys(value).length === names.length && names.every((name) => name in value);
}

/* A member that an object must have. */
function need(value, name) {
  if (!(name in asObject(value))) throw new Refused(t`the member ${quoted(name)} is missing`);
  return value[name];
}

function asText(value) {
  if (typeof value !== "string") throw new Refused(t`a text is expected, ${quoted(value, 40)} came`);
  return value;
}

function asCount(value) {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Refused(t`an integer from 0 is expected, ${quoted(value, 40)} came`);
  return value;
}

function asObject(value) {
  if (!isObject(value)) throw new Refused(t`an object is expected, ${quoted(value, 40)} came`);
  return value;
}

function asList(value) {
  if (!Array.isArray(value)) throw new Refused(t`a list is expected, ${quoted(value, 40)} came`);
  return value;
}

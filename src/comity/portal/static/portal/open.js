/* Opens one call's sealed request and answer with a recipient's key, in the reader's own browser.

   The key is read from its file and goes nowhere.  HPKE (RFC 9180, base mode) with MLKEM768-X25519, HKDF-SHA-256 and
   AES-256-GCM opens the epoch key, AES key wrap (RFC 3394) the content key, AES-GCM the content; then the commitment,
   an HMAC of the content under the item's own salt, is computed again and held against the ledger's entry. */
"use strict";
import { ml_kem768 } from "../vendor/opening/post-quantum/ml-kem.js";
import { sha3_256 } from "../vendor/opening/hashes/sha3.js";

const form = document.getElementById("opening");
const shown = document.getElementById("opened");
const subtle = crypto.subtle;
const text = (words) => new TextEncoder().encode(words);
const SUITE = joined(text("HPKE"), Uint8Array.of(0x64, 0x7a, 0, 1, 0, 2));
const LABEL = Uint8Array.of(0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c);
const PKCS8 = unhex("302e020100300506032b656e04220420");
const SPKI = unhex("302a300506032b656e032100");
const KEM = 1088, SHARE = 32, SALT = 32, SEED = 64;

class Said extends Error {}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0));
  parts.reduce((at, one) => { whole.set(one, at); return at + one.length; }, 0);
  return whole;
}
function unhex(digits) { return Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16)); }
function hex(bytes) { return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""); }
function base64(words) { return Uint8Array.from(atob(words), (letter) => letter.charCodeAt(0)); }

async function hmac(key, data) {
  const imported = await subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, data));
}
function extract(salt, label, secret) {
  return hmac(salt.length ? salt : new Uint8Array(32), joined(text("HPKE-v1"), SUITE, text(label), secret));
}
function expand(secret, label, info, length) { // one block of HKDF is enough: at most 32 bytes are wanted
  const whole = joined(Uint8Array.of(0, length), text("HPKE-v1"), SUITE, text(label), info, Uint8Array.of(1));
  return hmac(secret, whole).then((block) => block.slice(0, length));
}

async function keyOf(words) {
  const lines = words.replace(/\n$/, "").split("\n");
  let secret;
  try { secret = base64(lines[1] || ""); } catch { throw new Said("key"); }
  if (lines.length !== 2 || lines[0] !== "COMITY-RECIPIENT-KEY/1" || secret.length !== SEED + SHARE) throw new Said("key");
  const pair = ml_kem768.keygen(secret.slice(0, SEED));
  let own, share;
  try {
    own = await subtle.importKey("pkcs8", joined(PKCS8, secret.slice(SEED)), { name: "X25519" }, true, ["deriveBits"]);
    share = base64((await subtle.exportKey("jwk", own)).x.replace(/-/g, "+").replace(/_/g, "/"));
  } catch { throw new Said("old"); }
  const named = new Uint8Array(await subtle.digest("SHA-256", joined(text("comity recipient/1\n"), pair.publicKey, share)));
  return { lattice: pair.secretKey, own, share, id: hex(named.slice(0, 8)) };
}

async function shared(key, sent) {
  const other = sent.slice(KEM, KEM + SHARE);
  const theirs = await subtle.importKey("spki", joined(SPKI, other), { name: "X25519" }, false, []);
  const curve = new Uint8Array(await subtle.deriveBits({ name: "X25519", public: theirs }, key.own, 256));
  const lattice = ml_kem768.decapsulate(sent.slice(0, KEM), key.lattice);
  return sha3_256(joined(lattice, curve, other, key.share, LABEL));
}

async function epochKey(item, key) {
  const mine = item.encapsulations.find((one) => one.key_id === key.id);
  if (!mine) throw new Said("wrong");
  const sent = base64(mine.encapsulated), nothing = new Uint8Array(0);
  const info = joined(text(`comity epoch/1\n${item.epoch}\n`), base64(item.context));
  const bound = joined(Uint8Array.of(0), await extract(nothing, "psk_id_hash", nothing), await extract(nothing, "info_hash", info));
  const secret = await extract(await shared(key, sent), "secret", nothing);
  const opening = await subtle.importKey("raw", await expand(secret, "key", bound, 32), "AES-GCM", false, ["decrypt"]);
  const iv = await expand(secret, "base_nonce", bound, 12);
  return subtle.decrypt({ name: "AES-GCM", iv }, opening, sent.slice(KEM + SHARE));
}

async function open(item, key, committed) {
  const wrapping = await subtle.importKey("raw", await epochKey(item, key), "AES-KW", false, ["unwrapKey"]);
  const own = await subtle.unwrapKey("raw", base64(item.wrapped_key), wrapping, "AES-KW", "AES-GCM", false, ["decrypt"]);
  const additionalData = text(`comity sealed/1\n${item.ledger}\n${item.part}\n${item.epoch}\n`);
  const plain = new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12), additionalData }, own, base64(item.ciphertext)));
  const content = plain.slice(SALT);
  if (hex(await hmac(plain.slice(0, SALT), content)) !== committed) throw new Said("wrong");
  return content;
}

async function itemOf(input) {
  const file = input.type === "file" ? input.files[0] : null;
  if (input.type === "file" && !file) return null;
  let item;
  try {
    item = JSON.parse(file ? await file.text() : await (await fetch(input.dataset.from, { cache: "no-store" })).text());
  } catch { throw new Said("file"); }
  const fits = item && item.format === "comity sealed/1" && item.ledger === form.dataset.ledger
    && String(item.index) === form.dataset.call && item.part === input.dataset.part;
  if (!fits) throw new Said("file");
  return item;
}

function element(name, words, kind = "") {
  const made = document.createElement(name);
  made.textContent = words;
  if (kind) made.className = kind;
  return made;
}

async function showAll() {
  const file = form.querySelector("#key").files[0];
  if (!file || file.size > 1024) throw new Said("key");
  const key = await keyOf(await file.text());
  const parts = [];
  for (const input of form.querySelectorAll("[data-part]")) {
    const item = await itemOf(input);
    if (!item) continue;
    let content;
    try { content = await open(item, key, input.dataset.committed); } catch { throw new Said("wrong"); }
    const box = element("pre", new TextDecoder().decode(content), "opened");
    box.tabIndex = 0;
    parts.push(element("h3", shown.dataset[input.dataset.part]), element("p", shown.dataset.saidRight, "fits"), box);
  }
  if (!parts.length) throw new Said("file");
  shown.append(...parts);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  shown.replaceChildren();
  try {
    await showAll();
  } catch (fault) {
    const why = fault instanceof Said ? fault.message : "wrong";
    shown.append(element("p", shown.dataset[`said${why[0].toUpperCase()}${why.slice(1)}`], "notice no"));
  } finally {
    form.querySelector("#key").value = "";
  }
});

/* Hashes and signatures: the browser's own (Web Cryptography), and nothing of ours.

   Ed25519 is missing in some browsers; then no signature is checked and nothing that rests on one is said to hold.
   ML-DSA-44 is in no browser: its signatures are looked at for their form and counted for nothing. */

async function sha256(data) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

async function sha256Hex(data) {
  return hex(await sha256(data));
}

async function hmacHex(secret, data) {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, data)));
}

/* The plain text of AES-256-GCM under the nonce of zeros, or null. */
async function openGcm(secret, ciphertext, bound) {
  const key = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["decrypt"]);
  try {
    const how = { name: "AES-GCM", iv: new Uint8Array(12), additionalData: bound, tagLength: 128 };
    return new Uint8Array(await crypto.subtle.decrypt(how, key, ciphertext));
  } catch {
    return null;
  }
}

async function verifyEd25519(publicKey, signature, message) {
  const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, signature, message);
}

/* Why this browser cannot check anything, or null: tried with a signature of RFC 8032, section 7.1, test 2. */
async function whyNothingCanBeChecked() {
  if (!globalThis.crypto?.subtle) {
    return t`This browser gives the page no cryptography here. Open the file from your disk, in a current browser.`;
  }
  if (!globalThis.DecompressionStream) return t`This browser cannot unpack a bundle. A current one can.`;
  try {
    const key = fromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const signed = fromHex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    const right = await verifyEd25519(key, signed, fromHex("72"));
    const wrong = await verifyEd25519(key, signed, fromHex("73"));
    if (right && !wrong) return null;
  } catch {
    // said below
  }
  return t`This browser cannot check Ed25519 signatures. Chromium from 137, Firefox from 129 and Safari from 17 can.`;
}

// Opens age files (c2sp.org/age) that are sealed to an X25519 key. Everything happens in this page: it asks no server for anything.
const text = new TextEncoder(), subtle = crypto.subtle;
const bytes = (...parts) => {
  const all = new Uint8Array(parts.reduce((n, it) => n + it.length, 0));
  let at = 0;
  for (const it of parts) all.set(it, at), at += it.length;
  return all;
};
const same = (a, b) => a.length === b.length && a.reduce((sum, it, n) => sum | (it ^ b[n]), 0) === 0;
const fail = (why) => { throw new Error(why); };

// Bech32 (BIP 173) without a limit of length.
export function secret(line) {
  const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l', lower = line.toLowerCase();
  if (lower.startsWith('age-secret-key-pq-')) fail('quantum');
  const at = lower.lastIndexOf('1'), prefix = lower.slice(0, at);
  const data = [...lower.slice(at + 1)].map((it) => letters.indexOf(it));
  if (prefix !== 'age-secret-key-' || data.includes(-1) || (line !== lower && line !== line.toUpperCase())) fail('key');
  let sum = 1;
  const codes = [...prefix].map((it) => it.charCodeAt(0));
  for (const v of [...codes.map((it) => it >> 5), 0, ...codes.map((it) => it & 31), ...data]) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ v;
    [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].forEach((g, n) => { if ((top >> n) & 1) sum ^= g; });
  }
  const out = [];
  let bits = 0, count = 0;
  for (const v of data.slice(0, -6)) {
    bits = ((bits << 5) | v) & 0xfff, count += 5;
    if (count >= 8) count -= 8, out.push((bits >> count) & 255);
  }
  if ((sum >>> 0) !== 1 || out.length !== 32 || (bits & ((1 << count) - 1))) fail('key');
  return new Uint8Array(out);
}

// ChaCha20 (RFC 8439 section 2.4): the key stream from a block on, over the data.
function chacha(key, nonce, counter, data) {
  const word = (from, n) => new DataView(from.buffer, from.byteOffset).getUint32(4 * n, true);
  const first = new Uint32Array(16), out = new Uint8Array(data.length), s = new Uint32Array(16);
  first.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
  for (let n = 0; n < 8; n++) first[4 + n] = word(key, n);
  for (let n = 0; n < 3; n++) first[13 + n] = word(nonce, n);
  const turn = (v, n) => (v << n) | (v >>> (32 - n));
  const quarter = (a, b, c, d) => {
    s[a] += s[b]; s[d] = turn(s[d] ^ s[a], 16);
    s[c] += s[d]; s[b] = turn(s[b] ^ s[c], 12);
    s[a] += s[b]; s[d] = turn(s[d] ^ s[a], 8);
    s[c] += s[d]; s[b] = turn(s[b] ^ s[c], 7);
  };
  for (let at = 0; at < data.length; at += 64) {
    first[12] = counter++;
    s.set(first);
    for (let round = 0; round < 10; round++) {
      quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15);
      quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14);
    }
    for (let n = 0; n < 64 && at + n < data.length; n++) {
      out[at + n] = data[at + n] ^ (((s[n >> 2] + first[n >> 2]) >>> (8 * (n & 3))) & 255);
    }
  }
  return out;
}

// Poly1305 (RFC 8439 section 2.5).
function poly(key, message) {
  const number = (from) => from.reduceRight((sum, it) => (sum << 8n) | BigInt(it), 0n);
  const r = number(key.slice(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn, p = (1n << 130n) - 5n;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) sum = ((sum + number([...message.slice(at, at + 16), 1])) * r) % p;
  sum = sum + number(key.slice(16));
  return Uint8Array.from({ length: 16 }, (_, n) => Number((sum >> BigInt(8 * n)) & 255n));
}

// ChaCha20-Poly1305 (RFC 8439 section 2.8) without associated data; null where it does not open.
function unseal(key, nonce, sealed) {
  if (sealed.length < 16) return null;
  const data = sealed.subarray(0, -16), size = new Uint8Array(16);
  new DataView(size.buffer).setUint32(8, data.length, true);
  const one = chacha(key, nonce, 0, new Uint8Array(64)).slice(0, 32);
  const tag = poly(one, bytes(data, new Uint8Array((16 - (data.length % 16)) % 16), size));
  return same(tag, sealed.subarray(-16)) ? chacha(key, nonce, 1, data) : null;
}

async function derive(key, salt, info) {
  const from = await subtle.importKey('raw', key, 'HKDF', false, ['deriveBits']);
  const how = { name: 'HKDF', hash: 'SHA-256', salt, info: text.encode(info) };
  return new Uint8Array(await subtle.deriveBits(how, from, 256));
}

const plain64 = (it) => Uint8Array.from(atob(it), (c) => c.charCodeAt(0));

// The key of the file, by the stanza that this secret opens.
async function fileKey(stanzas, mine) {
  const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];
  const key = await subtle.importKey('pkcs8', bytes(head, mine), 'X25519', true, ['deriveBits']);
  const x = (await subtle.exportKey('jwk', key)).x.replace(/-/g, '+').replace(/_/g, '/');
  for (const { name, body } of stanzas) {
    const [kind, share] = name;
    if (kind !== 'X25519' || name.length !== 2) continue;
    const theirs = plain64(share);
    if (theirs.length !== 32 || body.length !== 32) fail('file');
    const other = await subtle.importKey('raw', theirs, 'X25519', true, []);
    const shared = new Uint8Array(await subtle.deriveBits({ name: 'X25519', public: other }, key, 256));
    const wrap = await derive(shared, bytes(theirs, plain64(x)), 'age-encryption.org/v1/X25519');
    const found = unseal(wrap, new Uint8Array(12), body);
    if (found) return found;
  }
  return fail('match');
}

// What is in a file, with the lines of a file of secret keys.
export async function open(file, keys) {
  let at = 0;
  const line = () => {
    const end = file.indexOf(10, at);
    if (end < 0 || end - at > 8192) fail('file');
    const found = String.fromCharCode(...file.subarray(at, end));
    at = end + 1;
    return found;
  };
  if (line() !== 'age-encryption.org/v1') fail('file');
  const stanzas = [];
  let mac, begin = at, it = line();
  while (it.startsWith('-> ')) {
    let body = '', part;
    do body += part = line(); while (part.length === 64);
    stanzas.push({ name: it.slice(3).split(' '), body: plain64(body) });
    begin = at, it = line();
  }
  if (!it.startsWith('--- ')) fail('file');
  mac = plain64(it.slice(4));
  let found;
  for (const mine of keys) found ??= await fileKey(stanzas, mine).catch((err) => err.message === 'match' ? undefined : Promise.reject(err));
  if (!found) fail('match');
  const macKey = await derive(found, new Uint8Array(0), 'header');
  const hmac = await subtle.importKey('raw', macKey, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  if (!same(new Uint8Array(await subtle.sign('HMAC', hmac, file.subarray(0, begin + 3))), mac)) fail('file');
  const payload = await derive(found, file.slice(at, at + 16), 'payload'), out = [], nonce = new Uint8Array(12);
  at += 16;
  for (let number = 0; ; number++) {
    const end = Math.min(at + 65552, file.length);
    new DataView(nonce.buffer).setUint32(7, number);
    nonce[11] = end === file.length ? 1 : 0;
    const piece = unseal(payload, nonce, file.subarray(at, end));
    if (!piece || (number > 0 && piece.length === 0)) fail('file');
    out.push(piece);
    at = end;
    if (nonce[11]) return bytes(...out);
  }
}

// The page.
const form = globalThis.document?.querySelector('fieldset[data-open]');
if (form) {
  const said = document.querySelector('output'), link = document.querySelector('a[download]'), shown = document.querySelector('pre');
  form.hidden = false;
  form.querySelector('button').addEventListener('click', async () => {
    link.hidden = shown.hidden = true;
    try {
      const pasted = form.elements.key.value + '\n' + (await form.elements.keyfile.files[0]?.text() ?? '');
      const keys = pasted.split(/\r?\n/).map((it) => it.trim()).filter((it) => it && !it.startsWith('#')).map(secret);
      if (!keys.length) fail('key');
      const parts = [];
      for (const it of form.elements.file.files) parts.push(await open(new Uint8Array(await it.arrayBuffer()), keys));
      const all = bytes(...parts), lines = new TextDecoder().decode(all).split('\n').filter(Boolean);
      link.href = URL.createObjectURL(new Blob([all], { type: 'application/jsonl' }));
      shown.textContent = lines.slice(0, 50).join('\n');
      said.textContent = said.dataset.done.replace('#', lines.length);
      link.hidden = shown.hidden = false;
    } catch (err) {
      said.textContent = said.dataset[err.message] ?? said.dataset.file;
    }
  });
}

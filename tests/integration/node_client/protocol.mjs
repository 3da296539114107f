// What docs/PROTOCOL.md says of keys, records, messages and pieces. No I/O.

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';

export const DIALLER_LABEL = 'academics/1/dialler\n';
export const SERVER_LABEL = 'academics/1/server\n';

const BLOCK = 16 * 1024;
const HASH = 32;
const MAX_PIECES = 16_384;

export const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

// An identity: the private key, and the peer id, which is the public key in hex. `seed` is 32 bytes, else random.
export function identity(seed) {
  const key = seed ? fromSeed(seed) : generateKeyPairSync('ed25519').privateKey;
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return { key, id: Buffer.from(x, 'base64url').toString('hex') };
}

function fromSeed(seed) {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex'); // PKCS#8 of an Ed25519 seed (RFC 8410)
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
}

export const signed = (me, bytes) => sign(null, Buffer.from(bytes), me.key).toString('hex');

export function verifies(peer, bytes, signature) {
  const x = Buffer.from(peer, 'hex').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, Buffer.from(bytes), key, Buffer.from(signature, 'hex'));
}

export function fingerprint(peer) {
  const digest = sha256(Buffer.from(peer, 'hex'));
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  let bits = 0n;
  for (const byte of digest.subarray(0, 20)) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let shift = 155n; shift >= 0n; shift -= 5n) text += alphabet[Number((bits >> shift) & 31n)];
  return text.match(/.{4}/g).join('-');
}

// A record or message as it travels: the payload is the text that was signed.
export function envelope(me, label, fields) {
  const payload = `${label}\n${JSON.stringify(fields)}`;
  return { payload, signature: signed(me, payload) };
}

// The fields of an envelope, signed by whom the field `named` says. Throws where anything does not hold.
export function openedBy({ payload, signature }, label, named) {
  const end = payload.indexOf('\n');
  if (payload.slice(0, end) !== label) throw new Error(`not ${label}`);
  const fields = JSON.parse(payload.slice(end + 1));
  if (!verifies(fields[named], payload, signature)) throw new Error('the signature does not hold');
  return fields;
}

// The same of an envelope that must be by `author`.
export function opened(signed, label, author, named) {
  const fields = openedBy(signed, label, named);
  if (fields[named] !== author) throw new Error(`not by ${author}`);
  return fields;
}

export function transcript(auth, certificate) {
  const parts = [auth.nonce_server, auth.nonce_dialler, auth.dialler, auth.server, certificate];
  return Buffer.from(parts.join(''), 'hex');
}

export const labelled = (label, bytes) => Buffer.concat([Buffer.from(label), bytes]);

export function pieceBytes(size) {
  let piece = 1 << 20;
  while (piece * MAX_PIECES < size) piece *= 2;
  return piece;
}

export const pieceCount = (size) => Math.ceil(size / pieceBytes(size));

const height = (leaves) => (leaves > 1 ? 32 - Math.clz32(leaves - 1) : 0);
const pieceHeight = (size) => height(Math.ceil(Math.min(size, pieceBytes(size)) / BLOCK));

function empty(level) {
  let node = Buffer.alloc(HASH);
  for (let at = 0; at < level; at += 1) node = sha256(node, node);
  return node;
}

function merkle(nodes, levels, bottom) {
  let row = nodes;
  for (let level = 0; level < levels; level += 1) {
    const missing = empty(bottom + level);
    const next = [];
    for (let at = 0; at < row.length; at += 2) next.push(sha256(row[at], row[at + 1] ?? missing));
    row = next;
  }
  return row[0];
}

const chunks = (bytes, length) =>
  Array.from({ length: Math.ceil(bytes.length / length) }, (_, at) => bytes.subarray(at * length, (at + 1) * length));

// The hash of one piece of a file of `size` bytes, as the piece layer has it.
export const pieceHash = (data, size) =>
  merkle(chunks(data, BLOCK).map((block) => sha256(block)), pieceHeight(size), 0);

// The resource id that a piece layer makes.
export const rootOf = (layer, size) =>
  merkle(chunks(layer, HASH), height(pieceCount(size)), pieceHeight(size)).toString('hex');

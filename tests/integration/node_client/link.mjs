// A link to a peer's server, as docs/PROTOCOL.md describes it: pinned TLS, challenge, proofs both ways.

import { randomBytes } from 'node:crypto';
import https from 'node:https';
import tls from 'node:tls';

import { io } from 'socket.io-client';

import { DIALLER_LABEL, SERVER_LABEL, labelled, sha256, signed, transcript, verifies } from './protocol.mjs';

const TIMEOUT_MS = 30_000;

// Connects only to the server whose certificate has this SHA-256, and says nothing before it has looked.
export class PinnedAgent extends https.Agent {
  constructor(certificate) {
    super({ keepAlive: false });
    this.certificate = certificate;
  }

  createConnection(options, made) {
    const socket = tls.connect({ ...options, minVersion: 'TLSv1.3', rejectUnauthorized: false });
    socket.once('error', made);
    socket.once('secureConnect', () => {
      socket.off('error', made);
      const found = sha256(socket.getPeerX509Certificate().raw).toString('hex');
      if (found === this.certificate) return made(null, socket);
      socket.destroy();
      return made(new Error('another certificate than the pinned one'));
    });
  }
}

// One HTTPS request, of which the whole body is read; redirects are not followed.
export function request(server, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { agent: new PinnedAgent(server.certificate), headers, timeout: TIMEOUT_MS };
    const asked = https.get(server.url + path, options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', reject);
  });
}

export async function challenge(server) {
  const { status, body } = await request(server, '/academics/challenge');
  const { version, nonce } = JSON.parse(body);
  if (status !== 200 || version !== 1) throw new Error('no challenge that is understood');
  return nonce;
}

// The payload of CONNECT. `nonce` is the server's; `prover` signs, which is `me` but for one who cheats.
export function authentication(me, server, nonce, prover = me) {
  const unsigned = {
    version: 1,
    dialler: me.id,
    server: server.id,
    nonce_server: nonce,
    nonce_dialler: randomBytes(32).toString('hex'),
  };
  const bytes = labelled(DIALLER_LABEL, transcript(unsigned, server.certificate));
  return { ...unsigned, proof: signed(prover, bytes) };
}

// A socket whose CONNECT was accepted. Rejects with the error code as message where it was refused.
export function connected(server, auth, extraHeaders) {
  const socket = io(server.url, {
    agent: new PinnedAgent(server.certificate),
    auth,
    extraHeaders,
    forceNew: true,
    reconnection: false,
    timeout: TIMEOUT_MS,
    transports: ['websocket'],
  });
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('connect_error', (error) => {
      socket.close();
      reject(error);
    });
  });
}

export const ask = (socket, event, data) => socket.timeout(TIMEOUT_MS).emitWithAck(event, data);

// A link that is up: `handle(event, data)` answers what the other side asks, none of it before its proof held.
export async function link(me, server, hello, handle) {
  const auth = authentication(me, server, await challenge(server));
  const socket = await connected(server, auth);
  const proof = Promise.withResolvers();
  socket.onAny(async (event, data, answer) => {
    if (await proof.promise) answer?.(await handle(event, data));
  });
  const welcome = await ask(socket, 'hello', hello);
  const bytes = labelled(SERVER_LABEL, transcript(auth, server.certificate));
  const holds = !welcome.error && verifies(server.id, bytes, welcome.proof);
  proof.resolve(holds);
  if (holds) return { socket, welcome };
  socket.close();
  throw new Error(welcome.error ?? 'the server did not prove who it is');
}

// A peer in another language, written from docs/PROTOCOL.md. It dials a server and prints what it sees, one JSON object
// a line. Usage: node client.mjs visit|hold|join|refusals|example TASK, TASK in JSON (see test_node_client.py).

import { randomBytes } from 'node:crypto';

import { ask, authentication, challenge, connected, link, request } from './link.mjs';
import {
  DIALLER_LABEL,
  SERVER_LABEL,
  envelope,
  fingerprint,
  identity,
  labelled,
  opened,
  pieceBytes,
  pieceCount,
  pieceHash,
  rootOf,
  sha256,
  signed,
  transcript,
} from './protocol.mjs';
import { Room, chained, digestOf, lotOf, openedInvitation, roomId, votersOf } from './room.mjs';

const DAY_MS = 86_400_000;

const print = (step, facts = {}) => process.stdout.write(`${JSON.stringify({ step, ...facts })}\n`);

function header(me, sequence, lifetimeMs) {
  const now = Date.now();
  return { peer: me.id, epoch: now, sequence, issued_at_ms: now, expires_at_ms: now + lifetimeMs };
}

// This client has no server, so it announces no address; its certificate field is then of no use.
function hello(me) {
  const presence = { name: 'Node', urls: [], certificate: '0'.repeat(64), online: true };
  const profile = { name: 'Node', affiliation: 'Another Language', interests: ['protocols'] };
  const records = [
    envelope(me, 'academics/1/presence', { ...header(me, 1, 90_000), ...presence }),
    envelope(me, 'academics/1/profile', { ...header(me, 2, 365 * DAY_MS), ...profile }),
  ];
  return { version: 1, agent: 'node-client/1', records };
}

function message(me, recipient, sequence, text) {
  return {
    message: envelope(me, 'academics/1/message', {
      id: randomBytes(16).toString('hex'),
      author: me.id,
      recipient,
      series: me.series,
      sequence,
      sent_at_ms: Date.now(),
      text,
    }),
  };
}

// Answers what the server asks; `came` is told of each message that holds.
const handling = (me, server, came) => (event, data) => {
  switch (event) {
    case 'ping':
    case 'news':
      return { done: true };
    case 'token':
    case 'read':
      return { error: 'not_held' };
    case 'chat': {
      const got = opened(data.message, 'academics/1/message', server.id, 'author');
      if (got.recipient !== me.id) return { error: 'wrong_peer' };
      came(got);
      return { done: true };
    }
    default:
      return { error: 'unknown_event' };
  }
};

async function fetched(server, resource, token) {
  const path = `/academics/resources/${resource}`;
  const headers = { Authorization: `Bearer ${token.token}`, 'Accept-Encoding': 'identity' };
  const pieces = await request(server, `${path}/pieces`, headers);
  const size = token.size_bytes;
  const length = pieceBytes(size);
  const last = pieceCount(size) - 1;
  const ranges = [];
  for (const index of [1, last]) {
    const [start, end] = [index * length, Math.min((index + 1) * length, size)];
    const range = await request(server, path, { ...headers, Range: `bytes=${start}-${end - 1}` });
    const holds = pieceHash(range.body, size).equals(pieces.body.subarray(index * 32, index * 32 + 32));
    ranges.push({ index, status: range.status, told: range.headers['content-range'], holds });
  }
  const wrong = {
    unnamed: (await request(server, path, headers)).status,
    beyond: (await request(server, path, { ...headers, Range: `bytes=0-${size}` })).status,
    tokenless: (await request(server, path, { Range: 'bytes=0-0' })).status,
    nowhere: (await request(server, '/academics', headers)).status,
  };
  return { size, status: pieces.status, root: rootOf(pieces.body, size), pieces: last + 1, ranges, wrong };
}

async function visit({ server, resource, text, refused }) {
  const me = { ...identity(), series: Date.now() };
  const message1 = message(me, server.id, 1, text);
  const reply = Promise.withResolvers();
  const { socket, welcome } = await link(me, server, hello(me), handling(me, server, reply.resolve));
  const [presence, profile] = ['presence', 'profile'].map((kind, at) =>
    opened(welcome.records[at], `academics/1/${kind}`, server.id, 'peer'),
  );
  print('linked', { id: me.id, fingerprint: fingerprint(me.id), agent: welcome.agent, presence, profile });

  print('said', { answer: await ask(socket, 'chat', message1), again: await ask(socket, 'chat', message1) });
  print('heard', { message: await reply.promise });

  const stranger = identity();
  const forged = message(me, server.id, 2, 'forged');
  forged.message.signature = message(me, server.id, 2, 'other').message.signature;
  print('refused', {
    forged: await ask(socket, 'chat', forged),
    overheard: await ask(socket, 'chat', message(me, stranger.id, 2, 'for another')),
    bare: await ask(socket, 'ping', null),
    unknown: await ask(socket, refused.event, {}),
    again: await ask(socket, 'hello', hello(me)),
    lacking: await ask(socket, 'token', { resource: refused.resource }),
    misnamed: await ask(socket, 'token', { resource: 'x' }),
  });
  const future = envelope(me, 'academics/1/novelty', { peer: me.id });
  print('ignored', {
    news: await ask(socket, 'news', { records: [future], extra: 1 }),
    ping: await ask(socket, 'ping', { extra: [] }),
  });

  const token = await ask(socket, 'token', { resource });
  print('fetched', await fetched(server, resource, token));
  print('read', await readOverLink(socket, resource, token.size_bytes));
  socket.close();
}

// A piece and its hash over the link, and what is refused.
async function readOverLink(socket, resource, size) {
  const asked = (what, start, length) => ask(socket, 'read', { resource, what, start, length });
  const last = pieceCount(size) - 1;
  const start = last * pieceBytes(size);
  const hash = await asked('pieces', last * 32, 32);
  const piece = await asked('bytes', start, size - start);
  return {
    bytes: piece.length,
    holds: pieceHash(piece, size).equals(hash),
    longest: (await asked('bytes', 0, 262_144)).length,
    longer: await asked('bytes', 0, 262_145),
    beyond: await asked('bytes', size, 1),
    nowhere: await ask(socket, 'read', { resource: '0f'.repeat(32), what: 'bytes', start: 0, length: 1 }),
  };
}

// A holder without a server: it describes a file of its own, and gives it to whoever reads it over the link.
async function hold({ server, size }) {
  const me = { ...identity(), series: Date.now() };
  const file = Buffer.from(Uint8Array.from({ length: size }, (_, at) => (at * 7) % 251));
  const pieces = Array.from({ length: pieceCount(size) }, (_, index) => index * pieceBytes(size)).map((start) =>
    pieceHash(file.subarray(start, start + pieceBytes(size)), size),
  );
  const layer = Buffer.concat(pieces);
  const id = rootOf(layer, size);
  const parts = { bytes: file, pieces: layer };
  const lengths = [];
  const others = handling(me, server, () => {});
  const handle = (event, data) => {
    if (data.resource !== id) return others(event, data);
    if (event === 'token') return { token: '00'.repeat(32), size_bytes: size, lifetime_ms: 600_000 };
    lengths.push(data.length);
    return parts[data.what].subarray(data.start, data.start + data.length);
  };
  const { socket } = await link(me, server, hello(me), handle);
  const ended = new Promise((resolve) => socket.once('disconnect', resolve));
  const described = {
    id,
    sha256: sha256(file).toString('hex'),
    size_bytes: size,
    file_name: 'node.bin',
    media_type: 'application/octet-stream',
    kind: 'data',
    title: 'From another language',
  };
  const records = [
    envelope(me, 'academics/1/resource', { ...header(me, 3, DAY_MS), ...described }),
    envelope(me, 'academics/1/holding', { ...header(me, 4, DAY_MS), resource: id, held: true }),
  ];
  print('offered', { id, answer: await ask(socket, 'news', { records }) });
  await ended;
  print('served', { reads: lengths.length, longest: Math.max(...lengths) });
}

// A member of a room: takes an invitation up, is told the entries, writes, votes when the host is gone, and leaves.
async function join({ servers, first, second }) {
  const me = { ...identity(), series: Date.now() };
  const sockets = new Map();
  const waiting = new Set();
  let room;
  const invited = Promise.withResolvers();
  const look = () => waiting.forEach((each) => each());
  const until = (holds) =>
    new Promise((resolve) => {
      const each = () => holds() && waiting.delete(each) && resolve();
      waiting.add(each);
      each();
    });
  const tell = (peer, said) => ask(sockets.get(peer), 'room', { room: room.id, said }).catch(() => {});
  const handle = (server) => (event, data) => {
    if (event === 'invite') {
      const { inviter, invitee } = openedInvitation(data.invitation);
      if (inviter !== server.id || invitee !== me.id) return { error: 'wrong_peer' };
      invited.resolve(data.invitation);
    } else if (event === 'room') {
      if (data.room !== room?.id) return { error: 'not_member' };
      room.hear(server.id, data.said);
      look();
    } else return handling(me, server, () => {})(event, data);
    return { done: true };
  };
  for (const server of servers) {
    const { socket } = await link(me, server, hello(me), handle(server));
    sockets.set(server.id, socket);
    socket.once('disconnect', () => {
      room?.reached.delete(server.id);
      look();
    });
  }
  print('linked', { id: me.id, fingerprint: fingerprint(me.id) });

  const invitation = await invited.promise;
  const { name, inviter, creator, members, term } = openedInvitation(invitation);
  print('invited', { name, inviter, creator, members, term });
  room = new Room(me, invitation, tell);
  sockets.forEach((_, peer) => room.up(peer));
  room.write('join', { invitation });
  await until(() => room.members.has(me.id));
  const heads = room.log.filter(({ signed }) => !signed).map(({ kind, author }) => ({ kind, author }));
  print('joined', { members: [...room.members].sort(), kinds: room.log.map(({ kind }) => kind), heads });

  const isIn = (id) => () => room.log.some((post) => post.id === id);
  await until(() => room.log.at(-1).kind === 'text');
  print('told', { text: room.log.at(-1).text, number: room.log.length });
  await until(isIn(room.write('text', { text: first })));
  print('said', { number: room.log.length });

  const former = room.term;
  await until(() => !room.reached.has(former.host));
  const kept = room.write('text', { text: second });
  const standing = setInterval(() => room.stand(), 1000);
  await until(() => room.term.round > former.round);
  clearInterval(standing);
  print('elected', { term: room.term, promised: room.promised, voters: [...votersOf(room.id, room.claim)].sort() });
  await until(isIn(kept));
  print('kept', { number: room.log.length });
  await until(isIn(room.write('leave')));
  print('left', { members: [...room.members] });
  sockets.forEach((socket) => socket.close());
}

const refusal = (attempt) => attempt.then(() => 'accepted', (error) => error.message);

async function refusals({ server }) {
  const me = identity();
  const cheat = authentication(me, server, await challenge(server), identity());
  print('wrong proof', { code: await refusal(connected(server, cheat)) });

  const auth = authentication(me, server, await challenge(server));
  const socket = await connected(server, auth);
  print('replayed', { code: await refusal(connected(server, auth)) });

  const ended = new Promise((resolve) => socket.once('disconnect', resolve));
  print('before hello', { answer: await ask(socket, 'ping', {}), ended: await ended });

  const other = { ...server, id: identity().id };
  const misled = authentication(me, other, await challenge(server));
  print('wrong peer', { code: await refusal(connected(server, misled)) });
  const newer = { ...auth, version: 2, nonce_server: await challenge(server) };
  print('unversioned', { code: await refusal(connected(server, newer)) });
  print('malformed', { code: await refusal(connected(server, { version: 1 })) });

  const origin = { Origin: 'https://example.org' };
  const upgrade = authentication(me, server, await challenge(server));
  print('browser', {
    challenge: (await request(server, '/academics/challenge', origin)).status,
    polling: (await request(server, '/socket.io/?EIO=4&transport=polling')).status,
    websocket: (await request(server, '/socket.io/?EIO=4&transport=websocket', origin)).status,
    link: await refusal(connected(server, upgrade, origin)),
  });
  print('pinned', { error: await refusal(challenge({ ...server, certificate: '0'.repeat(64) })) });
}

// The page's worked examples, and the ids of files of zeros.
function example({ given, sizes, room }) {
  const [dialler, server] = ['dialler_seed', 'server_seed'].map((name) => identity(Buffer.from(given[name], 'hex')));
  const bytes = transcript({ ...given, dialler: dialler.id, server: server.id }, given.certificate);
  print('worked', {
    dialler_id: dialler.id,
    dialler_fingerprint: fingerprint(dialler.id),
    server_id: server.id,
    server_fingerprint: fingerprint(server.id),
    transcript: bytes.toString('hex'),
    dialler_proof: signed(dialler, labelled(DIALLER_LABEL, bytes)),
    server_proof: signed(server, labelled(SERVER_LABEL, bytes)),
  });
  print('named', { roots: sizes.map((size) => zerosId(size)) });
  print('worked room', workedRoom(room));
}

// The chain values and lots of the page's room; `entries` are those of its example.
function workedRoom({ creator, founding, entries, candidates }) {
  const id = roomId(creator, founding);
  const digests = entries.map(({ message, head }) => (message ? digestOf(message) : Buffer.from(head.digest, 'hex')));
  const chains = [];
  for (const digest of digests) chains.push(chained(chains.at(-1) ?? Buffer.alloc(32), digest));
  const hex = (values) => values.map((value) => value.toString('hex'));
  const lots = candidates.map((candidate) => lotOf(id, { round: 1, host: creator }, candidate));
  return { room: id, digests: hex(digests), chains: hex(chains), lots };
}

function zerosId(size) {
  if (size === 0) return '0'.repeat(64);
  const length = pieceBytes(size);
  const spans = Array.from({ length: pieceCount(size) }, (_, index) => Math.min(length, size - index * length));
  return rootOf(Buffer.concat(spans.map((span) => pieceHash(Buffer.alloc(span), size))), size);
}

const [scenario, task] = process.argv.slice(2);
await { visit, hold, join, refusals, example }[scenario](JSON.parse(task));

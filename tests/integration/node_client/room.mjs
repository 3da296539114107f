// One member's copy of a room, as docs/PROTOCOL.md describes it: its log, what is pending, whom it votes for. No I/O, and
// never the host: what is to be told is given to `tell(peer, said)`, and `reached` are the peers with a link.

import { createHash, randomBytes } from 'node:crypto';

import { envelope, openedBy, sha256 } from './protocol.mjs';

const MESSAGE = 'academics/1/message';
const INVITATION = 'academics/1/invitation';
const BALLOT = 'academics/1/ballot';
const FOR_ALL = ['founding', 'join', 'leave', 'terms', 'deletion'];
const MOST_AHEAD = 1_000;
const MOST_MISSED = 1_000_000;

export const openedInvitation = (signed) => openedBy(signed, INVITATION, 'inviter');

export const roomId = (creator, founding) =>
  sha256(`academics/1/room\n${creator}${founding}`).toString('hex').slice(0, 32);

export const digestOf = ({ signature, payload }) => sha256(signature, payload);

export const chained = (chain, digest) => createHash('sha256').update(chain).update(digest).digest();

export const lotOf = (room, { round, host }, candidate) => sha256(`${room}${round}${host}${candidate}`).toString('hex');

const majority = (number) => Math.floor(number / 2) + 1;
const isHigher = (one, other) => one.round > other.round || (one.round === other.round && one.host > other.host);
const isSame = (one, other) => one.round === other.round && one.host === other.host;

// The voters whose ballots for a claim hold.
export function votersOf(room, { term, ballots }) {
  const voters = new Set();
  for (const signed of ballots) {
    try {
      const ballot = openedBy(signed, BALLOT, 'voter');
      if (ballot.room === room && ballot.round === term.round && ballot.host === term.host) voters.add(ballot.voter);
    } catch {
      continue;
    }
  }
  return voters;
}

export class Room {
  // `invitation` is that which `me` takes up; nothing of the room is known but what it says.
  constructor(me, invitation, tell) {
    const said = openedInvitation(invitation);
    Object.assign(this, { me, id: said.room, inviter: said.inviter, tell });
    this.claim = { type: 'claim', term: said.term, members: [], ballots: [] };
    this.reached = new Set();
    this.log = [];
    this.pending = new Map();
    this.written = 0;
    this.promised = 0;
    this.forget();
  }

  get term() {
    return this.claim.term;
  }

  get electorate() {
    return [...this.members].filter((peer) => peer !== this.term.host);
  }

  forget() {
    this.members = new Set();
    this.joined = new Set();
    this.last = new Map();
    this.creator = '';
  }

  // What is written here: kept, then submitted until it is in the log.
  write(kind, fields = {}) {
    this.written += 1;
    const message = {
      id: randomBytes(16).toString('hex'),
      author: this.me.id,
      recipient: this.id,
      series: this.me.series,
      sequence: this.written,
      sent_at_ms: Date.now(),
      kind,
      ...fields,
    };
    this.pending.set(message.id, envelope(this.me, MESSAGE, message));
    this.submit();
    return message.id;
  }

  submit() {
    const messages = [...this.pending.values()];
    const told = this.log.length ? [this.term.host] : new Set([this.term.host, this.inviter]);
    if (messages.length) for (const peer of told) this.say(peer, { type: 'submit', messages });
  }

  say(peer, said) {
    if (this.reached.has(peer)) this.tell(peer, said);
  }

  up(peer) {
    this.reached.add(peer);
    if (this.knows(peer)) this.say(peer, this.claim);
  }

  knows(peer) {
    if (this.log.length) return this.joined.has(peer);
    return peer === this.term.host || peer === this.inviter;
  }

  hear(peer, said) {
    if (said.type === 'claim') return this.claimed(peer, said);
    if (said.term && !isSame(said.term, this.term)) return this.knows(peer) && this.say(peer, this.claim);
    if (said.type === 'entries' && peer === this.term.host) return this.entered(said);
    if (said.type === 'refused' && peer === this.term.host) return this.pending.delete(said.message);
    if (said.type === 'canvass') return this.canvassed(peer, said);
    return undefined;
  }

  claimed(peer, claim) {
    const { members = [], ballots = [], term } = claim;
    if (isHigher(this.term, term)) return this.knows(peer) && this.say(peer, this.claim);
    if (isHigher(term, this.term)) {
      const voters = [...votersOf(this.id, { term, ballots })];
      const electing = voters.filter((voter) => members.includes(voter));
      const isElected = members.includes(term.host) && electing.length >= majority(new Set(members).size);
      const isBacked = [peer, ...voters].some((each) => this.knows(each));
      if (!isElected || !isBacked || term.round > this.term.round + MOST_MISSED) return undefined;
      this.claim = claim;
    } else if (peer !== term.host) return undefined;
    this.progress();
    return this.submit();
  }

  progress(again = false) {
    const end = this.log.length;
    const numbers = [end];
    for (let step = 1; numbers.at(-1) > 0; step *= 2) numbers.push(Math.max(0, end - step));
    const haves = [...new Set(numbers)].map((number) => [number, this.chain(number).toString('hex')]);
    this.say(this.term.host, { type: 'progress', term: this.term, haves, read: end, again });
  }

  chain(number) {
    return number ? this.log[number - 1].chain : Buffer.alloc(32);
  }

  entered({ after: [after, chain], entries, last }) {
    if (after > this.log.length || this.chain(after).toString('hex') !== chain) return this.progress(true);
    let number = after;
    for (const entry of entries) {
      const post = this.opened(entry);
      if (!post) return this.progress();
      if (number < this.log.length && this.log[number].digest.equals(post.digest)) {
        number += 1;
        continue;
      }
      this.cut(number);
      if (this.refuses(post)) return this.progress();
      this.append(post);
      number += 1;
    }
    if (number >= last) this.cut(number);
    return this.progress();
  }

  // An entry as the log has it; undefined for what may not be taken.
  opened({ message: signed, head }) {
    if (!signed) return head && !FOR_ALL.includes(head.kind) && { ...head, digest: Buffer.from(head.digest, 'hex') };
    try {
      const message = openedBy(signed, MESSAGE, 'author');
      if (message.recipient !== this.id) return undefined;
      return { kind: 'text', ...message, digest: digestOf(signed), signed };
    } catch {
      return undefined;
    }
  }

  refuses(post) {
    const { author, kind, sequence } = post;
    if (this.log.some(({ id }) => id === post.id)) return true;
    if (sequence !== (this.last.get(`${author}${post.series}`) ?? 0) + 1) return true;
    if (!this.log.length) return kind !== 'founding' || roomId(author, post.id) !== this.id;
    if (kind === 'join') return !this.isInvited(post);
    if (kind === 'founding' || !this.members.has(author)) return true;
    return (kind === 'terms' || kind === 'deletion') && author !== this.creator;
  }

  isInvited({ author, invitation }) {
    try {
      const { inviter, invitee, room } = openedInvitation(invitation);
      return invitee === author && room === this.id && this.joined.has(inviter);
    } catch {
      return false;
    }
  }

  append(post) {
    this.log.push({ ...post, chain: chained(this.chain(this.log.length), post.digest) });
    this.last.set(`${post.author}${post.series}`, post.sequence);
    this.pending.delete(post.id);
    if (post.kind === 'founding') this.creator = post.author;
    if (post.kind === 'founding' || post.kind === 'join') {
      this.members.add(post.author);
      this.joined.add(post.author);
    }
    if (post.kind === 'leave') this.members.delete(post.author);
  }

  cut(number) {
    if (number >= this.log.length) return;
    const held = this.log.slice(number).flatMap(({ id, signed }) => (signed ? [[id, signed]] : []));
    const kept = this.log.slice(0, number);
    this.log = [];
    this.forget();
    for (const post of kept) this.append(post);
    this.pending = new Map([...held, ...this.pending]);
  }

  // Said every second while the host is not reached. This member has no server, and so does not stand.
  stand() {
    const trips = this.electorate.filter((peer) => this.reached.has(peer)).map((peer) => [peer, 1_000]);
    const standing = { type: 'standing', term: this.term, promised: this.promised, stands: false, round_trips: trips };
    for (const [peer] of trips) this.say(peer, standing);
  }

  canvassed(peer, { round }) {
    const highest = Math.max(this.promised, this.term.round);
    const isAsked = round > this.promised && round <= highest + MOST_AHEAD && this.electorate.includes(peer);
    if (this.reached.has(this.term.host) || !isAsked) return undefined;
    this.promised = round;
    const ballot = envelope(this.me, BALLOT, { room: this.id, voter: this.me.id, round, host: peer });
    return this.say(peer, { type: 'ballot', ballot });
  }
}

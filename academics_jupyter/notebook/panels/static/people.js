// The list of conversations: rooms and people, invitations first, then the latest.

/** Rooms and people in one order. */
function conversationsOf(state) {
  const rooms = (state.rooms ?? []).map((row) => ({ ...row, id: row.room, invited: row.state === "invited" }));
  const people = state.people.map((row) => ({ ...row, id: row.peer, invited: false }));
  return [...rooms, ...people].sort(
    (one, other) =>
      Number(other.invited) - Number(one.invited) ||
      other.last_at_ms - one.last_at_ms ||
      Number(one.presence === "away") - Number(other.presence === "away"),
  );
}

function makeConversation(row, chat) {
  const parts = {
    dot: row.room ? h("span", { class: "academics-hash", "aria-hidden": "true" }, "#") : presenceDot(),
    name: h("span", { class: "academics-title" }),
    mention: h("span", { class: "academics-mention", title: trans.__("You are mentioned"), hidden: true }),
    count: h("span", { class: "academics-count" }),
    line: h("span", { class: "academics-faint academics-line" }),
    answers: h("div", { class: "academics-actions academics-answers" }),
  };
  const top = h("span", { class: "academics-person-top" }, parts.dot, parts.name, parts.mention, parts.count);
  const opener = button([top, parts.line], () => chat.open(row.id), { class: "academics-person" });
  put(opener, row.room ? "data-room" : "data-peer", row.id);
  const node = h("li", {}, opener, parts.answers);
  node.academicsParts = parts;
  return node;
}

function drawConversation(node, row, current, chat) {
  const { name, mention, count, line, answers } = node.academicsParts;
  const opener = node.firstChild;
  put(opener, "aria-current", current ? "true" : false);
  put(opener, "data-unread", row.unread);
  put(opener, "data-state", row.room ? row.state : false);
  fill(name, [row.name, row.verified, row.blocked, row.muted], () => nameOf(row));
  say(mention, row.mentioned ? "@" : "");
  fill(count, row.unread, () =>
    row.unread ? [String(row.unread), h("span", { class: "academics-unseen" }, ` ${trans.__("unread")}`)] : [],
  );
  const below = row.room ? roomLine(row) : personLine(row);
  fill(line, below, () => bdi(below));
  if (row.room) return fill(answers, row.invited, () => (row.invited ? answersTo(row, chat) : []));
  put(opener, "data-presence", row.presence);
  return drawPresence(node.academicsParts.dot, row.presence);
}

function personLine(row) {
  const parts = [row.namesake ? row.fingerprint.slice(0, 9) : "", row.last_text || row.affiliation];
  return parts.filter(Boolean).join(" · ");
}

function roomLine(row) {
  if (row.invited) return trans.__("%1 invites you", row.invited_by);
  const isMember = row.state === "member";
  return [isMember ? "" : trans.__(row.state), row.last_text || (isMember ? trans.__("hosted by %1", row.host) : "")].filter(Boolean).join(" · ");
}

function answersTo(row, chat) {
  const answer = (label, command, more) =>
    button(label, () => chat.ask(command, { room: row.room }), { "aria-label": trans.__("%1 the invitation to %2", label, plain(row.name)), ...more });
  return [answer(trans.__("Accept"), "accept", { class: "academics-main" }), answer(trans.__("Decline"), "decline", {})];
}

function nameOf(row) {
  const verified = row.verified
    ? h("span", { class: "academics-verified", title: trans.__("You have verified their fingerprint") }, " ✓")
    : null;
  return [
    row.room ? h("span", { class: "academics-unseen" }, "#") : null,
    bdi(row.name),
    verified,
    row.blocked ? h("span", { class: "academics-faint" }, ` (${trans.__("blocked")})`) : null,
    row.muted ? h("span", { class: "academics-faint", title: trans.__("Muted: what comes does not count as unread") }, ` (${trans.__("muted")})`) : null,
  ].filter(Boolean);
}

function personHeader(person) {
  const about = [person.affiliation ? [bdi(person.affiliation), " · "] : [], PRESENCES[person.presence]()].flat();
  return [
    presenceDot(person.presence, false),
    h("span", { class: "academics-title" }, ...nameOf(person)),
    h("span", { class: "academics-faint academics-grow" }, ...about),
    h(
      "span",
      { class: "academics-faint academics-key", title: trans.__("Fingerprint: %1", person.fingerprint) },
      person.fingerprint.slice(0, 9),
    ),
  ];
}

// Chatting: the people on one side, the open conversation on the other; in a narrow panel, one at a time.

const NEAR_END_PX = 60;

function render({ model, el }) {
  const replies = {};
  const link = connect(model, el, "chat", draw, replies);
  const pending = new Map();
  const bodies = new Map();
  let bodiesOf = "";
  let known = null;
  let shown = "";
  const filter = h("input", {
    type: "search",
    placeholder: "Find a person",
    "aria-label": "Find a person",
    oninput: () => draw(link.state),
  });
  const people = h("ul", {
    class: "academics-people academics-scroll",
    "aria-label": "Conversations",
    "data-testid": "academics-people",
  });
  const nobody = h("p", { class: "academics-empty", hidden: true });
  const header = h("div", { class: "academics-thread-header" });
  const earlier = button("Show earlier messages", () => link.ask("earlier"), {
    class: "academics-quiet",
    hidden: true,
  });
  const messages = h("ol", { class: "academics-messages", "data-testid": "academics-messages" });
  const scroller = h(
    "div",
    { class: "academics-scroll academics-thread-scroll", tabindex: 0, role: "group", "aria-label": "Messages" },
    earlier,
    messages,
  );
  const compose = composer(send, link.ask);
  const thread = h("div", { class: "academics-thread" }, header, scroller, compose.node);
  const invitation = h(
    "p",
    { class: "academics-empty academics-invitation" },
    "Choose somebody to write to. Messages to people who are offline wait until you are both online.",
  );
  const news = h("div", {
    class: "academics-unseen",
    role: "log",
    "aria-live": "polite",
    "data-testid": "academics-chat-news",
  });
  link.body.append(h("div", { class: "academics-side" }, filter, people, nobody), thread, invitation, news);
  thread.hidden = true;

  replies.taken = (message) => settle(message.taken, false);
  replies.refused = (message) => settle(message.refused, true);
  replies.previewed = compose.previewed;
  // They come before the messages that they are of.
  replies.bodies = (message) => {
    if (message.of !== bodiesOf) bodies.clear();
    bodiesOf = message.of;
    for (const [id, body] of Object.entries(message.bodies)) bodies.set(id, body);
  };

  function send(peer, text) {
    const key = `${Date.now()}-${Math.random()}`;
    pending.set(key, { id: key, peer, text, mine: true, at_ms: Date.now(), state: "sending" });
    link.ask("send", { key, peer, text });
    draw(link.state);
    scroller.scrollTop = scroller.scrollHeight;
  }
  function settle(key, refused) {
    const message = pending.get(key);
    pending.delete(key);
    if (refused && message) compose.restore(message.peer, message.text);
    draw(link.state);
  }
  function draw(state) {
    if (!state.people) return;
    drawPeople(state);
    drawThread(state);
  }
  function drawPeople(state) {
    const wanted = filter.value.trim().toLocaleLowerCase();
    const rows = state.people.filter((row) =>
      `${row.name} ${row.affiliation} ${row.fingerprint}`.toLocaleLowerCase().includes(wanted),
    );
    keep(
      people,
      rows,
      (row) => row.peer,
      (row) => makePerson(row, open),
      (node, row) => drawPerson(node, row, row.peer === state.conversation),
    );
    say(
      nobody,
      rows.length
        ? ""
        : wanted
          ? "Nobody of that name."
          : "Nobody else is on the network yet. Colleagues appear here once they have registered.",
    );
  }
  function open(peer) {
    link.ask("open", { peer });
    if (peer) compose.focus();
  }
  function drawThread(state) {
    const peer = state.conversation ?? "";
    const person = state.people.find((row) => row.peer === peer);
    put(link.body, "data-open", peer !== "");
    put(thread, "hidden", peer === "");
    put(invitation, "hidden", peer !== "" || !state.people.length);
    compose.turnTo(peer);
    if (!peer) return (shown = "");
    const atEnd = shown !== peer || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
    const height = scroller.scrollHeight;
    const first = messages.firstElementChild?.dataset.message;
    fill(header, [person], () => headerOf(person, () => open("")));
    put(earlier, "hidden", !state.earlier);
    const waiting = [...pending.values()].filter((message) => message.peer === peer);
    keep(
      messages,
      [...state.thread, ...waiting],
      (message) => message.id,
      makeMessage,
      (node, message) => drawMessage(node, message, bodies.get(message.id)),
    );
    announce(state.thread, person, shown === peer);
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
    else if (first !== messages.firstElementChild?.dataset.message)
      scroller.scrollTop += scroller.scrollHeight - height;
    if (shown !== peer) requestAnimationFrame(() => compose.focus());
    return (shown = peer);
  }
  /** Said to those who cannot see it: what has come in the open conversation since it was last drawn. */
  function announce(list, person, same) {
    const fresh = list.filter((message) => same && known && !known.has(message.id) && !message.mine);
    const last = known && list.findLast((message) => known.has(message.id));
    const start = last ? list.indexOf(last) : -1;
    for (const message of fresh.filter((each) => list.indexOf(each) > start))
      news.append(h("p", {}, unstacked(`${person?.name ?? ""}: ${message.text}`)));
    while (news.childElementCount > 5) news.firstElementChild.remove();
    known = new Set(list.map((message) => message.id));
  }
  return link.disconnect;
}

function makePerson(row, open) {
  const parts = {
    dot: h("span", { class: "academics-dot" }),
    name: h("span", { class: "academics-title" }),
    count: h("span", { class: "academics-count" }),
    line: h("span", { class: "academics-faint academics-line" }),
  };
  const top = h("span", { class: "academics-person-top" }, parts.dot, parts.name, parts.count);
  const node = h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "academics-person", "data-peer": row.peer, onclick: () => open(row.peer) },
      top,
      parts.line,
    ),
  );
  node.academicsParts = parts;
  return node;
}

function drawPerson(node, row, current) {
  const { dot, name, count, line } = node.academicsParts;
  const where = row.online ? "online" : "offline";
  put(node.firstChild, "aria-current", current ? "true" : false);
  put(node.firstChild, "data-online", row.online ? "true" : "false");
  put(node.firstChild, "data-unread", row.unread);
  put(dot, "data-online", row.online);
  put(dot, "title", where);
  fill(dot, where, () => h("span", { class: "academics-unseen" }, `${where} `));
  fill(name, [row.name, row.verified, row.blocked], () => nameOf(row));
  fill(count, row.unread, () =>
    row.unread ? [String(row.unread), h("span", { class: "academics-unseen" }, " unread")] : [],
  );
  const below = [row.namesake ? row.fingerprint.slice(0, 9) : "", row.last_text || row.affiliation]
    .filter(Boolean)
    .join(" · ");
  fill(line, below, () => bdi(below));
}

function nameOf(row) {
  const verified = row.verified
    ? h("span", { class: "academics-verified", title: "You have verified their fingerprint" }, " ✓")
    : null;
  return [bdi(row.name), verified, row.blocked ? h("span", { class: "academics-faint" }, " (blocked)") : null].filter(
    Boolean,
  );
}

function headerOf(person, back) {
  if (!person) return [];
  const dot = h("span", {
    class: "academics-dot",
    "data-online": person.online,
    title: person.online ? "online" : "offline",
  });
  const about = [
    person.affiliation ? [bdi(person.affiliation), " · "] : [],
    person.online ? "online" : "offline",
  ].flat();
  return [
    button("‹", back, { class: "academics-quiet academics-back", "aria-label": "Back to the conversations" }),
    dot,
    h("span", { class: "academics-title" }, ...nameOf(person)),
    h("span", { class: "academics-faint academics-grow" }, ...about),
    h(
      "span",
      { class: "academics-faint academics-key", title: `Fingerprint: ${person.fingerprint}` },
      person.fingerprint.slice(0, 9),
    ),
  ];
}

export default { render };

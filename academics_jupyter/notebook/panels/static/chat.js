// Chatting: the conversations on one side, the open one on the other; in a narrow panel, one at a time.

function render({ model, el }) {
  const replies = {};
  const chat = { model, el, box: null, linked: new Map(), followed: 0, described: new Set(), cells: new Map() };
  const link = connect(model, el, "chat", () => chat.redraw(), replies);
  Object.assign(chat, { ask: link.ask, state: link.state, bodies: new Map(), open, lead });
  const pending = new Map();
  const steady = { rows: null, known: new Map() };
  let bodiesOf = "";
  let known = null;
  let shown = "";
  let led = "";

  chat.redraw = () => link.state.people && draw(link.state);
  chat.isRoom = () => Boolean(link.state.room);
  chat.canWrite = () => !link.state.room || link.state.room.can_write;
  chat.rowOf = (message) => link.state.thread.find((each) => each.id === message);
  chat.nodeOf = (message) => messages.querySelector(`[data-message="${message}"]`);

  const find = finder(chat, () => chat.redraw());
  const room = newRoom(chat);
  const people = h("ul", {
    class: "academics-people academics-scroll",
    "aria-label": trans.__("Conversations"),
    "data-testid": "academics-people",
  });
  const nobody = h("p", { class: "academics-empty", hidden: true });
  const notify = notifying(chat);
  const top = h("div", { class: "academics-side-top" }, find.input, room.toggle);
  const side = h("div", { class: "academics-side" }, top, room.form, people, nobody, find.node, notify.node);

  const back = button("‹", () => open(""), {
    class: "academics-quiet academics-back",
    "aria-label": trans.__("Back to the conversations"),
  });
  const about = h("div", { class: "academics-header-about" });
  const header = h("div", { class: "academics-thread-header" }, back, about);
  const details = roomDetails(chat);
  const earlier = button(trans.__("Show earlier messages"), () => link.ask("earlier"), { class: "academics-quiet", hidden: true });
  const later = button(trans.__("Show later messages"), () => link.ask("later"), { class: "academics-quiet", hidden: true });
  const latest = button(trans.__("Show the latest messages"), toLatest, { class: "academics-quiet", hidden: true });
  const messages = h("ol", { class: "academics-messages", "data-testid": "academics-messages" });
  const scroller = h(
    "div",
    { class: "academics-scroll academics-thread-scroll", tabindex: 0, role: "group", "aria-label": trans.__("Messages") },
    ...[earlier, messages, later, latest],
  );
  const scrolling = scrollingOf(scroller, messages, link.state, link.ask);
  const writing = h("div", { class: "academics-faint academics-writing", "data-testid": "academics-writing", hidden: true });
  const closed = h("p", { class: "academics-empty", "data-testid": "academics-read-only", hidden: true });
  const compose = composer(chat, send);
  chat.compose = compose;
  const thread = h("div", { class: "academics-thread" }, header, details.node, scroller, writing, closed, compose.node);
  const invitation = h(
    "p",
    { class: "academics-empty academics-invitation" },
    trans.__("Choose somebody to write to. Messages to people who are offline wait until you are both online."),
  );
  const news = h("div", {
    class: "academics-unseen",
    role: "log",
    "aria-live": "polite",
    "data-testid": "academics-chat-news",
  });
  link.body.append(side, thread, invitation, news);
  thread.hidden = true;
  takeDrops(thread, () => chat.canWrite(), compose.attach.ask);

  Object.assign(replies, compose.attach.replies, {
    taken: (message) => settle(message.taken, false),
    refused: (message) => settle(message.refused, true),
    previewed: compose.previewed,
    created: room.created,
    agreed: (message) => details.agreed(message.agreed),
    found: find.answer,
    arrived: notify.arrived,
    cell_of: (message, buffers) => drawCell(chat, message, buffers),
    // Who has gone elsewhere meanwhile stays there.
    lead: (message) => message.lead === led && lead(message.lead, true),
    // They come before the messages that they are of.
    bodies: (message) => {
      if (message.of !== bodiesOf) chat.bodies.clear();
      bodiesOf = message.of;
      for (const [id, body] of Object.entries(message.bodies)) chat.bodies.set(id, body);
    },
  });

  function send(draft) {
    const key = `${Date.now()}-${Math.random()}`;
    const { conversation, text, editing, about: answered, resources } = draft;
    pending.set(key, { draft, row: editing ? null : sentRow(key, draft) });
    const ids = resources.map(({ id }) => id);
    if (editing) link.ask("edit", { key, message: editing.id, text });
    else link.ask("send", { key, conversation, text, about: answered?.id ?? "", resources: ids });
    chat.redraw();
    if (!editing) toLatest();
  }
  function toLatest() {
    led = "";
    if (link.state.later) link.ask("latest");
    scrolling.toEnd();
  }
  function settle(key, refused) {
    const sent = pending.get(key);
    pending.delete(key);
    if (refused && sent) compose.restore(sent.draft);
    chat.redraw();
  }
  function open(conversation, message = "") {
    link.ask("open", { conversation, message });
    led = message;
    if (conversation && !message) compose.focus();
  }
  /** Go to a message; the kernel is asked for one that is not here. */
  function lead(message, isThere = false) {
    const node = chat.nodeOf(message);
    if (!node && !isThere) return open(link.state.conversation, message);
    led = "";
    if (!node) return undefined;
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
    return undefined;
  }
  function draw(state) {
    if (state.thread !== steady.rows) state.thread = steadied(steady, state.thread);
    drawConversations(state);
    drawThread(state);
  }
  function drawConversations(state) {
    const wanted = find.words().toLocaleLowerCase();
    const all = conversationsOf(state);
    const rows = all.filter((row) =>
      `${row.room ? "#" : ""}${row.name} ${row.affiliation ?? ""} ${row.fingerprint ?? ""}`.toLocaleLowerCase().includes(wanted),
    );
    keep(
      people,
      rows,
      (row) => row.id,
      (row) => makeConversation(row, chat),
      (node, row) => drawConversation(node, row, row.id === state.conversation, chat),
    );
    put(people, "hidden", !rows.length);
    const empty = trans.__("Nobody else is on the network yet. Colleagues appear here once they have registered.");
    say(nobody, rows.length ? "" : wanted ? trans.__("No person or room of that name.") : empty);
    room.draw(state.people);
  }
  function drawThread(state) {
    const conversation = state.conversation ?? "";
    put(link.body, "data-open", conversation !== "");
    put(thread, "hidden", conversation === "");
    put(invitation, "hidden", conversation !== "" || !state.people.length);
    compose.turnTo(conversation);
    if (!conversation) return (shown = "");
    const other = shown !== conversation;
    if (other) {
      turnBox(null, chat);
      chat.described = new Set();
    }
    const release = other ? scrolling.toEnd : scrolling.hold();
    drawHeader(state, conversation);
    put(earlier, "hidden", !state.earlier);
    put(later, "hidden", !state.later);
    put(latest, "hidden", !state.later);
    const waiting = [...pending.values()].map(({ row }) => row).filter((row) => row?.conversation === conversation);
    const list = [...state.thread, ...waiting];
    const before = new Map(list.map((message, place) => [message.id, list[place - 1]]));
    describe(chat, state.thread.flatMap((message) => message.resources.map(({ id }) => id)));
    keep(
      messages,
      list,
      (message) => message.id,
      (message) => makeEntry(message, chat),
      (node, message) => drawEntry(node, message, before.get(message.id), chat),
    );
    say(writing, writingText(state.writing ?? []));
    announce(state.thread, !other);
    if (!led) release();
    if (other && !led) requestAnimationFrame(() => compose.focus());
    return (shown = conversation);
  }
  function drawHeader(state, conversation) {
    const person = state.people.find((row) => row.peer === conversation);
    const row = state.room && state.rooms?.find((each) => each.room === conversation);
    if (row) {
      row.invited = row.state === "invited";
      fill(about, [row, state.room.state, state.room.can_write], () => roomHeader(row, state.room, details));
      details.draw(row, state.room, state.people);
    } else {
      put(details.node, "hidden", true);
      fill(about, [person], () => (person ? personHeader(person) : []));
    }
    const why = whyReadOnly(row, state.room);
    say(closed, why);
    put(compose.node, "hidden", why !== "");
  }
  /** Said to those who cannot see it: what has come in the open conversation since it was last drawn. */
  function announce(list, same) {
    const fresh = list.filter((message) => same && known && !known.has(message.id) && !message.mine);
    const last = known && list.findLast((message) => known.has(message.id));
    const start = last ? list.indexOf(last) : -1;
    for (const message of fresh.filter((each) => list.indexOf(each) > start))
      news.append(h("p", {}, unstacked(message.notice || `${message.name}: ${message.text}`)));
    while (news.childElementCount > 5) news.firstElementChild.remove();
    known = new Set(list.map((message) => message.id));
  }
  return () => {
    notify.stop();
    link.disconnect();
  };
}

/** The rows, each the same object as before where it says the same: a long conversation comes whole, and is drawn in part. */
function steadied(steady, rows) {
  const known = new Map(rows.map((row) => [row.id, { row, key: JSON.stringify(row) }]));
  for (const [id, each] of known) if (steady.known.get(id)?.key === each.key) known.set(id, steady.known.get(id));
  Object.assign(steady, { known, rows: rows.map(({ id }) => known.get(id).row) });
  return steady.rows;
}

/** A message that the kernel has not taken yet, as it will look. */
function sentRow(key, { conversation, text, about, resources }) {
  const reply = about && { id: about.id, text: `${about.name}: ${about.text.slice(0, 60)}` };
  const mine = { mine: true, author: "", name: "You", state: "sending", notice: "", reactions: [] };
  return { ...mine, id: key, conversation, text, reply, resources, at_ms: Date.now() };
}

function writingText(names) {
  const some = names.slice(0, 3).map(plain);
  if (!some.length) return "";
  if (names.length > 3) return trans.__("%1 and others are writing…", some.join(", "));
  return names.length > 1 ? trans.__("%1 are writing…", some.join(", ")) : trans.__("%1 is writing…", some[0]);
}

/** Files that are dropped on the conversation are asked about, one by one. */
function takeDrops(node, can, ask) {
  const over = (event, isOver) => {
    if (![...event.dataTransfer.types].includes("Files") || !can()) return false;
    event.preventDefault();
    event.stopPropagation();
    put(node, "data-over", isOver);
    return true;
  };
  node.addEventListener("dragenter", (event) => over(event, true));
  node.addEventListener("dragover", (event) => over(event, true));
  node.addEventListener("dragleave", (event) => over(event, node.contains(event.relatedTarget)));
  node.addEventListener("drop", (event) => over(event, false) && [...event.dataTransfer.files].forEach(ask));
}

export default { render };

// The messages of one conversation, and the quiet lines between them.

const STATES = {
  sending: () => [trans.__("sending"), trans.__("on its way to your kernel")],
  queued: () => [trans.__("waiting"), trans.__("waits on your disk until it can go out")],
  held: () => ["✓", trans.__("held by the host, for those who are away")],
  delivered: () => ["✓", trans.__("delivered: it is on their disk")],
  read: () => ["✓✓", trans.__("read")],
  refused: () => [trans.__("refused"), trans.__("it was refused, and has come to nobody")],
  received: () => ["", ""],
};
const GROUP_MS = 300000;

function makeEntry(message, chat) {
  return message.notice ? makeNotice() : makeMessage(message, chat);
}

function makeNotice() {
  const parts = { text: h("span"), time: h("time") };
  const node = h("li", { class: "academics-notice-line academics-faint" }, parts.text, " · ", parts.time);
  node.academicsParts = parts;
  return node;
}

function makeMessage(message, chat) {
  const parts = {
    author: h("div", { class: "academics-author" }),
    reply: button("", () => chat.lead(chat.rowOf(message.id).reply.id), { class: "academics-reply-to", hidden: true }),
    text: h("div", { class: "academics-text" }),
    cell: h("div", { hidden: true }),
    chips: h("div", { class: "academics-chips", hidden: true }),
    reactions: h("div", { class: "academics-reactions", role: "group", "aria-label": trans.__("Reactions"), hidden: true }),
    actions: makeActions(),
    time: h("time"),
    edited: h("span", { hidden: true }),
    mark: h("span", { class: "academics-mark" }),
    box: makeBox(chat),
  };
  const { author, reply, text, cell, chips, reactions, actions, time, edited, mark, box } = parts;
  const meta = h("div", { class: "academics-faint academics-meta" }, edited, " ", time, " ", mark);
  const node = h(
    "li",
    { class: "academics-message", tabindex: -1 },
    ...[author, reply, text, cell, chips, reactions, meta, actions, box],
  );
  node.academicsParts = parts;
  return node;
}

/** `before` is what stands above; several of one author are a group, named once. What has not changed is left alone. */
function drawEntry(node, message, before, chat) {
  const { resources, receipts } = chat.state;
  const about = [chat.bodies.get(message.id), chat.box, chat.followed, chat.described.size, chat.canWrite()];
  const drawn = [message, before, resources, receipts, ...about];
  if (node.academicsDrawn?.every((each, place) => each === drawn[place])) return undefined;
  node.academicsDrawn = drawn;
  const sent = new Date(message.at_ms);
  const { time } = node.academicsParts;
  put(node, "data-message", message.id);
  say(time, moment(message.at_ms));
  put(time, "title", sent.toLocaleString());
  if (message.notice) return fill(node.academicsParts.text, message.notice, () => bdi(message.notice));
  const first = !before || before.notice || before.author !== message.author || message.at_ms - before.at_ms > GROUP_MS;
  put(node, "data-first", first);
  return drawMessage(node, message, first, chat);
}

function drawMessage(node, message, first, chat) {
  const { author, reply, text, cell, chips, reactions, actions, edited, mark, box } = node.academicsParts;
  put(node, "data-state", message.state);
  put(node, "data-mine", message.mine ? "true" : "false");
  put(node, "data-withdrawn", message.withdrawn);
  put(node, "data-mentioned", message.mentioned && !message.withdrawn);
  // In a conversation with one person the name is over it all, and is said here to those who cannot see it.
  put(author, "class", chat.isRoom() && !message.mine && first ? "academics-author" : "academics-unseen");
  fill(author, message.name, () => bdi(message.name));
  put(reply, "hidden", !message.reply);
  if (message.reply) {
    fill(reply, message.reply.text, () => bdi(unstacked(message.reply.text)));
    put(reply, "aria-label", plain(trans.__("In reply to %1", message.reply.text)));
  }
  drawBody(text, message.text, message.withdrawn ? undefined : chat.bodies.get(message.id));
  put(text, "hidden", !message.text);
  enliven(text, message.id, chat);
  put(cell, "hidden", !message.cell);
  fill(cell, [message.cell], () => (message.cell ? makeCell(chat, message.id) : []));
  const attached = new Set(message.resources.map(({ id }) => id));
  const linked = [...(chat.linked.get(message.id) ?? [])].filter((id) => !attached.has(id)).map((id) => ({ id, title: "" }));
  drawChips(chips, message.withdrawn ? [] : [...message.resources, ...linked], chat);
  drawReactions(reactions, message, chat);
  drawActions(actions, message, chat);
  say(edited, message.edited && !message.withdrawn ? `${trans.__("edited")} ·` : "");
  drawMark(mark, message, chat);
  drawBox(box, message, chat);
}

/** How far a message of ours is; pressed, to whom. */
function drawMark(mark, message, chat) {
  const [symbol, meaning] = STATES[message.state]?.() ?? [message.state, ""];
  const asks = message.mine && message.state !== "sending";
  fill(mark, [message.state, asks], () => {
    const seen = h("span", { "aria-hidden": "true" }, symbol);
    if (!asks) return [seen, h("span", { class: "academics-unseen" }, meaning)];
    const label = trans.__("%1: who has it?", meaning);
    return button(seen, () => openBox(message.id, "receipts", chat), {
      class: "academics-quiet academics-state",
      "aria-label": label,
      title: label,
    });
  });
  put(mark, "title", meaning || false);
}

// What can be done with one message: answer, react, edit, take back, copy, and see who has it.

const COMMON_REACTIONS = ["👍", "❤️", "😂", "🎉", "🤔", "👀"];
const MAX_REACTION_LENGTH = 32;

/** The buttons of a message: one tab stop, arrow keys between them. */
function drawActions(bar, message, chat) {
  const can = message.state !== "sending" && !message.withdrawn && !message.notice && chat.canWrite();
  const changes = can && message.mine && message.state !== "refused";
  fill(bar, [message.text, can, changes], () => {
    const open = (what) => () => openBox(message.id, what, chat);
    const buttons = [
      can && action("↩", trans.__("Reply"), () => chat.compose.reply(message)),
      can && action("☺", trans.__("React"), open("react")),
      changes && action("✎", trans.__("Edit"), () => chat.compose.edit(message)),
      changes && action("✕", trans.__("Withdraw"), open("withdraw")),
      !message.withdrawn && copyButton(plain(message.text), trans.__("Copy this message's Markdown")),
    ].filter(Boolean);
    buttons.forEach((each, place) => put(each, "tabindex", place ? -1 : 0));
    return buttons;
  });
}

function action(symbol, label, onclick) {
  return button(h("span", { "aria-hidden": "true" }, symbol), onclick, {
    class: "academics-quiet",
    "aria-label": label,
    title: label,
  });
}

function makeActions() {
  const bar = h("span", { class: "academics-message-actions", role: "toolbar", "aria-label": trans.__("Message") });
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...bar.children];
    const next = buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length);
    buttons.forEach((each) => put(each, "tabindex", each === next ? 0 : -1));
    next.focus();
  });
  return bar;
}

// What opens below a message: one at a time

function openBox(message, what, chat) {
  const closing = chat.box?.message === message && chat.box.what === what;
  turnBox(closing ? null : { message, what }, chat);
  chat.redraw();
  if (!closing) chat.nodeOf(message)?.querySelector(".academics-message-box :is(button, input)")?.focus();
}

/** Who has a message is asked for as long as somebody wants to know. */
function turnBox(box, chat) {
  if (box?.what === "receipts") chat.ask("receipts", { message: box.message });
  else if (chat.box?.what === "receipts") chat.ask("receipts", { message: "" });
  chat.box = box;
}

function closeBox(chat) {
  const node = chat.box && chat.nodeOf(chat.box.message);
  turnBox(null, chat);
  chat.redraw();
  node?.querySelector(".academics-message-actions [tabindex='0']")?.focus({ preventScroll: true });
}

function makeBox(chat) {
  const box = h("div", { class: "academics-message-box", hidden: true });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    closeBox(chat);
  });
  return box;
}

function drawBox(box, message, chat) {
  const what = chat.box?.message === message.id ? chat.box.what : "";
  put(box, "hidden", !what);
  const known = chat.state.receipts;
  const receipts = what === "receipts" && known?.message === message.id ? known.rows : null;
  fill(box, [what, receipts], () => {
    if (what === "react") return reactionPicker(message, chat);
    if (what === "withdraw") return withdrawQuestion(message, chat);
    if (what === "receipts") return receiptsOf(receipts);
    return [];
  });
}

function reactionPicker(message, chat) {
  const react = (text) => {
    chat.ask("react", { message: message.id, text });
    closeBox(chat);
  };
  const any = h("input", {
    type: "text",
    maxlength: MAX_REACTION_LENGTH,
    placeholder: trans.__("any other"),
    "aria-label": trans.__("Any other reaction"),
  });
  return submittable(
    { class: "academics-reacting", role: "group", "aria-label": trans.__("React") },
    () => any.value.trim() && react(any.value.trim()),
    ...COMMON_REACTIONS.map((each) => button(each, () => react(each), { class: "academics-quiet", "aria-label": trans.__("React with %1", each) })),
    any,
  );
}

function withdrawQuestion(message, chat) {
  const withdraw = () => {
    chat.ask("withdraw", { message: message.id });
    closeBox(chat);
  };
  return h(
    "div",
    { role: "group", "aria-label": trans.__("Withdraw") },
    h("p", {}, trans.__("Take it back? Whoever has it shows it no more, but may have read it.")),
    button(trans.__("Withdraw it"), withdraw, { class: "academics-danger" }),
    " ",
    button(trans.__("Keep it"), () => closeBox(chat)),
  );
}

function receiptsOf(rows) {
  if (!rows) return h("span", { class: "academics-faint" }, "Looking…");
  const line = ({ name, state, fingerprint }) =>
    h("div", { title: fingerprint }, bdi(name), h("span", { class: "academics-faint" }, ` ${RECEIPTS[state]?.() ?? state}`));
  return h("div", { role: "group", "aria-label": trans.__("Who has it"), tabindex: -1 }, ...rows.map(line));
}

const RECEIPTS = {
  queued: () => trans.__("not yet"),
  held: () => trans.__("waits at the host"),
  delivered: () => trans.__("has it"),
  read: () => trans.__("has read it"),
  refused: () => trans.__("refused"),
};

// Reactions

/** Each with how many; one's own is taken back by pressing it, another's is joined. */
function drawReactions(box, message, chat) {
  put(box, "hidden", !message.reactions.length);
  keep(
    box,
    message.reactions,
    (each) => each.text,
    (each) => button("", () => toggleReaction(message.id, each.text, chat), { class: "academics-reaction" }),
    (node, { text, names: whose, mine }) => {
      const label = plain(`${text} ${whose.length}: ${whose.join(", ")}`);
      fill(node, [text, whose.length], () => [bdi(text), ` ${whose.length}`]);
      put(node, "aria-label", label);
      put(node, "title", plain(whose.join(", ")));
      put(node, "aria-pressed", mine ? "true" : "false");
      put(node, "aria-disabled", chat.canWrite() ? false : "true");
    },
  );
}

function toggleReaction(message, text, chat) {
  const known = chat.state.thread.find((each) => each.id === message)?.reactions.find((each) => each.text === text);
  if (chat.canWrite()) chat.ask("react", { message, text: known?.mine ? "" : text });
}

// One conversation: its messages, and the field one writes in.

const STATES = {
  sending: ["sending", "on its way to your kernel"],
  queued: ["waiting", "waits on your disk until they are online"],
  delivered: ["✓", "delivered: it is on their disk"],
  read: ["✓✓", "read"],
  received: ["", ""],
};

function makeMessage() {
  const parts = {
    text: h("div", { class: "academics-text" }),
    time: h("time"),
    mark: h("span", { class: "academics-mark" }),
    actions: h("span", { class: "academics-message-actions" }),
  };
  const node = h(
    "li",
    { class: "academics-message" },
    parts.text,
    h("div", { class: "academics-faint academics-meta" }, parts.actions, " ", parts.time, " ", parts.mark),
  );
  node.academicsParts = parts;
  return node;
}

function drawMessage(node, message, body) {
  const { text, time, mark, actions } = node.academicsParts;
  const [symbol, meaning] = STATES[message.state] ?? [message.state, ""];
  put(node, "data-state", message.state);
  put(node, "data-message", message.id);
  put(node, "data-mine", message.mine ? "true" : "false");
  drawBody(text, message.text, body);
  const sent = new Date(message.at_ms);
  say(time, moment(message.at_ms));
  put(time, "title", sent.toLocaleString());
  fill(mark, message.state, () => [
    h("span", { "aria-hidden": "true" }, symbol),
    h("span", { class: "academics-unseen" }, meaning),
  ]);
  put(mark, "title", meaning || false);
  fill(actions, message.text, () => copyButton(plain(message.text), "Copy this message's Markdown"));
}

/** The field one writes in: Enter sends, Shift+Enter begins a new line; what is not sent yet is kept for each person. */
function composer(send, ask) {
  const drafts = new Map();
  let peer = "";
  const field = h("textarea", {
    rows: 1,
    dir: "auto",
    placeholder: "Write a message",
    "aria-label": "Message",
    "data-testid": "academics-composer",
  });
  const submit = h(
    "button",
    { type: "submit", class: "academics-main", title: "Enter sends, Shift+Enter begins a new line" },
    "Send",
  );
  const preview = previewOf(field, ask);
  const node = submittable({ class: "academics-composer" }, post, preview.box, field, preview.toggle, submit);

  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
  };
  const write = (text) => {
    field.value = text;
    fit();
    preview.update();
  };
  field.addEventListener("input", fit);
  field.addEventListener("keydown", (event) => {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    node.requestSubmit();
  });
  function post() {
    if (!field.value.trim() || !peer) return;
    send(peer, field.value);
    write("");
  }
  return {
    node,
    previewed: preview.answer,
    focus: () => field.focus({ preventScroll: true }),
    restore: (to, text) => (to === peer ? write([text, field.value].filter(Boolean).join("\n")) : drafts.set(to, text)),
    turnTo: (other) => {
      if (other === peer) return;
      drafts.set(peer, field.value);
      peer = other;
      write(drafts.get(other) ?? "");
    },
  };
}

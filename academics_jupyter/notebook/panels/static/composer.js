// The field one writes in. What is not sent yet, text, answer and attachments, is kept for each conversation.

const WRITING_INTERVAL_MS = 3000;
const publicNote = () => trans.__("What you attach is shared: everybody on the network can find and download it.");

function composer(chat, send) {
  const drafts = new Map();
  let conversation = "";
  let draft = newDraft();
  let told = 0;
  const field = h("textarea", {
    rows: 1,
    dir: "auto",
    placeholder: trans.__("Write a message"),
    "aria-label": trans.__("Message"),
    "data-testid": "academics-composer",
  });
  const submit = h(
    "button",
    { type: "submit", class: "academics-main", title: trans.__("Enter sends, Shift+Enter begins a new line") },
    trans.__("Send"),
  );
  const preview = previewOf(field, chat.ask);
  const mentions = mentionsOf(field, () => chat.state.mentionable ?? [], () => fit());
  const attach = attaching(chat, () => conversation, add);
  const about = h("div", { class: "academics-about", "data-testid": "academics-about", hidden: true });
  const chips = h("div", { class: "academics-chips", hidden: true });
  const node = submittable(
    { class: "academics-composer" },
    post,
    ...[preview.box, attach.box, about, chips, mentions.list, field],
    h("span", { class: "academics-actions" }, preview.toggle, attach.toggle, submit),
  );

  function fit() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
  }
  function write(text) {
    field.value = text;
    fit();
    preview.update();
  }
  field.addEventListener("input", () => {
    fit();
    if (!field.value || !conversation || Date.now() - told < WRITING_INTERVAL_MS) return;
    told = Date.now();
    chat.ask("writing", { conversation });
  });
  field.addEventListener("keydown", (event) => {
    // While an input method composes a character, its keys belong to it.
    if (event.isComposing) return;
    if (!event.shiftKey && mentions.press(event.key)) event.preventDefault();
    else if (event.key === "Escape" && (draft.about || draft.editing)) drop();
    else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      node.requestSubmit();
    }
  });
  function post() {
    const sent = { ...draft, conversation, text: field.value };
    if (!conversation || !(sent.text.trim() || (sent.resources.length && !sent.editing))) return;
    send(sent);
    told = 0;
    draft = newDraft();
    write(sent.editing ? sent.before : "");
    drawAbout();
  }
  /** Answer no more, or leave a message as it was. */
  function drop() {
    if (draft.editing) write(draft.before);
    draft = { ...draft, about: null, editing: null, before: "" };
    drawAbout();
    field.focus({ preventScroll: true });
  }
  function add(to, resource) {
    const its = to === conversation ? draft : (drafts.get(to) ?? { ...newDraft(), text: "" });
    if (to !== conversation) drafts.set(to, its);
    if (!its.resources.some(({ id }) => id === resource.id)) its.resources.push(resource);
    drawAbout();
  }
  function drawAbout() {
    const of = draft.editing ?? draft.about;
    put(about, "hidden", !of);
    fill(about, [of?.id, Boolean(draft.editing)], () => (of ? aboutOf(of, Boolean(draft.editing), drop) : []));
    put(chips, "hidden", !draft.resources.length);
    const forget = (id) => {
      draft.resources = draft.resources.filter((each) => each.id !== id);
      drawAbout();
    };
    fill(chips, draft.resources, () => draft.resources.map((each) => attachedChip(each, () => forget(each.id))));
    submit.textContent = draft.editing ? trans.__("Save") : trans.__("Send");
    put(attach.toggle, "hidden", Boolean(draft.editing));
  }
  return {
    node,
    attach,
    previewed: preview.answer,
    focus: () => field.focus({ preventScroll: true }),
    restore: (sent) => {
      const here = sent.conversation === conversation;
      const now = here ? { ...draft, text: field.value } : (drafts.get(sent.conversation) ?? newDraft());
      const back = together(sent, now);
      if (!here) return drafts.set(sent.conversation, back);
      draft = back;
      write(back.text);
      return drawAbout();
    },
    reply: (message) => {
      if (draft.editing) drop();
      draft.about = message;
      drawAbout();
      field.focus({ preventScroll: true });
    },
    edit: (message) => {
      draft = { ...draft, about: null, before: draft.editing ? draft.before : field.value, editing: message };
      write(message.text);
      drawAbout();
      field.focus({ preventScroll: true });
    },
    turnTo: (other) => {
      if (other === conversation) return;
      drafts.set(conversation, { ...draft, text: field.value });
      conversation = other;
      draft = drafts.get(other) ?? newDraft();
      told = 0;
      write(draft.text);
      drawAbout();
    },
  };
}

function newDraft() {
  return { text: "", about: null, editing: null, before: "", resources: [] };
}

/** What came back, with what was written since. */
function together(sent, now) {
  if (sent.editing) return { ...sent, before: now.editing ? now.before : now.text };
  if (now.editing) return { ...now, before: [sent.text, now.before].filter(Boolean).join("\n") };
  const text = [sent.text, now.text].filter(Boolean).join("\n");
  return { ...now, text, about: sent.about ?? now.about, resources: [...sent.resources, ...now.resources] };
}

function aboutOf(message, edits, drop) {
  const excerpt = bdi(unstacked(message.text.slice(0, 80)));
  const said = edits ? [trans.__("Editing:"), " ", excerpt] : [trans.__("In reply to"), " ", bdi(message.name), ": ", excerpt];
  const label = edits ? trans.__("Leave it as it was") : trans.__("Do not reply");
  return [h("span", { class: "academics-grow" }, ...said), button("✕", drop, { class: "academics-quiet", "aria-label": label, title: trans.__("%1 (Escape)", label) })];
}

function attachedChip({ title }, forget) {
  return h(
    "span",
    { class: "academics-chip" },
    "📎 ",
    bdi(title),
    button("✕", forget, { class: "academics-quiet", "aria-label": trans.__("Do not attach %1", plain(title)) }),
  );
}

/** Choosing what to attach: something of one's own, or a file, which is shared only once the person has said so. */
function attaching(chat, conversation, add) {
  const owners = new Map();
  let owner = "";
  const files = uploader(chat.ask, drawFile);
  const input = h("input", { type: "file", class: "academics-unseen", tabindex: -1, "aria-hidden": "true", "data-testid": "academics-attach-file" });
  const filter = h("input", { type: "search", placeholder: trans.__("Find in my repository"), "aria-label": trans.__("Find in my repository"), oninput: () => drawMine() });
  const list = h("ul", { class: "academics-scroll academics-mine", "aria-label": trans.__("My repository") });
  const pending = h("div", { "data-testid": "academics-attach-pending" });
  const chooser = h(
    "div",
    { class: "academics-attaching" },
    h("p", { class: "academics-faint" }, publicNote()),
    filter,
    list,
    h("div", {}, button(trans.__("Choose a file…"), () => input.click()), input),
  );
  const box = h("div", {}, chooser, pending);
  const toggle = button(trans.__("Attach"), () => open(chooser.hidden), { class: "academics-quiet", "aria-expanded": "false", title: trans.__("Attach a resource") });
  let mine = [];
  put(chooser, "hidden", true);
  input.addEventListener("change", () => {
    [...input.files].forEach(ask);
    input.value = "";
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    open(false);
    toggle.focus();
  });
  function open(opens) {
    put(chooser, "hidden", !opens);
    put(toggle, "aria-expanded", opens ? "true" : "false");
    if (!opens) return;
    chat.ask("mine");
    filter.focus();
  }
  function drawMine() {
    const wanted = filter.value.trim().toLocaleLowerCase();
    const rows = mine.filter(({ title }) => title.toLocaleLowerCase().includes(wanted));
    const choose = (row) => {
      add(conversation(), row);
      open(false);
      chat.compose.focus();
    };
    fill(list, rows, () =>
      rows.length
        ? rows.map((row) => h("li", {}, button(bdi(row.title), () => choose(row), { class: "academics-quiet" })))
        : h("li", { class: "academics-faint" }, mine.length ? trans.__("Nothing of that name.") : trans.__("Your repository is empty: choose a file.")),
    );
  }
  function ask(file) {
    const to = conversation();
    const question = h(
      "div",
      { class: "academics-question", role: "group", "aria-label": trans.__("Share and attach") },
      h("span", {}, ...around(trans.__("Share %1 and attach it? Everybody on the network can then find and download it."), bdi(file.name))),
      button(trans.__("Share and attach"), () => share(file, to, question), { class: "academics-main" }),
      button(trans.__("Cancel"), () => question.remove()),
    );
    open(false);
    pending.append(question);
    question.querySelector("button").focus();
  }
  function share(file, to, question) {
    question.remove();
    owner = to;
    files.add(file);
    chat.compose.focus();
  }
  function drawFile(upload) {
    if (!owners.has(upload.key)) owners.set(upload.key, { to: owner, node: pending.appendChild(fileLine(upload)) });
    const { to, node } = owners.get(upload.key);
    if (upload.state === "shared" || upload.state === "cancelled") {
      node.remove();
      files.forget(upload);
      if (upload.state === "shared") add(to, { id: upload.row.id, title: upload.row.title || upload.row.file_name });
      return;
    }
    const { bar, said, stop } = node.academicsParts;
    setProgress(bar, upload.state === "taking" ? upload.percent / 100 : upload.size ? upload.sent / upload.size : 0);
    put(bar, "hidden", upload.state === "failed");
    say(said, upload.state === "failed" ? upload.error : "");
    put(stop, "hidden", upload.state === "taking");
  }
  function fileLine(upload) {
    const parts = {
      bar: progressBar(trans.__("Sharing %1", plain(upload.name))),
      said: h("div", { class: "academics-error", role: "status", hidden: true }),
      stop: button("✕", () => files.cancel(upload), { class: "academics-quiet", "aria-label": trans.__("Do not share %1", plain(upload.name)) }),
    };
    const node = h("div", {}, h("div", { class: "academics-row-top" }, bdi(upload.name), parts.stop), parts.bar, parts.said);
    node.academicsParts = parts;
    return node;
  }
  const replies = { ...files.replies, mine: (message) => drawMine((mine = message.mine)) };
  return { box, toggle, ask, replies };
}

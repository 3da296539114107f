// Sharing: where files are dropped, how far they are, the form of what was found in them, and the repository.

const FIELDS = [
  ["title", "Title", "text"],
  ["authors", "Authors, separated by ;", "text"],
  ["year", "Year", "text"],
  ["keywords", "Keywords, separated by commas", "text"],
  ["abstract", "Abstract", "area"],
  ["license", "Licence", "text"],
  ["doi", "DOI", "text"],
];

function render({ model, el }) {
  const replies = { saved: (message) => drawSaved(el, message.saved) };
  const link = connect(model, el, "share", draw, replies);
  const results = h("ul", { class: "academics-list", "aria-label": "Being shared" });
  const uploads = uploader(link.ask, (upload) => drawUpload(results, upload, uploads, link.ask));
  Object.assign(replies, uploads.replies);
  const list = h("ul", {
    class: "academics-list academics-scroll",
    "aria-label": "My repository",
    "data-testid": "academics-repository",
  });
  const empty = h(
    "p",
    { class: "academics-empty", hidden: true },
    "Nothing here yet. What you share or download appears here, for others to find.",
  );
  link.body.append(
    dropZone(uploads.add),
    pathForm(uploads.addPath),
    results,
    h("h4", { class: "academics-heading" }, "My repository"),
    list,
    empty,
  );

  function draw(state) {
    if (!state.repository) return;
    keep(
      list,
      state.repository,
      (row) => row.id,
      (row) => makeHeld(row, link.ask),
      drawHeld,
    );
    put(empty, "hidden", state.repository.length > 0);
  }
  return link.disconnect;
}

function dropZone(add) {
  const input = h("input", {
    type: "file",
    multiple: true,
    class: "academics-unseen",
    tabindex: -1,
    "aria-hidden": "true",
    "data-testid": "academics-file-input",
  });
  const choose = button("choose files", () => input.click(), { class: "academics-link" });
  const zone = h(
    "div",
    { class: "academics-drop", "data-testid": "academics-drop-zone" },
    h("span", {}, "Drop files here, or ", choose),
    input,
  );
  input.addEventListener("change", () => {
    [...input.files].forEach(add);
    input.value = "";
  });
  const over = (event, isOver) => {
    event.preventDefault();
    event.stopPropagation();
    put(zone, "data-over", isOver);
  };
  zone.addEventListener("dragenter", (event) => over(event, true));
  zone.addEventListener("dragover", (event) => over(event, true));
  zone.addEventListener("dragleave", (event) => over(event, zone.contains(event.relatedTarget)));
  zone.addEventListener("drop", (event) => {
    over(event, false);
    [...event.dataTransfer.files].forEach(add);
  });
  return zone;
}

function pathForm(addPath) {
  const path = h("input", {
    type: "text",
    placeholder: "or the path of a file or folder on the server: ~/papers",
    "aria-label": "Path of a file or folder on the server",
    "data-testid": "academics-path-input",
  });
  const share = () => {
    if (!path.value.trim()) return;
    addPath(path.value.trim());
    path.value = "";
  };
  return submittable({ class: "academics-inline" }, share, path, h("button", { type: "submit" }, "Share"));
}

function drawUpload(list, upload, uploads, ask) {
  let node = list.querySelector(`[data-upload="${upload.key}"]`);
  if (!node) list.prepend((node = makeUpload(upload)));
  const { bar, text, actions, form } = node.academicsParts;
  const running = ["waiting", "sending", "taking"].includes(upload.state);
  put(node, "data-state", upload.state);
  put(bar, "hidden", !running);
  setProgress(bar, upload.state === "taking" ? upload.percent / 100 : upload.size ? upload.sent / upload.size : 0);
  say(text, uploadText(upload));
  put(text, "class", upload.state === "failed" ? "academics-error" : "academics-faint");
  fill(actions, [running, upload.state === "taking"], () => uploadActions(upload, running, uploads, node));
  if (upload.state === "shared" && !form.firstChild) {
    put(node, "data-resource", upload.row.id);
    form.append(metadataForm(upload.row, ask));
  }
}

function makeUpload(upload) {
  const parts = {
    bar: progressBar(`Sharing ${upload.name}`),
    text: h("div", { role: "status" }),
    actions: h("span", { class: "academics-actions" }),
    form: h("div"),
  };
  const top = h("div", { class: "academics-row-top" }, bdi(upload.name, { class: "academics-title" }), parts.actions);
  const node = h(
    "li",
    { class: "academics-upload", "data-upload": upload.key, "data-testid": "academics-share-result" },
    top,
    parts.bar,
    parts.text,
    parts.form,
  );
  node.academicsParts = parts;
  return node;
}

function uploadText({ state, sent, size, slow, error, percent, notice }) {
  if (state === "sending")
    return `${bytes(sent)} of ${bytes(size)}${slow ? "; the kernel is busy and answers when its cell ends" : ""}`;
  return {
    waiting: "waiting for its turn",
    taking: percent >= 100 ? "looking for title and authors…" : "taking it into your repository…",
    shared: `Shared. ${notice ? `${notice} ` : ""}This was found in it; change what is wrong:`,
    cancelled: "Cancelled; nothing was shared.",
    failed: error,
  }[state];
}

function uploadActions(upload, running, uploads, node) {
  // What is being taken in ends by itself, whole or not at all.
  if (running)
    return upload.state === "taking"
      ? []
      : button("Cancel", () => uploads.cancel(upload), { "aria-label": `Cancel sharing ${upload.name}` });
  const close = () => {
    uploads.forget(upload);
    node.remove();
  };
  return button("✕", close, { class: "academics-quiet", "aria-label": `Close ${upload.name}` });
}

/** The description as a form; what is not changed is not sent. */
function metadataForm(row, ask) {
  const start = { ...row, authors: row.authors.join("; "), keywords: row.keywords.join(", "), year: row.year ?? "" };
  const controls = FIELDS.map(([name, label, type]) => {
    const control =
      type === "area" ? h("textarea", { name, rows: 4, dir: "auto" }) : h("input", { type, name, dir: "auto" });
    control.value = start[name];
    return [name, label, control];
  });
  const saved = h("span", { class: "academics-faint", role: "status", hidden: true });
  function save() {
    const changed = controls.filter(([name, , control]) => control.value !== String(start[name]));
    const fields = Object.fromEntries(changed.map(([name, , control]) => [name, control.value]));
    say(saved, changed.length ? "" : "Nothing is changed.");
    if (!changed.length) return;
    ask("describe", { resource: row.id, fields });
    form.academicsSaved = () => {
      Object.assign(start, fields);
      say(saved, "Saved.");
    };
  }
  const form = submittable(
    { class: "academics-form", "data-describes": row.id },
    save,
    ...controls.map(([, label, control]) => h("label", {}, label, control)),
    h(
      "div",
      { class: "academics-actions" },
      h("button", { type: "submit", class: "academics-main" }, "Save changes"),
      saved,
    ),
  );
  return form;
}

function drawSaved(el, resource) {
  for (const form of el.querySelectorAll(`form[data-describes="${resource}"]`)) form.academicsSaved?.();
}

function makeHeld(row, ask) {
  const parts = {
    title: h("div", { class: "academics-title" }),
    about: h("div", { class: "academics-faint" }),
    more: h("div", { hidden: true }),
  };
  const edit = button("Edit", () => openBelow(parts.more, edit, "edit", () => metadataForm(node.academicsRow, ask)), {
    class: "academics-quiet",
    "aria-expanded": "false",
  });
  const remove = button(
    "Unshare",
    () => openBelow(parts.more, remove, "unshare", () => unshareForm(node.academicsRow, ask, parts.more)),
    { class: "academics-quiet", "aria-expanded": "false" },
  );
  const top = h(
    "div",
    { class: "academics-row-top" },
    h("div", { class: "academics-grow" }, parts.title, parts.about),
    h("span", { class: "academics-actions" }, edit, remove),
  );
  const node = h("li", { class: "academics-resource", "data-resource": row.id, "data-held": true }, top, parts.more);
  node.academicsParts = parts;
  return node;
}

function openBelow(more, opener, what, make) {
  const closing = more.dataset.what === what;
  for (const each of opener.parentNode.children)
    put(each, "aria-expanded", each === opener && !closing ? "true" : "false");
  put(more, "data-what", closing ? false : what);
  put(more, "hidden", closing);
  more.replaceChildren(...(closing ? [] : [make()]));
  more.scrollIntoView({ block: "nearest" });
}

function drawHeld(node, row) {
  const { title, about } = node.academicsParts;
  node.academicsRow = row;
  fill(title, row.title || row.file_name, () => bdi(row.title || row.file_name));
  fill(about, [kindOf(row), row.path, row.ours], () => [
    `${kindOf(row)} · ${row.ours ? "" : "downloaded · "}`,
    h("code", { class: "academics-path-text" }, bdi(row.path)),
    " ",
    copyButton(row.path, `Copy the path of ${plain(row.title || row.file_name)}`),
  ]);
}

function unshareForm(row, ask, more) {
  const what = row.files ? "folder" : "file";
  const unshare = (remove) => ask("unshare", { resource: row.id, delete: remove });
  const cancel = () => {
    put(more, "hidden", true);
    put(more, "data-what", false);
  };
  return h(
    "div",
    { class: "academics-question", role: "group", "aria-label": "Unshare" },
    h("span", {}, "Others will no longer find it here. Your copy:"),
    button(`Keep the ${what}`, () => unshare(false)),
    button(`Delete the ${what}`, () => unshare(true), { class: "academics-danger" }),
    button("Go on sharing", cancel, { class: "academics-quiet" }),
  );
}

export default { render };

// Resources that a message carries or links to: what each is, and getting it.

const MOST_DESCRIBED = 20;
const GET_LABELS = { paused: () => trans.__("Continue"), failed: () => trans.__("Try again") };

/** Have the kernel say what the last of these resources are; of the others one can ask for. */
function describe(chat, names) {
  const fresh = [...new Set(names)].slice(-MOST_DESCRIBED).filter((name) => !chat.described.has(name));
  if (!fresh.length) return;
  fresh.forEach((name) => chat.described.add(name));
  chat.ask("resources", { names: fresh });
}

function drawChips(box, chips, chat) {
  put(box, "hidden", !chips.length);
  keep(
    box,
    chips,
    (chip) => chip.id,
    (chip) => makeChip(chip),
    (node, chip) => drawChip(node, chip, chat),
  );
}

function makeChip(chip) {
  const parts = {
    title: h("span", { class: "academics-grow" }),
    about: h("span", { class: "academics-faint" }),
    action: h("span", { class: "academics-actions" }),
    failure: h("div", { class: "academics-error", hidden: true }),
  };
  const node = h(
    "div",
    { class: "academics-chip", "data-resource": chip.id, "data-testid": "academics-chip" },
    h("span", { "aria-hidden": "true" }, "📎"),
    h("span", { class: "academics-grow" }, parts.title, " ", parts.about),
    parts.action,
    parts.failure,
  );
  node.academicsParts = parts;
  return node;
}

function drawChip(node, chip, chat) {
  const { title, about, action, failure } = node.academicsParts;
  const row = chat.state.resources?.[chip.id];
  const name = chip.title || row?.title || chip.id.slice(0, 12);
  fill(title, name, () => bdi(name));
  const running = row && !row.path && ["waiting", "active"].includes(row.download?.state);
  say(about, aboutChip(row, chat.described.has(chip.id)));
  say(failure, !row?.path && row?.download?.state === "failed" ? row.download.error : "");
  const what = [row === undefined, row === null, row?.path, row?.available, row?.download?.state, row?.download?.id];
  fill(action, [chat.described.has(chip.id), ...what], () => chipAction(chip, row, running, name, chat));
  const bar = action.querySelector(".academics-bar");
  if (bar) setProgress(bar, row.download.size_bytes ? row.download.done_bytes / row.download.size_bytes : 0);
}

function aboutChip(row, asked) {
  if (row === undefined) return asked ? trans.__("looking…") : "";
  if (row === null) return trans.__("nobody describes it now");
  return `${kindOf(row)}${row.path || row.available ? "" : ` · ${trans.__("no holder is online")}`}`;
}

function chipAction(chip, row, running, name, chat) {
  if (row === undefined)
    return chat.described.has(chip.id)
      ? []
      : button(trans.__("Look it up"), () => describe(chat, [chip.id]), { "aria-label": trans.__("Look up %1", plain(name)) });
  if (row === null) return [];
  if (row.path) return openChip(row, name, chat);
  if (running) return progressBar(trans.__("Download of %1", plain(name)));
  const label = GET_LABELS[row.download?.state]?.() ?? trans.__("Download");
  const command =
    row.download?.state === "paused" ? ["continue", { download: row.download.id }] : ["download", { resource: row.id }];
  return button(label, () => row.available && chat.ask(...command), {
    "aria-label": row.available ? `${label} ${plain(name)}` : trans.__("%1 %2: no holder is online now", label, plain(name)),
    "aria-disabled": row.available ? false : "true",
    title: row.available ? false : trans.__("No holder is online now"),
    "data-testid": "academics-chip-download",
  });
}

/** Where Jupyter's server has it, it is opened there; else its path can be copied. */
function openChip(row, name, chat) {
  const box = h("span", {}, copyButton(row.path, trans.__("Copy the path of %1", plain(name))));
  put(box, "title", plain(row.path));
  const { home } = chat.state;
  canOpen(chat.model, row.path, row.size_bytes, home).then((can) => {
    if (!can) return;
    const open = () => openInJupyter(chat.model, row.path, home);
    box.prepend(button(trans.__("Open"), open, { "aria-label": trans.__("Open %1", plain(name)) }), " ");
  });
  return [h("span", { class: "academics-held" }, "✓ yours"), " ", box];
}

/** Have links to resources in a body show what they are, below it, once they are followed. */
function enliven(body, message, chat) {
  for (const link of body.querySelectorAll(".academics-resource-link:not([role])")) {
    const follow = () => {
      const names = chat.linked.get(message) ?? new Set();
      chat.linked.set(message, names.add(link.dataset.resource));
      chat.followed += 1;
      describe(chat, [link.dataset.resource]);
      chat.redraw();
    };
    put(link, "role", "button");
    put(link, "tabindex", 0);
    link.addEventListener("click", follow);
    link.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      follow();
    });
  }
}

// A notebook cell that came with a message: its code, and its outputs as text and PNG pictures. Nothing of it is run.

/** A box for the cell of a message, which is asked for once it comes into sight. */
function makeCell(chat, message) {
  const node = h("div", { class: "academics-cell", "data-testid": "academics-cell" });
  const known = chat.cells.get(message);
  if (known) node.append(...cellNodes(chat, message, known));
  else {
    node.append(h("span", { class: "academics-faint" }, trans.__("A notebook cell…")));
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      chat.ask("cell", { message });
    });
    observer.observe(node);
  }
  return node;
}

/** Show a cell that has come: `buffers` are its pictures. */
function drawCell(chat, { cell_of, source, hides, outputs }, buffers) {
  const pictures = (buffers ?? []).map((buffer) => new Blob([buffer], { type: "image/png" }));
  chat.cells.set(cell_of, { source, hides, outputs, pictures });
  const node = chat.el.querySelector(`[data-message="${cell_of}"] .academics-cell`);
  node?.replaceChildren(...cellNodes(chat, cell_of, chat.cells.get(cell_of)));
}

function cellNodes(chat, message, { source, hides, outputs, pictures }) {
  const warning = trans.__("It has invisible characters in it, and may do other things than it seems to.");
  return [
    codeOf(trans.__("notebook cell"), [plain(source)]),
    hides ? h("p", { class: "academics-error" }, warning) : "",
    ...outputs.map(({ text, picture }) => (picture === null ? outputText(text) : pictureOf(pictures[picture], text))),
    insertOf(chat, message, source),
  ].filter(Boolean);
}

function outputText(text) {
  return h("pre", { class: "academics-output", dir: "ltr", tabindex: 0, role: "group", "aria-label": trans.__("Output") }, plain(text));
}

function pictureOf(blob, text) {
  const address = URL.createObjectURL(blob);
  const free = () => URL.revokeObjectURL(address);
  return h("img", { src: address, alt: plain(text) || trans.__("Output"), class: "academics-picture", onload: free, onerror: free });
}

/** Below the panel's own cell; in a side bar there is no notebook, and the magic is named instead. */
function insertOf(chat, message, source) {
  const said = h("span", { class: "academics-faint", role: "status", hidden: true });
  if (!notebookOf(chat.model)) {
    const magic = `%chat --insert ${message.slice(0, 8)}`;
    return h("div", { class: "academics-faint" }, trans.__("In a notebook:"), " ", h("code", {}, magic), " ", copyButton(magic, trans.__("Copy the magic")));
  }
  const insert = () => {
    const place = insertBelow(chat.model, chat.el, source);
    say(said, place ? trans.__("It is below, not run: read it before you do.") : trans.__("This notebook takes no cells."));
  };
  return h("div", {}, button(trans.__("Insert below"), insert, { title: trans.__("Put the code into a new cell; it is not run") }), " ", said);
}

/** The cells of the notebook that the panel stands in, as JupyterLab's widgets know them; elsewhere null. */
function notebookOf(model) {
  const cells = model.widget_manager?.context?.model?.sharedModel;
  return cells?.insertCell && cells.cells ? cells : null;
}

function insertBelow(model, el, source) {
  const cells = notebookOf(model);
  if (model.widget_manager.context.model.readOnly) return false;
  const here = parseInt(el.closest("[data-windowed-list-index]")?.dataset.windowedListIndex, 10);
  const place = Number.isInteger(here) ? here + 1 : cells.cells.length;
  cells.insertCell(place, { cell_type: "code", source, metadata: {}, outputs: [], execution_count: null });
  return true;
}

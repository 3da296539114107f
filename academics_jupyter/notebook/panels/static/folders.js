// Choosing from the disk of the machine that the kernel runs on: folders to go through, files and folders to choose.

function folderChooser(ask, offer) {
  let folder = null;
  let cameFrom = "";
  let focus = false;
  const chosen = new Set();
  const path = h("input", { type: "text", "aria-label": trans.__("Folder on the server"), "data-testid": "academics-path-input", dir: "auto" });
  const go = () => ask("browse", { path: path.value });
  const up = button("↑", () => climb(), { "aria-label": trans.__("Up to the folder above"), title: trans.__("Up") });
  const home = button(trans.__("Home"), () => enter("~"));
  const place = submittable({ class: "academics-inline" }, go, up, home, path, h("button", { type: "submit" }, trans.__("Go")));
  const list = h("ul", { class: "academics-scroll academics-entries", "data-testid": "academics-entries" });
  const more = h("p", { class: "academics-faint", hidden: true });
  const share = button("", () => share.getAttribute("aria-disabled") || offerChosen(), { class: "academics-main", "data-testid": "academics-offer-chosen" });
  const whole = button("", () => close(offer(folder.path)), { "data-testid": "academics-offer-folder" });
  const actions = h("div", { class: "academics-actions" }, share, whole, button(trans.__("Close"), () => close(), { class: "academics-quiet" }));
  const box = h("div", { class: "academics-folders", role: "group", "aria-label": trans.__("The server's disk"), hidden: true }, place, list, more, actions);
  const toggle = button(trans.__("choose from the server’s disk"), () => (box.hidden ? open() : close()), { class: "academics-link", "aria-expanded": "false" });

  function open() {
    put(box, "hidden", false);
    put(toggle, "aria-expanded", "true");
    focus = true;
    ask("browse", { path: folder?.path ?? "" });
  }
  function close() {
    put(box, "hidden", true);
    put(toggle, "aria-expanded", "false");
    chosen.clear();
    toggle.focus();
  }
  function enter(next) {
    cameFrom = "";
    focus = true;
    ask("browse", { path: next });
  }
  function climb() {
    if (!folder.above) return;
    enter(folder.above);
    cameFrom = folder.name;
  }
  function offerChosen() {
    const paths = folder.entries.filter(({ name }) => chosen.has(name)).map(({ name }) => below(folder.path, name));
    paths.forEach(offer);
    close();
  }
  function show(message) {
    if (box.hidden) return;
    chosen.clear();
    folder = message.folder;
    if (folder.chosen) chosen.add(folder.chosen);
    path.value = folder.path;
    put(up, "aria-disabled", folder.above ? false : "true");
    put(list, "aria-label", trans.__("Files and folders in %1", plain(folder.name)));
    list.replaceChildren(...folder.entries.map(entryRow));
    if (!folder.entries.length) list.append(h("li", { class: "academics-empty" }, trans.__("Nothing here that can be shared.")));
    const unlisted = () => trans.__("and %1 more: share the whole folder, or give a file's path above", folder.more);
    say(more, folder.more ? unlisted() : "");
    const boxes = [...list.querySelectorAll("input")];
    const first = boxes.find((each) => each.value === (folder.chosen || cameFrom)) ?? boxes[0];
    if (first) put(first, "tabindex", 0);
    if (focus || (folder.chosen && first)) (first ?? path).focus();
    focus = false;
    count();
  }
  function entryRow(entry) {
    const label = entry.folder ? trans.__("%1, folder", plain(entry.name)) : plain(entry.name);
    const tick = h("input", { type: "checkbox", value: entry.name, tabindex: -1, "aria-label": label });
    tick.checked = chosen.has(entry.name);
    tick.addEventListener("change", () => {
      tick.checked ? chosen.add(entry.name) : chosen.delete(entry.name);
      count();
    });
    tick.addEventListener("focus", () => list.querySelectorAll("input").forEach((each) => put(each, "tabindex", each === tick ? 0 : -1)));
    const name = entry.folder
      ? button([h("span", { "aria-hidden": "true" }, "▸ "), bdi(entry.name)], () => enter(below(folder.path, entry.name)), {
          class: "academics-entry",
          tabindex: -1,
          "aria-label": trans.__("Open the folder %1", plain(entry.name)),
        })
      : h("span", { class: "academics-entry", onclick: () => tick.click() }, bdi(entry.name));
    const size = h("span", { class: "academics-faint academics-size" }, entry.folder ? "" : bytes(entry.size_bytes));
    return h("li", { "data-folder": entry.folder }, tick, name, size);
  }
  function count() {
    put(share, "aria-disabled", chosen.size ? false : "true");
    const adding = () => trans._n("Add the one chosen", "Add the %1 chosen", chosen.size);
    share.textContent = chosen.size ? adding() : trans.__("Choose files or folders");
    whole.replaceChildren(...around(trans.__("Add all of %1 as one folder"), bdi(folder.name)));
  }
  list.addEventListener("keydown", (event) => {
    if (event.target.tagName !== "INPUT") return;
    const boxes = [...list.querySelectorAll("input")];
    const here = boxes.indexOf(event.target);
    const entry = folder.entries[here];
    const moves = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: boxes.length - 1 };
    if (event.key in moves) boxes.at(Math.max(0, Math.min(moves[event.key], boxes.length - 1))).focus();
    else if (event.key === "Enter" || (event.key === "ArrowRight" && entry.folder)) entry.folder ? enter(below(folder.path, entry.name)) : event.target.click();
    else if (event.key === "ArrowLeft" || event.key === "Backspace") climb();
    else if (event.key.length === 1 && event.key !== " ") boxes.find((each) => each.value.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  return { box, toggle, replies: { folder: show } };
}

function below(path, name) {
  const mark = path.includes("\\") && !path.startsWith("/") ? "\\" : "/";
  return path.endsWith(mark) ? path + name : path + mark + name;
}

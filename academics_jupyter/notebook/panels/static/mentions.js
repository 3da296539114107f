// Names completed while one writes `@na`: arrow keys choose, Enter or Tab takes, Escape closes.

const UNFINISHED = /(?<![\p{L}\p{N}_@./])@("[^"\n]*|(?:[\p{L}\p{N}][\p{L}\p{N}_.'’-]*)?)$/u;
const MOST_NAMES = 8;
let mentionLists = 0;

/** `people` gives [name, as it is written] pairs. Its `press` takes a key, and says whether that was meant for it. */
function mentionsOf(field, people, changed) {
  const id = `academics-mentions-${Date.now().toString(36)}-${(mentionLists += 1)}`;
  const list = h("div", { class: "academics-mentions", role: "listbox", id, "aria-label": trans.__("People to mention"), hidden: true });
  let found = [];
  let chosen = 0;
  put(field, "aria-autocomplete", "list");
  put(field, "aria-controls", id);

  function look() {
    const start = field.selectionStart === field.selectionEnd ? unfinished() : null;
    const wanted = start?.replace(/^"/, "").toLocaleLowerCase();
    found = start === null ? [] : people().filter(([name]) => name.toLocaleLowerCase().startsWith(wanted));
    found = found.slice(0, MOST_NAMES);
    chosen = 0;
    draw();
  }
  function unfinished() {
    return UNFINISHED.exec(field.value.slice(0, field.selectionStart))?.[1] ?? null;
  }
  function draw() {
    put(list, "hidden", !found.length);
    put(field, "aria-activedescendant", found.length ? `${id}-${chosen}` : false);
    list.replaceChildren(...found.map(([name], place) => option(name, place)));
  }
  function option(name, place) {
    const node = h("div", { role: "option", id: `${id}-${place}`, "aria-selected": place === chosen ? "true" : "false" }, bdi(name));
    node.addEventListener("mousedown", (event) => {
      // The field keeps its focus.
      event.preventDefault();
      chosen = place;
      take();
    });
    return node;
  }
  function take() {
    const start = field.selectionStart - unfinished().length - 1;
    field.setRangeText(`${found[chosen][1]} `, start, field.selectionStart, "end");
    close();
    changed();
  }
  function close() {
    found = [];
    draw();
  }
  function press(key) {
    if (!found.length) return false;
    const step = { ArrowDown: 1, ArrowUp: found.length - 1 }[key];
    if (step) chosen = (chosen + step) % found.length;
    if (step) draw();
    else if (key === "Enter" || key === "Tab") take();
    else if (key === "Escape") close();
    else return false;
    return true;
  }
  field.addEventListener("input", look);
  field.addEventListener("blur", close);
  return { list, press };
}

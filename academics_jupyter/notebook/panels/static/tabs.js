// The bar of tabs: one tab stop, arrow keys between tabs (the ARIA pattern for tabs).

const TABS = [
  ["explore", () => trans.__("Explore")],
  ["share", () => trans.__("Share")],
  ["downloads", () => trans.__("Downloads")],
  ["chat", () => trans.__("Chat")],
];
const MEANING = { chat: () => trans.__("unread"), downloads: () => trans.__("under way") };

function render({ model, el }) {
  const panel = model.get("panel");
  const list = h("div", { class: "academics-tablist", role: "tablist", "aria-label": "Academics" });
  const tabs = TABS.map(([name, title]) => makeTab(panel, name, title(), () => select(name)));
  list.append(...tabs);
  list.addEventListener("keydown", (event) => move(event, tabs, model.get("selected"), select));
  el.classList.add("academics-tabs");
  el.append(list);

  function select(name) {
    model.set("selected", name);
    model.save_changes();
  }
  function draw() {
    el.hidden = !model.get("registered");
    tabs.forEach((tab) =>
      drawTab(tab, tab.dataset.tab === model.get("selected"), model.get("counts")[tab.dataset.tab] ?? 0),
    );
  }
  const changes = "change:selected change:counts change:registered";
  model.on(changes, draw);
  draw();
  return () => model.off(changes, draw);
}

function makeTab(panel, name, title, onclick) {
  return button(title, onclick, {
    role: "tab",
    id: `academics-${panel}-tab-${name}`,
    "aria-controls": `academics-${panel}-${name}`,
    "data-tab": name,
    "data-testid": `academics-tab-${name}`,
    "data-title": title,
  });
}

function drawTab(tab, selected, count) {
  const { title, tab: name } = tab.dataset;
  put(tab, "aria-selected", selected ? "true" : "false");
  put(tab, "tabindex", selected ? 0 : -1);
  put(tab, "data-count", count);
  put(tab, "aria-label", count ? `${title}, ${count} ${MEANING[name]?.() ?? ""}` : title);
  fill(tab, count, () => (count ? [title, " ", h("span", { class: "academics-count" }, `(${count})`)] : [title]));
}

function move(event, tabs, selected, select) {
  const here = tabs.findIndex((tab) => tab.dataset.tab === selected);
  const last = tabs.length - 1;
  const places = {
    ArrowRight: here === last ? 0 : here + 1,
    ArrowLeft: here === 0 ? last : here - 1,
    Home: 0,
    End: last,
  };
  if (!(event.key in places)) return;
  event.preventDefault();
  const tab = tabs[places[event.key]];
  select(tab.dataset.tab);
  tab.focus();
}

export default { render };

// What all parts share: making elements, keeping lists in step, formats, and the talk with the kernel.
// Whatever comes from a peer becomes a text node or an attribute that only holds text; nothing becomes HTML.

const BEAT_MS = 20000;

/** What JupyterLab's extensions call to say a text in the language of the page; `%1` stands for the first value. */
const trans = {
  __: (text, ...values) => trans.filled(trans.asked({ text }), values),
  _n: (text, plural, count, ...values) =>
    trans.filled(trans.asked({ text, plural, count }), [count.toLocaleString(document.documentElement.lang || "en"), ...values]),
  filled: (text, values) => text.replace(/%(\d)/g, (whole, place) => values[place - 1] ?? whole),
  /** JupyterLab's translations are within its extensions' reach only: ours answers, where it is installed. */
  asked: (what) => {
    const detail = { ...what };
    document.dispatchEvent(new CustomEvent("academics:translate", { detail }));
    return detail.translated ?? (what.plural !== undefined && what.count !== 1 ? what.plural : what.text);
  },
};

/** An element; `on…` properties are listeners, booleans switch attributes, the rest are attributes. */
function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else put(node, name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Set, switch or remove an attribute, only where it differs. */
function put(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value === true ? "" : value))
    node.setAttribute(name, value === true ? "" : value);
}

/** Show a text, or hide where there is none; only where it differs, so that what one has selected stays selected. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  put(node, "hidden", text === "");
}

/** A peer's words, which may run in either direction without disturbing what stands around them. */
function bdi(text, properties = {}) {
  return h("bdi", { dir: "auto", ...properties }, plain(text));
}

/** Without the characters that turn text around, so that `exe.png` cannot stand for `gnp.exe`, and without control codes. */
function plain(text) {
  return text
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, "")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}

function button(label, onclick, properties = {}) {
  return h("button", { type: "button", onclick, ...properties }, label);
}

/** A form that calls `onsubmit`, by its button or by Enter in a line of it. */
function submittable(properties, onsubmit, ...children) {
  const form = h("form", properties, ...children);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onsubmit();
  });
  // JupyterLab keeps browsers from submitting a form in an output by themselves.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    form.requestSubmit();
  });
  return form;
}

const PRESENCES = {
  online: () => trans.__("online"),
  busy: () => trans.__("busy: their kernel computes"),
  away: () => trans.__("away"),
};

/** Where somebody is, as a dot; said in words to those who cannot see it, unless these stand beside it. */
function presenceDot(presence = "away", isSaid = true) {
  const dot = h("span", { class: "academics-dot", "aria-hidden": isSaid ? false : "true" });
  drawPresence(dot, presence);
  return dot;
}

function drawPresence(dot, presence) {
  const isSaid = dot.getAttribute("aria-hidden") === null;
  put(dot, "data-presence", presence);
  put(dot, "title", PRESENCES[presence]());
  fill(dot, presence, () => (isSaid ? h("span", { class: "academics-unseen" }, `${PRESENCES[presence]()} `) : []));
}

/** A translated text with an element in the place of its `%1`. */
function around(text, node) {
  const [before, after = ""] = text.split("%1");
  return [before, node, after];
}

/** Names of a list as elements, each isolated, with commas between. */
function names(list, more = 0) {
  const nodes = list.flatMap((name, place) => (place ? [", ", bdi(name)] : [bdi(name)]));
  return more ? [...nodes, ` ${trans.__("and %1 more", more)}`] : nodes;
}

/** Replace an element's children only where what they show differs from before. */
function fill(node, signature, make) {
  const key = JSON.stringify(signature);
  if (node.academicsShown === key) return;
  node.academicsShown = key;
  node.replaceChildren(...[make()].flat());
}

/** Keep a parent's children in step with items: a known item keeps its element, its place in the page and its focus. */
function keep(parent, items, keyOf, make, update) {
  const known = (parent.academicsKept ??= new Map());
  const wanted = new Set(items.map(keyOf));
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  for (const [key, node] of known) {
    if (wanted.has(key)) continue;
    node.remove();
    known.delete(key);
  }
  items.forEach((item, place) => {
    const key = keyOf(item);
    if (!known.has(key)) known.set(key, make(item));
    const node = known.get(key);
    update(node, item);
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
  });
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/** A progress bar that says in words how far it is. */
function progressBar(label) {
  return h(
    "div",
    { class: "academics-bar", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    h("div"),
  );
}

function setProgress(bar, share) {
  const percent = Math.round(100 * Math.min(Math.max(share, 0), 1));
  put(bar, "aria-valuenow", percent);
  bar.firstChild.style.width = `${percent}%`;
}

function bytes(count) {
  const step = [
    ["TB", 1e12],
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ].find(([, size]) => count >= size);
  if (!step) return trans._n("%1 byte", "%1 bytes", count);
  const value = count / step[1];
  return `${value.toFixed(value < 10 ? 1 : 0)} ${step[0]}`;
}

/** What a resource is, how long, and which version, where it is not the first. */
function kindOf(row) {
  const kind = row.files ? trans._n("folder, %1 file", "folder, %1 files", row.files) : trans.__(row.kind);
  return `${kind} · ${bytes(row.size_bytes)}${row.version > 1 ? ` · ${trans.__("version %1", row.version)}` : ""}`;
}

/** A time of today as the hour, an older one as the day. */
function moment(ms) {
  const then = new Date(ms);
  const today = then.toDateString() === new Date().toDateString();
  return then.toLocaleString(
    undefined,
    today ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" },
  );
}

/** A button that copies a text, also in pages that the browser keeps from its clipboard for want of HTTPS. */
function copyButton(text, label) {
  const node = button(
    trans.__("Copy"),
    async () => {
      try {
        if (navigator.clipboard) await navigator.clipboard.writeText(text);
        else copyFromField(text);
        node.textContent = trans.__("Copied");
      } catch {
        node.textContent = trans.__("Not copied");
      }
      setTimeout(() => (node.textContent = trans.__("Copy")), 1500);
    },
    { class: "academics-quiet", "aria-label": label, title: label },
  );
  return node;
}

function copyFromField(text) {
  const field = h("textarea", { class: "academics-unseen" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/** Connect a view with its part in the kernel: draw its state, tell whether it is in sight, show its problems. */
function connect(model, el, name, draw, replies = {}) {
  const view = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
  const state = {};
  const ask = (command, content = {}, buffers = []) => model.send({ do: command, ...content }, undefined, buffers);
  const problem = h("div", { class: "academics-problem", role: "alert", hidden: true });
  const body = h("div", { class: "academics-body" });
  el.classList.add("academics-part", `academics-${name}`);
  el.append(problem, body);
  if (model.get("selected")) asTabPanel(model.get("panel"), el, name);

  const onMessage = (message, buffers) => {
    if (message.state) {
      Object.assign(state, message.state);
      draw(state);
    }
    for (const [kind, reply] of Object.entries(replies)) if (message[kind] !== undefined) reply(message, buffers);
  };
  const onProblem = () => {
    say(problem, model.get("problem"));
    if (!problem.hidden) problem.scrollIntoView({ block: "nearest" });
  };
  const onSelected = () => (el.hidden = model.get("selected") !== "" && model.get("selected") !== name);
  model.on("msg:custom", onMessage);
  model.on("change:problem", onProblem);
  model.on("change:selected", onSelected);
  onProblem();
  onSelected();
  const stopWatching = watchSight(el, (seen) => ask("sight", { view, seen }));
  ask("look");
  const disconnect = () => {
    stopWatching();
    model.off("msg:custom", onMessage);
    model.off("change:problem", onProblem);
    model.off("change:selected", onSelected);
  };
  return { ask, body, state, disconnect };
}

function asTabPanel(panel, el, name) {
  put(el, "role", "tabpanel");
  put(el, "id", `academics-${panel}-${name}`);
  put(el, "aria-labelledby", `academics-${panel}-tab-${name}`);
}

/** Tell when an element comes into sight or leaves it, and now and then that it still is in it. */
function watchSight(el, tell) {
  let crossing = false;
  let told = false;
  const look = () => {
    const seen = crossing && document.visibilityState === "visible";
    if (seen !== told) tell((told = seen));
  };
  const observer = new IntersectionObserver((entries) => {
    crossing = entries.at(-1).isIntersecting;
    look();
  });
  observer.observe(el);
  const leave = () => told && tell((told = false));
  const beat = setInterval(() => told && tell(true), BEAT_MS);
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", leave);
  return () => {
    observer.disconnect();
    clearInterval(beat);
    document.removeEventListener("visibilitychange", look);
    window.removeEventListener("pagehide", leave);
    leave();
  };
}

// The first run: what this is, the form that makes a profile, the fingerprint; and one's own profile later.

const aboutNote = () => trans.__("Share papers, data and notebooks with colleagues, find theirs, and write to them. Files go from person to person: no server keeps them.");
const publishedNote = () => trans.__("Files go to whoever downloads them, messages only to those you write to. Until you register, nothing is published.");
const meaningNote = () => trans.__("Anybody can take your name; nobody else can have this fingerprint. Read it to colleagues or put it on your web page, and they can tell that it is you.");
const NEXT = [
  ["share", () => trans.__("Share something")],
  ["explore", () => trans.__("See what others share")],
  ["chat", () => trans.__("Write to somebody")],
];

/** For those without a profile. */
function startForm(register) {
  const fields = personFields();
  const published = h("p", { class: "academics-published" });
  const keys = h("p", {});
  const form = submittable(
    { class: "academics-form academics-registration", "data-testid": "academics-registration" },
    () => register(fields.values()),
    ...fields.nodes,
    h("div", { class: "academics-actions" }, h("button", { type: "submit", class: "academics-main" }, trans.__("Register and go online"))),
  );
  const told = facts([
    [trans.__("Who sees it"), [published, h("p", {}, publishedNote())]],
    [trans.__("Your key"), [keys]],
  ]);
  const node = h(
    "section",
    { class: "academics-start", "aria-label": trans.__("Welcome to Academics"), "data-testid": "academics-welcome" },
    h("h3", { class: "academics-greeting" }, trans.__("Welcome to Academics")),
    h("p", {}, aboutNote()),
    form,
    told,
  );
  function draw({ published: text, about }) {
    say(published, text ?? "");
    const secret = () => trans.__("A secret key is made for you; it is who you are on the network. It stays on this machine, in %1.");
    fill(keys, about?.keys, () => around(secret(), pathText(about.keys)));
  }
  return { node, form, draw };
}

/** For those who have just registered: what they are known by, and what to do next. */
function welcomeBox(goOn) {
  const greeting = h("h3", { class: "academics-greeting", tabindex: -1 });
  const identity = h("div", {});
  const next = NEXT.map(([part, label], place) => button(label(), () => goOn(part), { class: place ? "" : "academics-main" }));
  const close = button("✕", () => goOn(""), { class: "academics-quiet", "aria-label": trans.__("Close the welcome") });
  const node = h(
    "section",
    { class: "academics-start", "aria-label": trans.__("You are registered"), "data-testid": "academics-welcomed", hidden: true },
    h("div", { class: "academics-row-top" }, greeting, close),
    identity,
    h("div", { class: "academics-actions academics-next" }, ...next),
  );
  function draw(state) {
    const was = !node.hidden;
    put(node, "hidden", !state.is_new);
    if (node.hidden) return;
    fill(greeting, state.name, () => around(trans.__("Welcome, %1"), bdi(state.name)));
    fill(identity, [state.fingerprint, state.about], () => identityFacts(state));
    if (!was) greeting.focus({ preventScroll: true });
  }
  return { node, draw };
}

/** One's own profile, to be looked at and changed. */
function ownBox(edit) {
  const fields = personFields();
  const told = h("span", { class: "academics-faint", role: "status", hidden: true });
  const identity = h("div", {});
  const form = submittable(
    { class: "academics-form academics-registration" },
    () => edit(fields.values()),
    ...fields.nodes,
    h("div", { class: "academics-actions" }, h("button", { type: "submit", class: "academics-main" }, trans.__("Save")), told),
  );
  const node = h("section", { class: "academics-start", "aria-label": trans.__("Your profile"), "data-testid": "academics-profile-box" }, form, identity);
  return {
    node,
    open: (state) => {
      say(told, "");
      fields.fillIn(state.about ?? {});
      fields.focus();
    },
    draw: (state) => state.about?.protection && fill(identity, [state.fingerprint, state.about], () => identityFacts(state)),
    saved: () => say(told, trans.__("Saved; others see it so from now on.")),
  };
}

function identityFacts({ fingerprint, about }) {
  const shown = h("code", { class: "academics-fingerprint", "data-testid": "academics-fingerprint" }, fingerprint);
  const mark = h("div", { class: "academics-actions" }, shown, copyButton(fingerprint, trans.__("Copy your fingerprint")));
  const keys = around(trans.__("In %1, %2", "%1", about.protection), pathText(about.keys));
  const why = trans.__("Without it you cannot be yourself again. Keep a copy of it apart: %1 in a terminal.");
  const spare = around(why, h("code", {}, "academics key export FILE"));
  return facts([
    [trans.__("Your fingerprint"), [mark, h("p", { class: "academics-faint" }, meaningNote())]],
    [trans.__("Your key"), [h("p", {}, ...keys), h("p", { class: "academics-faint" }, ...spare)]],
  ]);
}

function facts(rows) {
  return h("dl", { class: "academics-told" }, ...rows.flatMap(([term, told]) => [h("dt", {}, term), h("dd", {}, ...told)]));
}

function pathText(path) {
  return h("code", { class: "academics-path-text" }, bdi(path));
}

function personFields() {
  const line = (name, label, properties) => {
    const control = h("input", { type: "text", name, maxlength: 200, dir: "auto", ...properties });
    return { name, control, node: h("label", {}, label, control) };
  };
  const fields = [
    line("name", trans.__("Name"), { required: true, maxlength: 100, autocomplete: "name", placeholder: trans.__("as your papers have it") }),
    line("affiliation", trans.__("Affiliation"), { autocomplete: "organization", placeholder: trans.__("optional") }),
    line("email", trans.__("Email, which others see"), { autocomplete: "email", inputmode: "email", placeholder: trans.__("optional") }),
    line("interests", trans.__("What you work on, separated by commas"), { placeholder: trans.__("optional: fluid dynamics, open data") }),
  ];
  return {
    nodes: fields.map(({ node }) => node),
    values: () => Object.fromEntries(fields.map(({ name, control }) => [name, control.value])),
    fillIn: (about) =>
      fields.forEach(({ name, control }) => (control.value = name === "interests" ? (about.interests ?? []).join(", ") : (about[name] ?? ""))),
    focus: () => fields[0].control.focus(),
  };
}

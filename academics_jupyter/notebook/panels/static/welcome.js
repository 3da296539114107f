// The first run: what this is, the form that makes a profile, the fingerprint; and one's own profile later.

const ABOUT = "Share papers, data and notebooks with colleagues, find theirs, and write to them. Files go from person to person: no server keeps them.";
const PUBLISHED = "Files go to whoever downloads them, messages only to those you write to. Until you register, nothing is published.";
const MEANING = "Anybody can take your name; nobody else can have this fingerprint. Read it to colleagues or put it on your web page, and they can tell that it is you.";
const NEXT = [
  ["share", "Share something"],
  ["explore", "See what others share"],
  ["chat", "Write to somebody"],
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
    h("div", { class: "academics-actions" }, h("button", { type: "submit", class: "academics-main" }, "Register and go online")),
  );
  const told = facts([["Who sees it", [published, h("p", {}, PUBLISHED)]], ["Your key", [keys]]]);
  const node = h(
    "section",
    { class: "academics-start", "aria-label": "Welcome to Academics", "data-testid": "academics-welcome" },
    h("h3", { class: "academics-greeting" }, "Welcome to Academics"),
    h("p", {}, ABOUT),
    form,
    told,
  );
  function draw({ published: text, about }) {
    say(published, text ?? "");
    fill(keys, about?.keys, () => ["A secret key is made for you; it is who you are on the network. It stays on this machine, in ", pathText(about.keys), "."]);
  }
  return { node, form, draw };
}

/** For those who have just registered: what they are known by, and what to do next. */
function welcomeBox(goOn) {
  const greeting = h("h3", { class: "academics-greeting", tabindex: -1 });
  const identity = h("div", {});
  const next = NEXT.map(([part, label], place) => button(label, () => goOn(part), { class: place ? "" : "academics-main" }));
  const close = button("✕", () => goOn(""), { class: "academics-quiet", "aria-label": "Close the welcome" });
  const node = h(
    "section",
    { class: "academics-start", "aria-label": "You are registered", "data-testid": "academics-welcomed", hidden: true },
    h("div", { class: "academics-row-top" }, greeting, close),
    identity,
    h("div", { class: "academics-actions academics-next" }, ...next),
  );
  function draw(state) {
    const was = !node.hidden;
    put(node, "hidden", !state.is_new);
    if (node.hidden) return;
    fill(greeting, state.name, () => ["Welcome, ", bdi(state.name)]);
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
    h("div", { class: "academics-actions" }, h("button", { type: "submit", class: "academics-main" }, "Save"), told),
  );
  const node = h("section", { class: "academics-start", "aria-label": "Your profile", "data-testid": "academics-profile-box" }, form, identity);
  return {
    node,
    open: (state) => {
      say(told, "");
      fields.fillIn(state.about ?? {});
      fields.focus();
    },
    draw: (state) => state.about?.protection && fill(identity, [state.fingerprint, state.about], () => identityFacts(state)),
    saved: () => say(told, "Saved; others see it so from now on."),
  };
}

function identityFacts({ fingerprint, about }) {
  const shown = h("code", { class: "academics-fingerprint", "data-testid": "academics-fingerprint" }, fingerprint);
  const mark = h("div", { class: "academics-actions" }, shown, copyButton(fingerprint, "Copy your fingerprint"));
  const keys = ["In ", pathText(about.keys), ", ", about.protection];
  const spare = ["Without it you cannot be yourself again. Keep a copy of it apart: ", h("code", {}, "academics key export FILE"), " in a terminal."];
  return facts([
    ["Your fingerprint", [mark, h("p", { class: "academics-faint" }, MEANING)]],
    ["Your key", [h("p", {}, ...keys), h("p", { class: "academics-faint" }, ...spare)]],
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
    line("name", "Name", { required: true, maxlength: 100, autocomplete: "name", placeholder: "as your papers have it" }),
    line("affiliation", "Affiliation", { autocomplete: "organization", placeholder: "optional" }),
    line("email", "Email, which others see", { autocomplete: "email", inputmode: "email", placeholder: "optional" }),
    line("interests", "What you work on, separated by commas", { placeholder: "optional: fluid dynamics, open data" }),
  ];
  return {
    nodes: fields.map(({ node }) => node),
    values: () => Object.fromEntries(fields.map(({ name, control }) => [name, control.value])),
    fillIn: (about) =>
      fields.forEach(({ name, control }) => (control.value = name === "interests" ? (about.interests ?? []).join(", ") : (about[name] ?? ""))),
    focus: () => fields[0].control.focus(),
  };
}

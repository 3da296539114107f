// Rooms: founding one, who is in it, and what can be done about it.

/** People to be picked, of those known: a filter, and a box for each. */
function peoplePicker(label) {
  const picked = new Set();
  let people = [];
  const filter = h("input", { type: "search", placeholder: label, "aria-label": label, oninput: () => draw(people) });
  const list = h("ul", { class: "academics-scroll academics-picker", "aria-label": label });
  function make(row) {
    const box = h("input", { type: "checkbox" });
    box.addEventListener("change", () => (box.checked ? picked.add(row.peer) : picked.delete(row.peer)));
    const text = h("span", {});
    const node = h("li", {}, h("label", { class: "academics-check" }, box, text));
    node.academicsParts = { box, text };
    return node;
  }
  function update(node, row) {
    const { box, text } = node.academicsParts;
    box.checked = picked.has(row.peer);
    const more = [row.presence === "away" ? "" : trans.__(row.presence), row.namesake ? row.fingerprint.slice(0, 9) : ""].filter(Boolean).join(" · ");
    fill(text, [row.name, more], () => [bdi(row.name), h("span", { class: "academics-faint" }, more ? ` ${more}` : "")]);
  }
  function draw(rows) {
    people = rows;
    const wanted = filter.value.trim().toLocaleLowerCase();
    const shown = rows.filter((row) => picked.has(row.peer) || row.name.toLocaleLowerCase().includes(wanted));
    keep(list, shown, (row) => row.peer, make, update);
  }
  const clear = () => {
    picked.clear();
    filter.value = "";
    draw(people);
  };
  return { node: h("div", {}, filter, list), draw, clear, picked: () => [...picked] };
}

/** The form of a new room; what was filled in stays until there is one. */
function newRoom(chat) {
  const name = h("input", { type: "text", maxlength: 100, placeholder: trans.__("Its name"), "aria-label": trans.__("The room's name") });
  const picker = peoplePicker(trans.__("Whom to invite"));
  const history = h("input", { type: "checkbox" });
  const form = submittable(
    { class: "academics-new-room", "data-testid": "academics-new-room", hidden: true },
    () => name.value.trim() && chat.ask("create", { name: name.value, people: picker.picked(), history: history.checked }),
    name,
    picker.node,
    h("label", { class: "academics-check" }, history, trans.__("Who joins later sees what was said before")),
    h("div", { class: "academics-actions" }, h("button", { type: "submit", class: "academics-main" }, trans.__("Create")), button(trans.__("Cancel"), () => open(false))),
  );
  const toggle = button(trans.__("New room"), () => open(form.hidden), { "aria-expanded": "false" });
  form.addEventListener("keydown", (event) => event.key === "Escape" && open(false));
  function open(opens) {
    put(form, "hidden", !opens);
    put(toggle, "aria-expanded", opens ? "true" : "false");
    (opens ? name : toggle).focus();
  }
  function created() {
    if (form.hidden) return;
    name.value = "";
    history.checked = false;
    picker.clear();
    open(false);
    chat.compose.focus();
  }
  return { form, toggle, created, draw: picker.draw };
}

function roomHeader(row, room, details) {
  const [count, away] = [row.members, row.state === "waiting for a host"];
  const about = room.can_write
    ? `${trans._n("%1 member", "%1 members", count)} · ${away ? trans.__("waiting for a host") : trans.__("hosted by %1", row.host)}`
    : trans.__(row.state);
  return [
    h("span", { class: "academics-hash", "aria-hidden": "true" }, "#"),
    h("span", { class: "academics-title" }, ...nameOf(row)),
    h("span", { class: "academics-faint academics-grow", "data-testid": "academics-room-state" }, bdi(about)),
    row.invited ? "" : details.toggle,
  ].filter(Boolean);
}

/** Why nothing can be written; empty where something can. */
function whyReadOnly(row, room) {
  if (!row || !room || room.can_write) return "";
  if (row.invited) return trans.__("You are invited. Accept the invitation to read and write here.");
  if (row.state === "deleted") return trans.__("This room was deleted: it can be read, and nothing more can be written.");
  return trans.__("You have left this room. What was said until then can be read.");
}

/** The room's name and whether its history is open, for who founded it; what was filled in stays until it is so. */
function roomSettings(chat) {
  const name = h("input", { type: "text", maxlength: 100, "aria-label": trans.__("The room's name") });
  const history = h("input", { type: "checkbox" });
  const form = submittable(
    { class: "academics-room-settings", "aria-label": trans.__("Settings"), hidden: true },
    () => name.value.trim() && chat.ask("terms", { room, name: name.value, history: history.checked }),
    name,
    h("label", { class: "academics-check" }, history, trans.__("Who joins later sees what was said before")),
    h("div", { class: "academics-actions" }, h("button", { type: "submit", class: "academics-main" }, trans.__("Save")), button(trans.__("Cancel"), close)),
  );
  let room = "";
  function close() {
    put(form, "hidden", true);
  }
  function open(row, shown) {
    room = row.room;
    name.value = row.name;
    history.checked = shown.history;
    put(form, "hidden", false);
    name.focus();
  }
  return { form, open, close, agreed: (which) => which === room && close() };
}

/** Members with where they are, and below them what can be done. */
function roomDetails(chat) {
  const members = h("ul", { class: "academics-members", "aria-label": trans.__("Members"), "data-testid": "academics-members" });
  const picker = peoplePicker(trans.__("Whom to invite"));
  const inviting = submittable({ hidden: true }, invite, picker.node, h("button", { type: "submit", class: "academics-main" }, trans.__("Invite them")));
  const settings = roomSettings(chat);
  const question = h("div", { class: "academics-question", role: "group", hidden: true });
  const actions = h("div", { class: "academics-actions" });
  const node = h("div", { class: "academics-details academics-scroll", hidden: true }, members, actions, inviting, settings.form, question);
  const toggle = button(trans.__("Members"), () => open(node.hidden), { class: "academics-quiet", "aria-expanded": "false" });
  let room = "";
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    open(false);
    toggle.focus();
  });
  function open(opens) {
    put(node, "hidden", !opens);
    put(toggle, "aria-expanded", opens ? "true" : "false");
    put(inviting, "hidden", true);
    put(question, "hidden", true);
    settings.close();
  }
  function invite() {
    const people = picker.picked();
    if (people.length) chat.ask("invite", { room, people });
    picker.clear();
    put(inviting, "hidden", true);
  }
  function ask(text, label, command) {
    const yes = () => {
      chat.ask(command, { room });
      open(false);
    };
    put(question, "aria-label", label);
    question.replaceChildren(
      h("span", {}, text),
      button(label, yes, { class: "academics-danger" }),
      button(trans.__("Cancel"), () => put(question, "hidden", true)),
    );
    put(question, "hidden", false);
    question.querySelector("button").focus();
  }
  function draw(row, shown, people) {
    if (room !== row.room) open(false);
    room = row.room;
    const names = shown.members.map(({ name }) => name.trim().toLocaleLowerCase());
    const alike = (name) => names.filter((each) => each === name.trim().toLocaleLowerCase()).length > 1;
    const draws = (item, each) => drawMember(item, each, alike(each.name));
    keep(members, shown.members, (each) => `${each.role} ${each.peer}`, makeMember, draws);
    const inside = new Set(shown.members.filter((each) => each.role !== "invited").map((each) => each.peer));
    picker.draw(people.filter((each) => !inside.has(each.peer)));
    fill(actions, [row.room, row.name, shown.history, shown.mine, shown.can_write, shown.state, row.muted], () => actionsOf(row, shown));
  }
  function actionsOf(row, shown) {
    const toInvite = () => {
      put(inviting, "hidden", !inviting.hidden);
      if (!inviting.hidden) inviting.querySelector("input").focus();
    };
    const leaving = trans.__("Leave the room? Nothing more that is said in it comes to you.");
    const deleting = trans.__("Delete the room? Everybody keeps what was said, and nothing more can be written.");
    const isMember = !["left", "leaving", "declined"].includes(shown.state);
    return [
      shown.can_write && button(trans.__("Invite"), toInvite),
      shown.can_write && shown.mine && button(trans.__("Settings"), () => settings.open(row, shown)),
      isMember && button(row.muted ? trans.__("Unmute") : trans.__("Mute"), () => chat.ask("mute", { room, muted: !row.muted })),
      isMember && button(trans.__("Leave"), () => ask(leaving, trans.__("Leave it"), "leave")),
      shown.can_write && shown.mine && button(trans.__("Delete"), () => ask(deleting, trans.__("Delete it"), "delete"), { class: "academics-danger" }),
    ].filter(Boolean);
  }
  return { node, toggle, draw, agreed: settings.agreed };
}

function makeMember(each) {
  const parts = {
    dot: presenceDot("away", false),
    name: h("span", { class: "academics-grow" }),
    about: h("span", { class: "academics-faint" }),
  };
  const node = h("li", { title: trans.__("Fingerprint: %1", each.fingerprint) }, parts.dot, parts.name, parts.about);
  node.academicsParts = parts;
  return node;
}

/** Two of one name are told apart by their fingerprints. */
function drawMember(node, { name, role, state, fingerprint }, isNamesake) {
  const parts = node.academicsParts;
  put(node, "data-state", state);
  drawPresence(parts.dot, state === "you" ? "online" : state in PRESENCES ? state : "away");
  const apart = isNamesake ? ` ${fingerprint.slice(0, 9)}` : "";
  fill(parts.name, [name, apart], () => [bdi(name), h("span", { class: "academics-faint academics-key" }, apart)]);
  say(parts.about, [role === "member" ? "" : role, state].filter(Boolean).map((each) => trans.__(each)).join(" · "));
}

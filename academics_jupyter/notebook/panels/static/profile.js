// Who one is and whether one is online; for those without a profile, the form that makes one.

function render({ model, el }) {
  const line = h("div", { class: "academics-standing", "data-testid": "academics-standing" });
  const start = startForm((given) => link.ask("register", given));
  const { form } = start;
  const welcome = welcomeBox((part) => link.ask("welcomed", { part }));
  const own = ownBox((given) => link.ask("edit", given));
  const turn = () => {
    put(own.node, "hidden", !own.node.hidden);
    put(who, "aria-expanded", own.node.hidden ? "false" : "true");
    if (!own.node.hidden) own.open(link.state);
  };
  const who = button(trans.__("Profile"), turn, { class: "academics-quiet", "aria-expanded": "false", "data-testid": "academics-own-profile" });
  const head = h("div", { class: "academics-row-top academics-head" }, line, who);
  const told = h("span", { class: "academics-grow" });
  const dismiss = button("✕", () => link.ask("dismiss"), {
    class: "academics-quiet",
    "aria-label": trans.__("Close this notice"),
  });
  const notice = h("div", { class: "academics-notice academics-row-top", role: "status", hidden: true }, told, dismiss);
  const starved = h("span", { class: "academics-grow" });
  const offer = h(
    "div",
    {
      class: "academics-notice academics-row-top",
      role: "status",
      "data-testid": "academics-detach-offer",
      hidden: true,
    },
    starved,
    button(trans.__("Detach"), () => act("detach"), { class: "academics-main", "data-testid": "academics-detach" }),
    button("✕", () => link.ask("decline"), { class: "academics-quiet", "aria-label": trans.__("Do not detach") }),
  );
  const link = connect(model, el, "profile", draw, { saved: () => own.saved() });
  line.append(h("span", {}, trans.__("Opening your profile…")));
  for (const each of [start.node, who, own.node]) each.hidden = true;
  link.body.append(head, start.node, welcome.node, own.node, notice, offer);
  const onProblem = () => setBusy(false);
  model.on("change:problem", onProblem);

  function draw(state) {
    if (!state.role) return;
    put(el, "data-role", state.role);
    const isNew = state.role === "unregistered";
    put(start.node, "hidden", !isNew);
    put(head, "hidden", isNew);
    put(who, "hidden", isNew);
    if (isNew) put(own.node, "hidden", true);
    start.draw(state);
    welcome.draw(state);
    own.draw(state);
    say(told, state.notice);
    put(notice, "hidden", state.notice === "");
    say(starved, state.starved);
    put(offer, "hidden", state.starved === "");
    const { role, name, fingerprint, links, driven_by: driver } = state;
    fill(line, { role, name, fingerprint, links, driver }, () => standing(state, act));
    setBusy(false);
  }
  function act(command) {
    setBusy(true);
    link.ask(command);
  }
  function setBusy(busy) {
    for (const each of [line, offer].flatMap((part) => [...part.querySelectorAll("button")])) each.disabled = busy;
    form.querySelector("[type=submit]").disabled = busy;
  }
  form.addEventListener("submit", () => setBusy(true));
  return () => {
    model.off("change:problem", onProblem);
    link.disconnect();
  };
}

function standing(state, act) {
  const online = state.role !== "stopped";
  const me = [presenceDot(online ? "online" : "away", false), bdi(state.name, { class: "academics-me" })];
  const key = h(
    "span",
    { class: "academics-faint academics-key", title: trans.__("Your fingerprint: %1", state.fingerprint) },
    state.fingerprint.slice(0, 9),
  );
  if (state.role === "passenger") {
    return [
      ...me,
      key,
      h("span", { class: "academics-faint academics-grow" }, ...around(trans.__("online; %1 runs your peer"), bdi(state.driven_by))),
      button(trans.__("Run it here"), () => act("attach"), {
        class: "academics-quiet",
        title: trans.__("Take your peer into this kernel"),
        "data-testid": "academics-attach",
      }),
    ];
  }
  if (online) {
    const links = trans._n("online, %1 link", "online, %1 links", state.links);
    return [
      ...me,
      key,
      h("span", { class: "academics-faint academics-grow" }, links),
      button(trans.__("Go offline"), () => act("stop"), { class: "academics-quiet" }),
    ];
  }
  const why = trans.__("offline: what you share or write waits");
  return [
    ...me,
    key,
    h("span", { class: "academics-faint academics-grow" }, why),
    button(trans.__("Go online"), () => act("start"), { class: "academics-main", "data-testid": "academics-go-online" }),
  ];
}

export default { render };

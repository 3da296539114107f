// The description of a resource as the fields of a form: title, authors, year, keywords, abstract, licence, DOI.

const FIELDS = [
  ["title", () => trans.__("Title"), textField],
  ["authors", () => trans.__("Authors, separated by ;"), textField],
  ["year", () => trans.__("Year"), yearField],
  ["license", () => trans.__("Licence"), licenceField],
  ["doi", () => trans.__("DOI"), textField],
  ["keywords", () => trans.__("Keywords, separated by commas"), textField],
  ["abstract", () => trans.__("Abstract"), areaField],
];
const LICENCES = [
  ["CC BY 4.0", () => trans.__("use it, naming you")],
  ["CC BY-SA 4.0", () => trans.__("use it, naming you, and share alike")],
  ["CC BY-NC 4.0", () => trans.__("use it, naming you, not for profit")],
  ["CC BY-NC-ND 4.0", () => trans.__("pass it on unchanged, not for profit")],
  ["CC0 1.0", () => trans.__("use it in any way")],
  ["MIT", () => trans.__("code: use it, naming you")],
  ["Apache-2.0", () => trans.__("code: use it, naming you")],
  ["GPL-3.0-or-later", () => trans.__("code: use it and share alike")],
  ["All rights reserved", () => trans.__("read it")],
];
const OTHER = "other";

/** The fields, filled in; `changed` is what has been changed since they were. */
function describingFields(row) {
  const fields = FIELDS.map(([name, label, make]) => {
    const field = make(name);
    return { name, ...field, node: field.node ?? h("label", {}, label(), field.control) };
  });
  const start = (field, text) => {
    field.start = text;
    field.set(text);
    // As the control has it, which writes some things in its own way.
    field.shown = field.get();
  };
  const isChanged = (field) => field.get() !== field.shown;
  const fillIn = (described) => fields.filter((field) => !isChanged(field)).forEach((field) => start(field, described[field.name]));
  fields.forEach((field) => start(field, described(row)[field.name]));
  return {
    nodes: fields.map(({ node }) => node),
    changed: () => Object.fromEntries(fields.filter(isChanged).map((field) => [field.name, field.get().trim()])),
    areValid: () => fields.every(({ control }) => control.checkValidity()),
    /** Have the browser say what is wrong; whether nothing is. */
    complain: () => fields.every(({ control }) => control.reportValidity()),
    /** Show what somebody else has changed meanwhile, where it has not been changed here. */
    take: (row) => fillIn(Object.fromEntries(fields.map((field) => [field.name, described(row)[field.name]]))),
    /** What has been saved is where one starts from now on. */
    settle: () => fields.forEach((field) => (field.shown = field.get())),
  };
}

function described(row) {
  const { title, abstract, license, doi } = row;
  const year = String(row.year ?? "");
  return { title, abstract, license, doi, year, authors: row.authors.join("; "), keywords: row.keywords.join(", ") };
}

function fieldOf(control) {
  return { control, get: () => control.value, set: (text) => control.value !== text && (control.value = text) };
}

function textField(name) {
  return fieldOf(h("input", { type: "text", name, dir: "auto" }));
}

function yearField(name) {
  const rule = { inputmode: "numeric", pattern: "\\s*[0-9]{4}\\s*", title: trans.__("A year of four digits") };
  return fieldOf(h("input", { type: "text", name, ...rule }));
}

function areaField(name) {
  return fieldOf(h("textarea", { name, rows: 4, dir: "auto" }));
}

/** A short list, and a line of text for what is not in it. */
function licenceField(name) {
  const control = h(
    "select",
    { name, "aria-label": trans.__("Licence") },
    h("option", { value: "" }, trans.__("not stated")),
    ...LICENCES.map(([licence, meaning]) => h("option", { value: licence }, `${licence} (${meaning()})`)),
    h("option", { value: OTHER }, trans.__("another one…")),
  );
  const other = { "aria-label": trans.__("Another licence"), placeholder: trans.__("its name or address") };
  const text = h("input", { type: "text", dir: "auto", ...other });
  const turn = () => put(text, "hidden", control.value !== OTHER);
  control.addEventListener("change", () => {
    turn();
    if (!text.hidden) text.focus();
  });
  const get = () => (control.value === OTHER ? text.value : control.value);
  const set = (licence) => {
    const known = LICENCES.find(([each]) => bare(each) === bare(licence))?.[0];
    control.value = known ?? (licence ? OTHER : "");
    text.value = known ? "" : licence;
    turn();
  };
  return { control, get, set, node: h("div", { class: "academics-licence" }, h("label", {}, trans.__("Licence"), control), text) };
}

function bare(licence) {
  return licence.toLowerCase().replace(/[\s_-]+/g, "");
}

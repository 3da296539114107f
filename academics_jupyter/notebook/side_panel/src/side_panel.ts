// The panel at the side: whose kernel draws it, what that is at, and the panel itself or what helps to get it.

import { ellipsesIcon } from "@jupyterlab/ui-components";
import type { Message } from "@lumino/messaging";
import { Signal } from "@lumino/signaling";
import { type Menu, Panel, Widget } from "@lumino/widgets";

import { academicsIcon } from "./icon";
import type { Link } from "./link";
import { trans } from "./translating";
import { wordsFor } from "./words";

export const PANEL_ID = "academics-side-panel";
/** Where the keyboard goes when the panel is shown: the chosen tab, else the first field, else what is there. */
const FOCUSED_FIRST = ["[role=tab][aria-selected=true]", ".academics-part input", ".academics-lab-again", "button"];

export class SidePanel extends Panel {
  readonly shownFirst = new Signal<this, void>(this);
  /** Asked for by the button under what is said. */
  readonly again = new Signal<this, void>(this);

  private where = element("span", "academics-lab-where");
  private said = element("p", "");
  private command = element("code", "academics-lab-command");
  private button = element("button", "academics-lab-again");
  private state = element("div", "academics-lab-state");
  private body = new Panel();
  private link: Link | null = null;
  private label = "";
  private wasShown = false;

  constructor(menu: Menu) {
    super();
    this.id = PANEL_ID;
    this.title.icon = academicsIcon;
    this.addClass("academics-lab");
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "Academics");
    this.state.setAttribute("role", "status");
    this.state.dataset.testid = "academics-lab-state";
    this.state.append(this.said, this.command);
    this.button.type = "button";
    this.button.addEventListener("click", () => this.again.emit());
    this.body.addClass("academics-lab-body");
    this.addWidget(new Widget({ node: this.makeHeader(menu) }));
    const under = element("div", "academics-lab-words");
    under.append(this.state, this.button);
    this.addWidget(new Widget({ node: under }));
    this.addWidget(this.body);
    this.countUnread(0);
  }

  /** Show a link's panel in place of the former one's; `label` says whose kernel it is. */
  follow(link: Link | null, label: string): void {
    if (this.link && !this.link.isDisposed) this.link.changed.disconnect(this.draw, this);
    this.link = link;
    this.label = label;
    link?.changed.connect(this.draw, this);
    this.draw();
  }

  /** What the icon in the side bar tells, in words too. */
  countUnread(count: number): void {
    this.title.caption = count ? trans.__("Academics, %1 unread", count) : "Academics";
    this.title.dataset = {
      ...this.title.dataset,
      "academics-unread": count ? (count > 99 ? "99+" : String(count)) : "",
    };
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.tellFirst();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) this.tellFirst();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const targets = FOCUSED_FIRST.flatMap((selector) => [...this.node.querySelectorAll<HTMLElement>(selector)]);
    targets.find((target) => target.offsetParent !== null)?.focus();
  }

  private tellFirst(): void {
    if (this.wasShown) return;
    this.wasShown = true;
    this.shownFirst.emit();
  }

  private makeHeader(menu: Menu): HTMLElement {
    const header = element("div", "academics-lab-header");
    const name = element("h2", "");
    name.textContent = "Academics";
    const more = element("button", "academics-lab-more");
    more.type = "button";
    more.title = trans.__("Kernel of the panel");
    more.setAttribute("aria-label", more.title);
    more.setAttribute("aria-haspopup", "menu");
    more.dataset.testid = "academics-lab-menu";
    ellipsesIcon.element({ container: more, tag: "span", elementPosition: "center", height: "16px", width: "16px" });
    more.addEventListener("click", () => {
      const { left, bottom } = more.getBoundingClientRect();
      menu.open(left, bottom);
    });
    header.append(name, this.where, more);
    return header;
  }

  private draw(): void {
    const phase = this.link?.phase ?? { name: "off" as const };
    const { text, command, again } = wordsFor(phase);
    this.node.dataset.phase = phase.name;
    this.where.textContent = this.label;
    this.where.title = this.label;
    setText(this.said, text);
    setText(this.command, command ?? "");
    setText(this.button, again ?? "");
    const widget = this.link?.widget ?? null;
    if (widget === this.body.widgets[0]) return;
    // Of two kernels' panels one is drawn; the other one waits, out of the page.
    for (const former of [...this.body.widgets]) former.parent = null;
    if (widget) this.body.addWidget(widget);
  }
}

function element<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, className: string): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  node.className = className;
  return node;
}

function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

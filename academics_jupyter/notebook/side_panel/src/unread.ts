// How much is unread, from the panel's bar of tabs: the kernel keeps that up to date whether or not the panel is in sight.

import type { DOMWidgetModel, WidgetModel } from "@jupyter-widgets/base";

import type { Link } from "./link";

/** Calls `tell` with the number whenever it changes, for whichever link is followed. */
export class Unread {
  private link: Link | null = null;
  private panel: DOMWidgetModel | null = null;
  private tabs: WidgetModel | null = null;

  constructor(private tell: (count: number) => void) {}

  follow(link: Link | null): void {
    if (link === this.link) return;
    if (this.link && !this.link.isDisposed) this.link.changed.disconnect(this.look, this);
    this.link = link;
    link?.changed.connect(this.look, this);
    this.look();
  }

  private look(): void {
    const panel = this.link?.model ?? null;
    if (panel === this.panel) return;
    this.tabs?.off("change:counts", this.count, this);
    this.panel = panel;
    const parts: WidgetModel[] = panel?.get("children") ?? [];
    this.tabs = parts.find((part) => part.get("counts") !== undefined) ?? null;
    this.tabs?.on("change:counts", this.count, this);
    this.count();
  }

  private count(): void {
    this.tell(Number(this.tabs?.get("counts").chat ?? 0));
  }
}

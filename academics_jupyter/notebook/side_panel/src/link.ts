// The panel's link with one kernel: asks it for the panel, again after each restart, and says what it is at.

import type { DOMWidgetModel } from "@jupyter-widgets/base";
import type { ISessionContext } from "@jupyterlab/apputils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Kernel, Session } from "@jupyterlab/services";
import type { IDisposable } from "@lumino/disposable";
import { Signal } from "@lumino/signaling";
import type { Widget } from "@lumino/widgets";

import { ask, NoAnswer, type Answer } from "./asking";
import { drawWidget, managerOf } from "./drawing";
import { trans } from "./translating";
import type { Phase } from "./words";

const BUSY_AFTER_MS = 2500;
const RESTARTS = new Set<Kernel.Status>(["restarting", "autorestarting"]);

export class Link implements IDisposable {
  readonly changed = new Signal<this, void>(this);
  phase: Phase = { name: "starting" };
  /** The panel, while the kernel has one; it may stand there through a lost connection. */
  widget: Widget | null = null;
  model: DOMWidgetModel | null = null;
  /** The home folder of whoever runs the kernel. */
  home = "";
  isDisposed = false;

  private turn = 0;
  private restarted = false;
  private waiting: (() => void)[] = [];

  /** `given` is what the entry's `show` is told. */
  constructor(
    readonly sessionContext: ISessionContext,
    private rendermime: IRenderMimeRegistry,
    private given: () => object,
  ) {
    sessionContext.statusChanged.connect(this.onStatus, this);
    sessionContext.connectionStatusChanged.connect(this.onConnection, this);
    sessionContext.kernelChanged.connect(this.onKernel, this);
    sessionContext.sessionChanged.connect(this.onSession, this);
  }

  get kernel(): Kernel.IKernelConnection | null {
    return this.sessionContext.session?.kernel ?? null;
  }

  /** Ask for the panel and draw it. */
  async run(): Promise<void> {
    const turn = ++this.turn;
    const kernel = this.kernel;
    if (kernel === null) return this.enter({ name: "ended" });
    this.enter({ name: "drawing" });
    const late = setTimeout(() => turn === this.turn && this.enter({ name: "busy" }), BUSY_AFTER_MS);
    try {
      const manager = await managerOf(this.sessionContext, this.rendermime);
      const { model, home } = await ask(kernel, "show", this.given());
      clearTimeout(late);
      const drawn = await drawWidget(manager, String(model));
      if (turn !== this.turn) return drawn.widget.dispose();
      this.widget?.dispose();
      this.home = String(home);
      this.widget = drawn.widget;
      this.model = drawn.model;
      this.enter({ name: "shown" });
    } catch (error) {
      // What a restart has cut off is run again after it.
      if (turn !== this.turn || this.isDisposed) return;
      const why = error instanceof Error ? error.message : String(error);
      this.enter(
        error instanceof NoAnswer
          ? error.phase
          : { name: "failed", why: trans.__("The panel could not be drawn: %1", why) },
      );
    } finally {
      clearTimeout(late);
    }
  }

  /** Call another function of the entry, once the panel is shown. Throws NoAnswer. */
  async call(name: string, given: object): Promise<Answer> {
    while (this.phase.name !== "shown" || this.kernel === null) {
      if (this.isDisposed) throw new NoAnswer({ name: "off" });
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    return ask(this.kernel, name, given);
  }

  enter(phase: Phase): void {
    if (this.isDisposed) return;
    this.phase = phase;
    this.changed.emit();
    for (const resume of this.waiting.splice(0)) resume();
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.turn++;
    this.isDisposed = true;
    Signal.clearData(this);
    this.forget();
    for (const resume of this.waiting.splice(0)) resume();
  }

  private forget(): void {
    this.widget?.dispose();
    this.widget = this.model = null;
  }

  private onStatus(_context: ISessionContext, status: Kernel.Status): void {
    if (RESTARTS.has(status)) {
      this.turn++;
      this.restarted = true;
      this.forget();
      this.enter({ name: "restarting" });
    } else if (status === "dead") {
      this.turn++;
      this.restarted = false;
      this.forget();
      this.enter({ name: "ended" });
    } else if (status === "idle" && this.restarted) {
      this.restarted = false;
      void this.run();
    }
  }

  private onConnection(_context: ISessionContext, status: Kernel.ConnectionStatus): void {
    if (status === "connected" && this.phase.name === "lost") {
      if (this.widget) this.enter({ name: "shown" });
      else void this.run();
    } else if (status !== "connected" && (this.phase.name === "shown" || this.phase.name === "busy")) {
      this.enter({ name: "lost" });
    }
  }

  /** Another kernel for the same notebook; a restart comes here too, with the same one. */
  private onKernel(
    _context: ISessionContext,
    { oldValue, newValue }: Session.ISessionConnection.IKernelChangedArgs,
  ): void {
    if (newValue === null || oldValue === null || oldValue.id === newValue.id) return;
    this.forget();
    void this.run();
  }

  private onSession(_context: ISessionContext, { newValue }: { newValue: unknown }): void {
    if (newValue !== null) return;
    this.turn++;
    this.forget();
    this.enter({ name: "ended" });
  }
}

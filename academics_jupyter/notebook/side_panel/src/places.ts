// Which kernel the panel is drawn by: its own, or that of an open notebook.

import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { ServiceManager } from "@jupyterlab/services";
import type { INotebookTracker } from "@jupyterlab/notebook";
import { Signal } from "@lumino/signaling";

import { Link } from "./link";
import { isRunning, type KernelWishes, startOwn } from "./own_kernel";
import type { SidePanel } from "./side_panel";
import { trans } from "./translating";

export type NotebookPanel = NonNullable<INotebookTracker["currentWidget"]>;

export class Places {
  readonly changed = new Signal<this, void>(this);
  /** The notebook whose kernel draws the panel; null for the panel's own kernel. */
  notebook: NotebookPanel | null = null;

  private own: Link | null = null;
  private borrowed: Link | null = null;

  constructor(
    private panel: SidePanel,
    private services: ServiceManager.IManager,
    private rendermime: IRenderMimeRegistry,
    private wishes: () => KernelWishes,
  ) {
    panel.again.connect(() => this.again());
  }

  get link(): Link | null {
    return this.borrowed ?? this.own;
  }

  get hasOwn(): boolean {
    return this.own?.kernel != null;
  }

  /** Start the panel's own kernel or find it again, unless another one is shown. */
  begin(): Link {
    if (this.borrowed) return this.borrowed;
    if (this.own === null) {
      this.own = startOwn(this.services, this.rendermime, this.wishes());
      this.followOwn();
    }
    return this.own;
  }

  /** After a page was reloaded: find the kernel that is running already. */
  async reattach(): Promise<void> {
    if (this.link === null && (await isRunning(this.services))) this.begin();
  }

  /** Have the panel drawn by a notebook's kernel, on which it is a passenger or drives as the notebook does. */
  useNotebook(notebook: NotebookPanel): void {
    if (notebook === this.notebook) return;
    this.leaveNotebook();
    const { sessionContext } = notebook.context as unknown as { sessionContext: Link["sessionContext"] };
    const link = new Link(sessionContext, this.rendermime, () => ({ own: false }));
    this.notebook = notebook;
    this.borrowed = link;
    notebook.disposed.connect(this.useOwn, this);
    this.follow(link, notebook.title.label);
    void sessionContext.ready.then(() => link.run());
  }

  /** Back to the panel's own kernel. */
  useOwn(): void {
    this.leaveNotebook();
    if (this.own) this.followOwn();
    else this.begin();
  }

  async restart(): Promise<void> {
    await this.begin().sessionContext.restartKernel();
  }

  /** End the panel's own kernel; the peer goes offline, or another kernel of the profile takes it over. */
  async shutDown(): Promise<void> {
    const { own } = this;
    if (own === null) return;
    await own.sessionContext.shutdown();
    this.forgetOwn();
    if (this.borrowed === null) this.followOwn();
  }

  private again(): void {
    const { link } = this;
    if (link?.kernel && link.phase.name !== "ended") return void link.run();
    if (this.borrowed) return void this.borrowed.sessionContext.startKernel();
    this.forgetOwn();
    this.begin();
  }

  private forgetOwn(): void {
    const { own } = this;
    this.own = null;
    own?.dispose();
    own?.sessionContext.dispose();
  }

  private leaveNotebook(): void {
    this.notebook?.disposed.disconnect(this.useOwn, this);
    this.notebook = null;
    const { borrowed } = this;
    this.borrowed = null;
    if (borrowed) this.panel.follow(null, "");
    borrowed?.dispose();
  }

  private followOwn(): void {
    this.follow(this.own, trans.__("Own kernel"));
  }

  private follow(link: Link | null, label: string): void {
    this.panel.follow(link, label);
    this.changed.emit();
  }
}

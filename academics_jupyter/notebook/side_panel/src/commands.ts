// What people can have the panel do: in the palette, the panel's menu, context menus, the launcher and by shortcuts.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { type ICommandPalette, SessionContextDialogs } from "@jupyterlab/apputils";
import type { IDocumentManager } from "@jupyterlab/docmanager";
import type { IFileBrowserFactory } from "@jupyterlab/filebrowser";
import type { ILauncher } from "@jupyterlab/launcher";
import type { INotebookTracker } from "@jupyterlab/notebook";
import { MenuSvg } from "@jupyterlab/ui-components";
import type { Menu, Widget } from "@lumino/widgets";

import { academicsIcon } from "./icon";
import type { NotebookPanel, Places } from "./places";
import { trans } from "./translating";

export const SHOW = "academics:show";
const USE_NOTEBOOK = "academics:use-notebook-kernel";
const USE_OWN = "academics:use-own-kernel";
const RESTART = "academics:restart-kernel";
const SHUT_DOWN = "academics:shut-down-kernel";
const SETTINGS = "academics:settings";
const SHARE_FILES = "academics:share-files";
const SHARE_DOCUMENT = "academics:share-document";

export interface Around {
  app: JupyterFrontEnd;
  places: Places;
  documents: IDocumentManager;
  notebooks: INotebookTracker;
  browsers: IFileBrowserFactory | null;
  /** Bring the panel into sight. */
  show: () => void;
  /** Offer paths of the contents for sharing. */
  offer: (paths: string[]) => Promise<void>;
}

export function addCommands(around: Around): void {
  const { app, places, notebooks, show } = around;
  const { commands } = app;
  commands.addCommand(SHOW, {
    label: ({ launcher }) => (launcher ? "Academics" : trans.__("Show the Academics panel")),
    caption: trans.__("Share, explore and talk, with no notebook"),
    icon: ({ launcher, palette }) => (launcher || !palette ? academicsIcon : undefined),
    execute: show,
  });
  const chosen = (id: unknown): NotebookPanel | null =>
    (id ? notebooks.find((notebook) => notebook.id === id) : notebooks.currentWidget) ?? null;
  commands.addCommand(USE_NOTEBOOK, {
    label: ({ id }) =>
      id ? (chosen(id)?.title.label ?? "") : trans.__("Use the current notebook's kernel for the panel"),
    isEnabled: ({ id }) => chosen(id) !== null,
    isToggled: ({ id }) => id !== undefined && places.notebook?.id === id,
    isToggleable: true,
    execute: ({ id }) => {
      const notebook = chosen(id);
      if (notebook) places.useNotebook(notebook);
      show();
    },
  });
  commands.addCommand(USE_OWN, {
    label: ({ menu }) => (menu ? trans.__("Own kernel") : trans.__("Use the panel's own kernel")),
    isToggled: ({ menu }) => menu === true && places.notebook === null,
    isToggleable: true,
    execute: () => {
      places.useOwn();
      show();
    },
  });
  commands.addCommand(RESTART, {
    label: trans.__("Restart the panel's kernel"),
    isEnabled: () => places.link?.kernel != null,
    execute: async () => {
      const { link, notebook } = places;
      // A person's own names are lost with a notebook's kernel: the dialog asks.
      if (link && notebook) await new SessionContextDialogs().restart(link.sessionContext);
      else await places.restart();
    },
  });
  commands.addCommand(SHUT_DOWN, {
    label: trans.__("Shut the panel's own kernel down"),
    isEnabled: () => places.hasOwn,
    execute: () => places.shutDown(),
  });
  commands.addCommand(SETTINGS, {
    label: trans.__("Settings of the panel…"),
    execute: () => commands.execute("settingeditor:open", { query: "Academics" }),
  });
  addSharing(around);
}

function addSharing({ app, documents, browsers, offer }: Around): void {
  const { commands } = app;
  const selected = () => [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])].map(({ path }) => path);
  commands.addCommand(SHARE_FILES, {
    label: trans.__("Share with academics"),
    caption: trans.__("Share the files that are selected in the file browser with other academics"),
    icon: academicsIcon,
    isEnabled: () => selected().length > 0,
    execute: () => offer(selected()),
  });
  commands.addCommand(SHARE_DOCUMENT, {
    label: ({ palette }) =>
      palette ? trans.__("Share the current document with academics") : trans.__("Share with academics"),
    icon: ({ palette }) => (palette ? undefined : academicsIcon),
    isEnabled: () => documentAt(app, documents) !== undefined,
    execute: async () => {
      const context = documents.contextForWidget(documentAt(app, documents) ?? ({} as Widget));
      if (!context) return;
      // What one sees is what is shared.
      if (context.model.dirty && !context.model.readOnly) await context.save();
      await offer([context.path]);
    },
  });
}

/** The document of the tab that was clicked on last, or else the current one. */
function documentAt(app: JupyterFrontEnd, documents: IDocumentManager): Widget | undefined {
  const tab = app.contextMenuHitTest((node) => !!node.dataset.id);
  const clicked = [...app.shell.widgets("main")].find(({ id }) => id !== "" && id === tab?.dataset.id);
  const candidates = [clicked, app.shell.currentWidget];
  return candidates.find((widget) => widget && documents.contextForWidget(widget)) ?? undefined;
}

/** The panel's menu: whose kernel draws it, and what can be done with that. Filled anew whenever it opens. */
export class KernelMenu extends MenuSvg {
  constructor(
    { commands }: JupyterFrontEnd,
    private notebooks: INotebookTracker,
  ) {
    super({ commands });
    this.title.label = trans.__("Kernel of the panel");
  }

  override open(x: number, y: number, options?: Menu.IOpenOptions): void {
    this.clearItems();
    this.addItem({ command: USE_OWN, args: { menu: true } });
    this.notebooks.forEach(({ id }) => this.addItem({ command: USE_NOTEBOOK, args: { id } }));
    this.addItem({ type: "separator" });
    for (const command of [RESTART, SHUT_DOWN, SETTINGS]) this.addItem({ command });
    super.open(x, y, options);
  }
}

export function addToPalette(palette: ICommandPalette): void {
  for (const command of [SHOW, USE_NOTEBOOK, USE_OWN, RESTART, SHUT_DOWN, SHARE_FILES, SHARE_DOCUMENT]) {
    palette.addItem({ command, category: "Academics", args: { palette: true } });
  }
}

export function addToLauncher(launcher: ILauncher): void {
  launcher.add({ command: SHOW, args: { launcher: true }, category: "Other", rank: 10 });
}

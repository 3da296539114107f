// The extension: puts the panel into the left side bar, and its commands where people look for them.

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { IDocumentManager } from "@jupyterlab/docmanager";
import { IFileBrowserFactory } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { INotebookTracker } from "@jupyterlab/notebook";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { ITranslator } from "@jupyterlab/translation";

import { askedForFactory } from "./asked_for";
import { addCommands, addToLauncher, addToPalette, KernelMenu } from "./commands";
import { Places } from "./places";
import { takeReveals } from "./revealing";
import { offer } from "./sharing";
import { SidePanel } from "./side_panel";
import { useTranslator } from "./translating";
import { Unread } from "./unread";

const PLUGIN_ID = "academics-jupyter:plugin";
const DEFAULTS = { startWithLab: false, kernelName: "", profile: "", showUnread: true };

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: "The Academics panel at the side, with no notebook.",
  autoStart: true,
  requires: [IRenderMimeRegistry, INotebookTracker, IDocumentManager],
  optional: [ITranslator, ISettingRegistry, ILayoutRestorer, ICommandPalette, ILauncher, IFileBrowserFactory],
  activate: async (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    notebooks: INotebookTracker,
    documents: IDocumentManager,
    translator: ITranslator | null,
    registry: ISettingRegistry | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    browsers: IFileBrowserFactory | null,
  ): Promise<void> => {
    if (translator) useTranslator(translator);
    let wishes = DEFAULTS;
    const panel = new SidePanel(new KernelMenu(app, notebooks));
    const places = new Places(panel, app.serviceManager, rendermime, () => wishes);
    let unreadCount = 0;
    const tellUnread = () => panel.countUnread(wishes.showUnread ? unreadCount : 0);
    const unread = new Unread((count) => {
      unreadCount = count;
      tellUnread();
    });
    const show = () => app.shell.activateById(panel.id);
    places.changed.connect(() => unread.follow(places.link));
    panel.shownFirst.connect(() => void places.begin());

    addCommands({
      app,
      places,
      documents,
      notebooks,
      browsers,
      show,
      offer: async (paths) => {
        show();
        await offer(places.begin(), app.serviceManager.contents, paths);
      },
    });
    if (palette) addToPalette(palette);
    if (launcher) addToLauncher(launcher);
    takeReveals(app.commands, () => places.link?.home ?? "");
    rendermime.addFactory(
      askedForFactory((kernel) => {
        const notebook = notebooks.find(({ context }) => kernelOf(context) === kernel);
        if (!notebook) return false;
        places.useNotebook(notebook);
        show();
        return true;
      }),
    );
    app.shell.add(panel, "left", { rank: 600, type: "Academics" });
    restorer?.add(panel, panel.id);

    const settings = await registry?.load(PLUGIN_ID);
    const take = () => {
      wishes = { ...DEFAULTS, ...settings?.composite } as typeof DEFAULTS;
      tellUnread();
    };
    settings?.changed.connect(take);
    take();
    void app.restored.then(() => (wishes.startWithLab ? void places.begin() : places.reattach()));
  },
};

/** The id of the kernel of a notebook's context. */
function kernelOf(context: object): string | undefined {
  const { sessionContext } = context as { sessionContext?: { session?: { kernel?: { id: string } | null } | null } };
  return sessionContext?.session?.kernel?.id;
}

export default plugin;

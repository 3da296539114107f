// Showing a file in the file browser. A panel asks for it, at the side or in a cell, with an event on its element:
// new CustomEvent("academics:reveal", { bubbles: true, cancelable: true, detail: { path, home } })
// and sees by `defaultPrevented` whether the file is shown; where it is not, nobody took it.

import type { CommandRegistry } from "@lumino/commands";

import { browserPath } from "./files";

export const REVEAL_EVENT = "academics:reveal";

/** `home` says where the kernel's user is at home, for events that do not. */
export function takeReveals(commands: CommandRegistry, home: () => string): void {
  document.addEventListener(REVEAL_EVENT, (event) => {
    const { detail } = event as CustomEvent<{ path?: unknown; home?: unknown } | null>;
    const path = browserPath(String(detail?.path ?? ""), String(detail?.home ?? "") || home());
    if (path === null || !commands.hasCommand("filebrowser:go-to-path")) return;
    event.preventDefault();
    void commands.execute("filebrowser:go-to-path", { path: `/${path}` });
  });
}

// Files as JupyterLab names them, below its server's root, and as the kernel does; the way there and back.

import { PageConfig, PathExt } from "@jupyterlab/coreutils";
import type { Contents } from "@jupyterlab/services";

/** The folder whose files the server shows. It may begin with `~`. */
export function serverRoot(): string {
  return trimmed(PageConfig.getOption("serverRoot"));
}

/** A path below the server's root; null for what lies on another drive. */
export function belowRoot(contents: Contents.IManager, path: string): string | null {
  const drive = contents.driveName(path);
  return drive === "" || drive === "RTC" ? contents.localPath(path) : null;
}

/** Where the file browser shows a path of the server's disk; null where it does not. `home` is what `~` stands for. */
export function browserPath(path: string, home: string): string | null {
  let root = serverRoot();
  if (root.startsWith("~")) {
    if (!home) return null;
    root = trimmed(home) + root.slice(1);
  }
  const asked = trimmed(path);
  if (asked === root) return "";
  return asked.startsWith(`${root}/`) ? PathExt.normalize(asked.slice(root.length + 1)) : null;
}

function trimmed(path: string): string {
  return path.replaceAll("\\", "/").replace(/\/+$/, "");
}

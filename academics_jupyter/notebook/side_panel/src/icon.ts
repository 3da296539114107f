// The mark of the panel: a mortarboard whose tassel is a node of a network.

import { LabIcon } from "@jupyterlab/ui-components";

const MARK = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M12 3.5 1.5 8.6 12 13.7l8.2-4v4.6a2 2 0 1 0 1.4 0V9l.9-.4z"/>
    <path d="M5.4 12.1v4.1c0 1.9 3.3 3.6 6.6 3.6s6.6-1.7 6.6-3.6v-4.1L12 15.3z"/>
  </g>
</svg>`;

export const academicsIcon = new LabIcon({ name: "academics:icon", svgstr: MARK });

// The door to the JavaScript parts: each is loaded when it is asked for, the editor first.

import type { EditorHandle, EditorOptions } from "./editor/types";
import type { GraphHandle, GraphOptions } from "./graph/types";

export async function createEditor(parent: HTMLElement, options: EditorOptions): Promise<EditorHandle> {
  const part = await import("./editor/index");
  return part.createEditor(parent, options);
}

/** The diagram of this page: there is one. */
let diagram: GraphHandle | undefined;

export async function createGraph(parent: HTMLElement, options: GraphOptions): Promise<GraphHandle> {
  const part = await import("./graph/index");
  diagram = part.createGraph(parent, options);
  return diagram;
}

/** The diagram as a file of its own; `undefined` where none is laid out, as behind another pane of a phone. */
export const diagramSvg = (): string | undefined => diagram?.exportSvg();

export { copied, packed, saved, unpacked } from "./share";
export { claimWork, dropAll, dropWork, keepWork, keptNames, keptWork, newId, whenKept } from "./store";

// The door to the JavaScript parts: each is loaded when it is asked for, the editor first.

import type { EditorHandle, EditorOptions } from "./editor/types";
import type { GraphHandle, GraphOptions } from "./graph/types";

export async function createEditor(parent: HTMLElement, options: EditorOptions): Promise<EditorHandle> {
  const part = await import("./editor/index");
  return part.createEditor(parent, options);
}

export async function createGraph(parent: HTMLElement, options: GraphOptions): Promise<GraphHandle> {
  const part = await import("./graph/index");
  return part.createGraph(parent, options);
}

export { copied, packed, saved, unpacked } from "./share";
export { claimWork, dropAll, dropWork, keepWork, keptNames, keptWork, newId, whenKept } from "./store";

// From the engine's lines and columns to offsets in a document.

import type { Text } from "@codemirror/state";

/** Columns count characters, not UTF-16 units. */
export function offset(doc: Text, line: number, column: number): number {
  const { from, text } = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return from + [...text].slice(0, column - 1).join("").length;
}

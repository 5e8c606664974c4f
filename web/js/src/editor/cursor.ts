// The browser's cursor, put where the editor's is.

import type { EditorView } from "@codemirror/view";

/**
 * To be called after decorations around the cursor have changed. Chrome may then have its cursor on
 * the other side of what was typed last, which the editor does not see: it compares with where it
 * last saw the cursor. The next letter would come before the last one.
 */
export function keepCursor(view: EditorView): void {
  const { main } = view.state.selection;
  // An input method in the middle of a word must not be disturbed.
  if (!view.hasFocus || view.composing || !main.empty) return;
  const { node, offset } = view.domAtPos(main.head);
  (view.root as Document).getSelection()?.collapse(node, offset);
}

// Faint words after a line's end. They are no part of the text: not selected, not copied.

import { StateEffect, StateField, type Extension } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, type DecorationSet } from "@codemirror/view";
import type { Hint } from "./types";

/** All words of a file, in place of those that it had. */
export const setHints = StateEffect.define<Hint[]>();

class HintWidget extends WidgetType {
  constructor(private readonly text: string, private readonly look: string) {
    super();
  }

  override eq(other: HintWidget): boolean {
    return other.text === this.text && other.look === this.look;
  }

  toDOM(): HTMLElement {
    const element = document.createElement("span");
    element.className = `cm-hint ${this.look}`.trim();
    element.textContent = this.text;
    return element;
  }
}

export const hints: Extension = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(held, transaction) {
    let next = held.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setHints)) continue;
      const doc = transaction.newDoc;
      const shown = effect.value.filter((h) => h.line >= 1 && h.line <= doc.lines);
      next = Decoration.set(shown.map((h) => Decoration.widget({ widget: new HintWidget(h.text, h.look ?? ""), side: 1 }).range(doc.line(h.line).to)), true);
    }
    return next;
  },
  provide: (self) => EditorView.decorations.from(self),
});

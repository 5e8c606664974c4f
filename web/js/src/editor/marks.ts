// The amber lines: what decides the selected flow.

import { StateEffect, StateField, type EditorState, type Extension, type Text } from "@codemirror/state";
import { Decoration, EditorView, GutterMarker, gutterLineClass, type DecorationSet } from "@codemirror/view";
import { RangeSet } from "@codemirror/state";
import type { Mark } from "./types";

export const setMarks = StateEffect.define<Mark[]>();

const line = Decoration.line({ class: "cm-amber" });

class AmberGutter extends GutterMarker {
  override elementClass = "cm-amber-gutter";
}
const gutterMark = new AmberGutter();

const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    let next = marks.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) next = Decoration.set(starts(transaction.newDoc, effect.value).map((at) => line.range(at)));
    }
    return next;
  },
  provide: (self) => EditorView.decorations.from(self),
});

export const marks: Extension = [field, gutterLineClass.compute([field], gutterClasses)];

function gutterClasses(state: EditorState) {
  const at: number[] = [];
  state.field(field).between(0, state.doc.length, (from) => void at.push(from));
  return RangeSet.of(at.map((from) => gutterMark.range(from)));
}

/** Starts of all marked lines, in order and once each. */
function starts(doc: Text, marked: Mark[]): number[] {
  const lines = new Set<number>();
  for (const { line: first, endLine } of marked) {
    for (let n = Math.max(1, first); n <= Math.min(endLine ?? first, doc.lines); n++) lines.add(n);
  }
  return [...lines].sort((a, b) => a - b).map((n) => doc.line(n).from);
}

// Findings in the text: a squiggle, a mark in the gutter, a tooltip, and below the line a note that
// stays. Notes wait until the text has been still for a moment and then keep their place, so that
// nothing jumps under the fingers.

import { setDiagnostics, type Action, type Diagnostic } from "@codemirror/lint";
import { StateEffect, StateField, type Extension, type Text } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, WidgetType, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import { keepCursor } from "./cursor";
import { offset } from "./place";
import { prose } from "./prose";
import type { DiagnosticReport, EditorLabels, Fix } from "./types";

/** At most this many notes in a file; the others are in gutter and tooltip. */
const NOTES = 4;
const STILL_MS = 700;

export interface Note { at: number; report: DiagnosticReport }

const showNotes = StateEffect.define<Note[]>();
const keepNotes = StateEffect.define<Set<string>>();
const hideNote = StateEffect.define<string>();

/** What tells a finding from others as the text moves around it. */
const keyOf = (report: DiagnosticReport) => `${report.code} ${report.path ?? ""} ${report.message}`;

/** A transaction's worth of squiggles. */
export function squiggles(doc: Text, reports: DiagnosticReport[], labels: EditorLabels): Diagnostic[] {
  return reports.filter((r) => r.location).map((report) => {
    const { from, to } = rangeOf(doc, report);
    return {
      from, to, severity: report.severity, source: report.code, message: report.message,
      actions: report.fix ? [action(report, labels)] : [],
      renderMessage: () => prose(report),
    };
  }).sort((a, b) => a.from - b.from);
}

export function applyReports(view: EditorView, reports: DiagnosticReport[], labels: EditorLabels): void {
  view.dispatch(setDiagnostics(view.state, squiggles(view.state.doc, reports, labels)));
  view.plugin(settling)?.expect(reports);
  keepCursor(view);
}

function rangeOf(doc: Text, { location }: DiagnosticReport): { from: number; to: number } {
  if (!location) return { from: 0, to: 0 };
  const from = offset(doc, location.line, location.column);
  const to = offset(doc, location.endLine, location.endColumn);
  // A finding without extent is drawn to the end of its word, or it could not be seen.
  const end = to > from ? to : from + (/^[^\s:]+/.exec(doc.lineAt(from).text.slice(from - doc.lineAt(from).from))?.[0].length ?? 1);
  return { from, to: Math.min(Math.max(end, from), doc.length) };
}

function action(report: DiagnosticReport, labels: EditorLabels): Action {
  return { name: fixLabel(report.fix!, labels), apply: (view) => applyFix(view, report) };
}

/** What a fix does, in so few words that a button has room for them. */
export function fixLabel({ location, text }: Fix, { fixes }: EditorLabels): string {
  const isInsertion = location.line === location.endLine && location.column === location.endColumn;
  const short = text.trim().replace(/,$/, "");
  if (!short) return fixes.join;
  const shown = short.length > 48 ? `${short.slice(0, 47)}…` : short;
  return (isInsertion ? fixes.insert : fixes.change).replace("{text}", shown);
}

/** The finding may have moved since it was shown: what was reported last says where it is. */
function applyFix(view: EditorView, report: DiagnosticReport): void {
  const { fix } = view.plugin(settling)?.latest(report) ?? report;
  if (!fix) return;
  const { doc } = view.state;
  const { location, text } = fix;
  const change = { from: offset(doc, location.line, location.column), to: offset(doc, location.endLine, location.endColumn), insert: text };
  view.dispatch({ changes: change, userEvent: "input.fix", scrollIntoView: true });
  view.focus();
}

class NoteWidget extends WidgetType {
  constructor(private readonly report: DiagnosticReport, private readonly labels: EditorLabels) {
    super();
  }

  override eq(other: NoteWidget): boolean {
    return keyOf(other.report) === keyOf(this.report) && other.labels.hide === this.labels.hide && Boolean(other.report.fix) === Boolean(this.report.fix);
  }

  toDOM(view: EditorView): HTMLElement {
    const element = document.createElement("div");
    element.className = `cm-note is-${this.report.severity}`;
    element.append(prose(this.report), " ", this.buttons(view));
    const row = document.createElement("div");
    row.className = "cm-note-row";
    row.append(element);
    return row;
  }

  override ignoreEvent(): boolean {
    return true;
  }

  private buttons(view: EditorView): HTMLElement {
    const row = document.createElement("span");
    row.className = "cm-note-actions";
    if (this.report.fix) {
      const fix = button(fixLabel(this.report.fix, this.labels), "cm-note-fix", () => applyFix(view, this.report));
      if (this.report.fix.changesMeaning) fix.title = this.labels.fixes.meaning;
      row.append(fix);
    }
    row.append(button(this.labels.hide, "cm-note-hide", () => view.dispatch({ effects: hideNote.of(keyOf(this.report)) })));
    return row;
  }
}

function button(text: string, name: string, run: () => void): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = name;
  element.textContent = text;
  element.addEventListener("click", run);
  return element;
}

interface NotesState { hidden: Set<string>; decorations: DecorationSet }

/** The notes; `labels` is asked each time, as the language can change. */
export function notes(labels: () => EditorLabels): Extension {
  const field = StateField.define<NotesState>({
    create: () => ({ hidden: new Set(), decorations: Decoration.none }),
    update(state, transaction) {
      let { hidden, decorations } = { ...state, decorations: state.decorations.map(transaction.changes) };
      for (const effect of transaction.effects) {
        if (effect.is(showNotes)) decorations = noteSet(transaction.newDoc, effect.value, hidden, labels());
        if (effect.is(keepNotes)) decorations = decorations.update({ filter: (_from, _to, value) => effect.value.has(value.spec.key) });
        if (!effect.is(hideNote)) continue;
        hidden = new Set(hidden).add(effect.value);
        decorations = decorations.update({ filter: (_from, _to, value) => value.spec.key !== effect.value });
      }
      return { hidden, decorations };
    },
    provide: (self) => EditorView.decorations.from(self, (state) => state.decorations),
  });
  return [field, settling];
}

function noteSet(doc: Text, shown: Note[], hidden: Set<string>, labels: EditorLabels): DecorationSet {
  const wanted = shown.filter(({ report }) => !hidden.has(keyOf(report)));
  const ranges = wanted.map(({ at, report }) =>
    Decoration.widget({ widget: new NoteWidget(report, labels), block: true, side: 1, key: keyOf(report) }).range(doc.lineAt(at).to));
  return Decoration.set(ranges, true);
}

/** Waits for the text to be still, then shows notes for what was last reported. */
const settling = ViewPlugin.fromClass(class {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private reports: DiagnosticReport[] = [];

  constructor(private readonly view: EditorView) {}

  /** Findings that are gone lose their note at once. */
  expect(reports: DiagnosticReport[]): void {
    this.reports = reports;
    this.view.dispatch({ effects: keepNotes.of(new Set(reports.map(keyOf))) });
    this.wait();
  }

  /** The same finding as it was reported last. */
  latest(report: DiagnosticReport): DiagnosticReport | undefined {
    return this.reports.find((one) => keyOf(one) === keyOf(report));
  }

  update(update: ViewUpdate): void {
    if (update.docChanged && this.timer !== undefined) this.wait();
  }

  destroy(): void {
    clearTimeout(this.timer);
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(), STILL_MS);
  }

  private show(): void {
    this.timer = undefined;
    const { doc } = this.view.state;
    const grave = this.reports.filter((r) => r.location && r.severity !== "info");
    grave.sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
    const shown = grave.slice(0, NOTES).map((report) => ({ at: rangeOf(doc, report).to, report }));
    this.view.dispatch({ effects: showNotes.of(shown) });
  }
});

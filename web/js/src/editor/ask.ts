// What the engine says about the place that somebody writes at or points at: what may be written
// there, what stands there and what it does now, whom selectors mean, and where names lead to.
//
// Every answer comes from the worker, later: one that is about another text by then is passed over.

import { acceptCompletion, autocompletion, completionStatus, moveCompletionSelection, selectedCompletionIndex, startCompletion, type Completion as Option, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { StateEffect, StateField, type EditorState, type Extension, type Text } from "@codemirror/state";
import { EditorView, hoverTooltip, keymap, showTooltip, ViewPlugin, type Tooltip, type ViewUpdate } from "@codemirror/view";
import { keepCursor } from "./cursor";
import { setHints } from "./hints";
import { offset } from "./place";
import { worded } from "./prose";
import type { Ask, Completion, Completions, EditorLabels, Hint, Hover, Jump, Lens, LensLabels, Margin } from "./types";

/** What is asked, and for which file. */
export interface Asking {
  ask: Ask;
  file(): string;
  labels(): EditorLabels;
  go(jump: Jump): void;
}

/** How long the pointer rests before it is told what is under it. */
const REST_MS = 350;
/** How long the text and what is seen of it are still before selectors are counted. */
const STILL_MS = 120;

export function asking(of: Asking): Extension {
  return [
    autocompletion({ override: [(context) => complete(of, context)], icons: false, selectOnOpen: false, activateOnTypingDelay: 40, maxRenderedOptions: 100 }),
    hoverTooltip((view, pos) => hover(of, view.state, pos), { hoverTime: REST_MS, hideOnChange: true }),
    asked,
    counting(of),
    keymap.of([
      { key: "Tab", run: takeFirst },
      { key: "F2", run: (view) => tell(of, view) },
      { key: "Escape", run: hush },
      { key: "F4", run: (view) => jump(of, view, "definition") },
      { key: "Shift-F4", run: (view) => jump(of, view, "references") },
    ]),
    EditorView.domEventHandlers({ mousedown: (event, view) => follow(of, event, view) }),
  ];
}

/** Takes the chosen suggestion, or the first. Enter takes what was chosen alone: it ends a line. */
function takeFirst(view: EditorView): boolean {
  if (completionStatus(view.state) !== "active") return false;
  if (selectedCompletionIndex(view.state) === null) moveCompletionSelection(true)(view);
  return acceptCompletion(view);
}

/** The position as the engine counts: lines and characters from 1. */
function position(doc: Text, pos: number): { line: number; column: number; text: string } {
  const line = doc.lineAt(pos);
  return { line: line.number, column: [...line.text.slice(0, pos - line.from)].length + 1, text: line.text };
}

/** What was just typed may not have reached the worker, which then answers nothing: it is asked again. */
async function insisted<T>(context: CompletionContext, ask: () => Promise<T | null>): Promise<T | null> {
  for (const pause of [60, 120, 240]) {
    const said = await ask();
    if (said || context.aborted) return said;
    await new Promise((done) => setTimeout(done, pause));
  }
  return context.aborted ? null : ask();
}

async function complete(of: Asking, context: CompletionContext): Promise<CompletionResult | null> {
  // Unasked only after a letter: nobody wants a list at the start of every line.
  if (!context.explicit && !context.matchBefore(/[\w./-]$/)) return null;
  const { doc } = context.state;
  const { line, column, text } = position(doc, context.pos);
  const found = await insisted(context, () => of.ask<Completions>("complete", { file: of.file(), line, column, text }));
  if (!found || context.aborted) return null;
  const { location, items } = found;
  return {
    from: offset(doc, location.line, location.column),
    to: offset(doc, location.endLine, location.endColumn),
    options: items.map(option),
    filter: false,
  };
}

function option(item: Completion): Option {
  return {
    label: item.label, detail: item.detail, type: item.kind,
    info: item.doc ? () => paragraph(item.doc!) : undefined,
    apply: (view, _completion, from, to) => {
      view.dispatch({
        changes: { from, to, insert: item.insert }, selection: { anchor: from + item.insert.length },
        userEvent: "input.complete", scrollIntoView: true,
      });
      // What comes next is nearly always wanted, too.
      if ((item.kind === "field" || item.kind === "labelKey") && /[ \n]$/.test(item.insert)) startCompletion(view);
    },
  };
}

function paragraph(text: string): HTMLElement {
  const element = document.createElement("div");
  element.append(...worded(text));
  return element;
}

async function hover(of: Asking, state: EditorState, pos: number): Promise<Tooltip | null> {
  const { line, column, text } = position(state.doc, pos);
  const found = await of.ask<Hover>("hover", { file: of.file(), line, column, text });
  if (!found) return null;
  const { location } = found;
  return {
    pos: offset(state.doc, location.line, location.column),
    end: offset(state.doc, location.endLine, location.endColumn),
    create: () => ({ dom: described(found, of.labels()) }),
  };
}

/** What a hover says, as elements. */
export function described(found: Hover, labels: EditorLabels): HTMLElement {
  const element = document.createElement("div");
  element.className = "cm-told";
  const title = document.createElement("p");
  title.className = "cm-told-title";
  const code = document.createElement("code");
  code.textContent = found.title;
  title.append(code);
  if (found.detail) title.append(" ", muted(found.detail));
  element.append(title);
  if (found.doc) element.append(paragraph(found.doc));
  for (const fact of found.facts ?? []) {
    const line = document.createElement("p");
    line.className = "cm-told-fact";
    line.textContent = fact.text;
    element.append(line);
    if (!fact.items?.length) continue;
    const list = document.createElement("ul");
    for (const item of fact.items) {
      const entry = document.createElement("li");
      entry.append(...worded(item));
      list.append(entry);
    }
    if (fact.more) {
      const entry = document.createElement("li");
      entry.append(muted(labels.more.replace("{n}", String(fact.more))));
      list.append(entry);
    }
    element.append(list);
  }
  return element;
}

function muted(text: string): HTMLElement {
  const element = document.createElement("span");
  element.className = "cm-told-detail";
  element.textContent = text;
  return element;
}

const showAsked = StateEffect.define<Tooltip | null>();

/** What the keyboard asked for; gone with the next change or move. */
const asked = StateField.define<Tooltip | null>({
  create: () => null,
  update(held, transaction) {
    for (const effect of transaction.effects) if (effect.is(showAsked)) return effect.value;
    return transaction.docChanged || transaction.selection ? null : held;
  },
  provide: (self) => showTooltip.from(self),
});

function tell(of: Asking, view: EditorView): boolean {
  const { state } = view;
  void hover(of, state, state.selection.main.head).then((tooltip) => {
    if (view.state.doc === state.doc) view.dispatch({ effects: showAsked.of(tooltip && { ...tooltip, above: false, end: undefined }) });
    // A tooltip is not read out by itself.
    const text = tooltip?.create(view).dom.textContent;
    if (text) view.dispatch({ effects: EditorView.announce.of(text) });
  });
  return true;
}

function hush(view: EditorView): boolean {
  if (view.state.field(asked) === null) return false;
  view.dispatch({ effects: showAsked.of(null) });
  return true;
}

function jump(of: Asking, view: EditorView, kind: "definition" | "references", pos = view.state.selection.main.head): boolean {
  const { line, column, text } = position(view.state.doc, pos);
  void of.ask<Jump[]>(kind, { file: of.file(), line, column, text }).then((found) => {
    if (found?.length) of.go(found[0]);
  });
  return true;
}

/** With Ctrl or Cmd, a click leads to what is named. */
function follow(of: Asking, event: MouseEvent, view: EditorView): boolean {
  if (event.button !== 0 || !(event.ctrlKey || event.metaKey)) return false;
  const pos = view.posAtCoords({ x: event.clientX, y: event.clientY });
  return pos !== null && jump(of, view, "definition", pos);
}

/** A lens as words at the end of its line. */
function hintOf(lens: Lens, labels: LensLabels): Hint {
  const isEmpty = lens.workloads === 0 && !lens.unknown;
  return { line: lens.line, text: lensText(lens, labels), look: isEmpty ? "cm-lens is-empty" : "cm-lens" };
}

/** A lens in the page's language; the engine's own words are English. */
export function lensText(lens: Lens, labels: LensLabels): string {
  const { workloads, unknown = 0, namespaces } = lens;
  const own = labels[lens.kind];
  if (workloads === 0 && unknown === 0) return own.nothing;
  const count = workloads || unknown;
  const words = count === 1 ? own.one : namespaces > 1 ? own.places : own.many;
  const text = words.replace("{n}", String(count)).replace("{m}", String(namespaces));
  if (workloads === 0) return `${text} ${labels.perhaps}`;
  return unknown ? `${text} ${labels.more.replace("{n}", String(unknown))}` : text;
}

/** Asks whom the selectors mean that are in sight, whenever that may have changed. */
function counting(of: Asking): Extension {
  return ViewPlugin.fromClass(class {
    private timer: ReturnType<typeof setTimeout> | undefined;

    constructor(private readonly view: EditorView) {
      this.wait();
    }

    update(update: ViewUpdate): void {
      const told = update.transactions.some((t) => t.effects.some((effect) => effect.is(recount)));
      if (told || update.docChanged || update.viewportChanged) this.wait();
    }

    destroy(): void {
      clearTimeout(this.timer);
    }

    private wait(): void {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.count(), STILL_MS);
    }

    private async count(): Promise<void> {
      const { doc } = this.view.state;
      const { from, to } = this.view.viewport;
      const first = doc.lineAt(from).number;
      const last = doc.lineAt(Math.min(to, doc.length));
      const found = await of.ask<Margin>("margin", { file: of.file(), line: first, column: last.number, text: last.text });
      if (!found || this.view.state.doc !== doc) return;
      const lenses = found.lenses.map((lens) => hintOf(lens, of.labels().lenses));
      this.view.dispatch({ effects: setHints.of([...found.filled, ...lenses]) });
      keepCursor(this.view);
    }
  });
}

/** The engine knows something new. */
export const recount = StateEffect.define<null>();

// The editor: one CodeMirror view, one state per file, so that each file keeps its own undo history,
// cursor and scroll position while another is open.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, codeFolding, foldKeymap, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, type StateEffect } from "@codemirror/state";
import { drawSelection, dropCursor, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers, type ViewUpdate } from "@codemirror/view";
import { asking, recount } from "./ask";
import { keepCursor } from "./cursor";
import { applyReports, notes } from "./findings";
import { hints } from "./hints";
import { marks, setMarks } from "./marks";
import { theme } from "./theme";
import { DEFAULT_LABELS, type Ask, type DiagnosticReport, type EditorHandle, type EditorLabels, type EditorOptions, type Mark, type Place, type SourceText } from "./types";
import { yaml } from "./yaml";

export type * from "./types";

export function createEditor(parent: HTMLElement, options: EditorOptions): EditorHandle {
  return new Files(parent, options).handle();
}

interface OpenFile { state: EditorState; scroll: StateEffect<unknown> | undefined; reports: DiagnosticReport[] }

class Files {
  private readonly view: EditorView;
  private readonly files = new Map<string, OpenFile>();
  private readonly worded = new Compartment();
  private open = "";
  private labels: EditorLabels;
  private line = 0;
  private changed = new Set<string>();

  constructor(parent: HTMLElement, private readonly options: EditorOptions) {
    this.labels = { ...DEFAULT_LABELS, ...options.labels };
    this.view = new EditorView({ state: this.newState(""), parent });
    this.setTheme(options.dark);
  }

  handle(): EditorHandle {
    return {
      setFiles: (files, open) => this.setFiles(files, open),
      setText: (file, text) => this.setText(file, text),
      openFile: (file) => this.openFile(file),
      renameFile: (from, to) => this.renameFile(from, to),
      removeFile: (file) => this.removeFile(file),
      current: () => this.open,
      text: (file) => this.stateOf(file)?.doc.toString() ?? "",
      setDiagnostics: (file, reports) => this.setDiagnostics(file, reports),
      recount: () => this.view.dispatch({ effects: recount.of(null) }),
      highlight: (marked, how) => this.highlight(marked, how?.reveal !== false),
      focusLine: (line, file) => this.focusLine(line, file),
      focus: () => this.view.focus(),
      setTheme: (dark) => this.setTheme(dark),
      setLabels: (labels) => this.setLabels(labels),
      destroy: () => this.view.destroy(),
    };
  }

  private newState(text: string): EditorState {
    return EditorState.create({ doc: text, extensions: [this.extensions(), this.worded.of(this.wording())] });
  }

  private extensions(): Extension {
    return [
      lineNumbers(), lintGutter(), highlightActiveLineGutter(), highlightSpecialChars(), history(), codeFolding(),
      drawSelection(), dropCursor(), EditorState.allowMultipleSelections.of(true), bracketMatching(), closeBrackets(),
      highlightActiveLine(), highlightSelectionMatches(), search({ top: true }), yaml(), indentUnit.of("  "),
      EditorState.tabSize.of(2), theme, marks, hints, notes(() => this.labels),
      this.options.ask ? asking({ ask: (kind, place) => this.ask(kind, place), file: () => this.open, labels: () => this.labels, go: ({ location }) => this.options.onGo?.(location.file, location.line) }) : [],
      // CodeMirror's own way out of the Tab key: Escape, then Tab.
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, indentWithTab]),
      EditorView.updateListener.of((update) => this.updated(update)),
    ];
  }

  private wording(): Extension {
    return [
      EditorState.phrases.of(this.labels.phrases),
      EditorView.contentAttributes.of({ "aria-label": this.labels.editor, spellcheck: "false", tabindex: "0" }),
    ];
  }

  private updated(update: ViewUpdate): void {
    const file = this.files.get(this.open);
    if (file) file.state = update.state;
    if (update.docChanged && file) this.announce(this.open);
    const line = update.state.doc.lineAt(update.state.selection.main.head).number;
    const moved = line !== this.line && update.transactions.some((t) => t.isUserEvent("select"));
    this.line = line;
    if (file && moved) this.options.onCursor(this.open, line);
  }

  /** Once a frame: a fast typist, or a paste in many steps, is one change. */
  private announce(file: string): void {
    if (this.changed.size === 0) requestAnimationFrame(() => this.flush());
    this.changed.add(file);
  }

  private flush(): void {
    const files = [...this.changed];
    this.changed.clear();
    for (const file of files) {
      const state = this.stateOf(file);
      if (state) this.options.onChange(file, state.doc.toString());
    }
  }

  /** The page knows of what was typed before it is asked about it. */
  private async ask<T>(kind: Parameters<Ask>[0], place: Place): Promise<T | null> {
    this.flush();
    await new Promise((resolve) => setTimeout(resolve));
    return this.options.ask?.<T>(kind, place) ?? null;
  }

  private stateOf(file: string): EditorState | undefined {
    return this.files.get(file)?.state;
  }

  private setFiles(files: SourceText[], open = files[0]?.name ?? ""): void {
    const before = new Map(this.files);
    this.keepScroll();
    this.files.clear();
    for (const { name, text } of files) {
      const held = before.get(name);
      const same = held !== undefined && held.state.doc.eq(held.state.toText(text));
      this.files.set(name, same ? held : { state: this.newState(text), scroll: undefined, reports: [] });
    }
    this.open = "";
    this.openFile(open);
  }

  private openFile(name: string): void {
    const file = this.files.get(name);
    if (name === this.open) return;
    this.keepScroll();
    this.open = file ? name : "";
    this.view.setState(file?.state ?? this.newState(""));
    this.view.dispatch({ effects: [this.worded.reconfigure(this.wording()), ...(file?.scroll ? [file.scroll] : [])] });
    this.line = 0;
    if (file) applyReports(this.view, file.reports, this.labels);
  }

  private keepScroll(): void {
    const file = this.files.get(this.open);
    if (file) file.scroll = this.view.scrollSnapshot();
  }

  private setText(name: string, text: string): void {
    const file = this.files.get(name);
    if (!file) return void this.files.set(name, { state: this.newState(text), scroll: undefined, reports: [] });
    const changes = { from: 0, to: file.state.doc.length, insert: text };
    if (name === this.open) this.view.dispatch({ changes });
    else file.state = file.state.update({ changes }).state;
  }

  private renameFile(from: string, to: string): void {
    const entries = [...this.files].map(([name, file]) => [name === from ? to : name, file] as const);
    this.files.clear();
    for (const [name, file] of entries) this.files.set(name, file);
    if (this.open === from) this.open = to;
  }

  private removeFile(name: string): void {
    this.files.delete(name);
    if (this.open !== name) return;
    this.open = "";
    this.openFile([...this.files.keys()][0] ?? "");
  }

  private setDiagnostics(name: string, reports: DiagnosticReport[]): void {
    const file = this.files.get(name);
    if (!file) return;
    file.reports = reports;
    if (name === this.open) applyReports(this.view, reports, this.labels);
  }

  private highlight(marked: Mark[], reveal: boolean): void {
    const file = marked[0]?.file;
    if (reveal && file !== undefined && this.files.has(file)) this.openFile(file);
    const own = marked.filter((m) => (m.file ?? this.open) === this.open);
    const effects: StateEffect<unknown>[] = [setMarks.of(own)];
    if (reveal && own.length) effects.push(EditorView.scrollIntoView(this.startOf(own[0].line), { y: "nearest", yMargin: 80 }));
    this.view.dispatch({ effects });
    keepCursor(this.view);
  }

  private focusLine(line: number, file?: string): void {
    if (file !== undefined) this.openFile(file);
    const anchor = this.startOf(line);
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    this.view.focus();
  }

  private startOf(line: number): number {
    const { doc } = this.view.state;
    return doc.line(Math.min(Math.max(line, 1), doc.lines)).from;
  }

  /** Colours are the style sheet's; the attribute chooses among them. */
  private setTheme(dark: boolean | undefined): void {
    if (dark !== undefined) this.view.dom.dataset.theme = dark ? "dark" : "light";
  }

  private setLabels(labels: Partial<EditorLabels>): void {
    this.labels = { ...this.labels, ...labels };
    this.view.dispatch({ effects: this.worded.reconfigure(this.wording()) });
  }
}

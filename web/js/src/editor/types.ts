// What the page tells the editor, and what the editor tells the page.

/** As in the engine's report: lines and columns count from 1, the end is exclusive. */
export interface Location { file: string; line: number; column: number; endLine: number; endColumn: number }

/** A finding, as the engine reports it. Fields that the editor does not show are left out here. */
export interface DiagnosticReport {
  code: string;
  name: string;
  severity: "info" | "warning" | "error";
  message: string;
  help?: string;
  path?: string;
  location?: Location;
  /** A change that does away with it, where there is a certain one. */
  fix?: Fix;
}

/** Replaces a range of the file by `text`; nothing if it ends where it begins. */
export interface Fix { location: Location; text: string; changesMeaning?: boolean }

export interface SourceText { name: string; text: string }

/** Whole lines to mark in amber, in the open file unless `file` says another. */
export interface Mark { file?: string; line: number; endLine?: number }

/** Faint words after the end of a line: a default that the API server fills in, a count. */
export interface Hint { line: number; text: string; /** Classes of their own, if they have any. */ look?: string }

/** What may be written at a position, and what it replaces. */
export interface Completions { location: Location; items: Completion[] }

/** A suggestion. `detail` and `doc` are left out where there is nothing to say. */
export interface Completion { label: string; kind: string; detail?: string; doc?: string; insert: string }

/** What stands at a position, and what it does now. */
export interface Hover { location: Location; title: string; detail?: string; doc?: string; facts?: Fact[] }

/** A phrase, the first names that it is about, and how many more there are. */
export interface Fact { text: string; items?: string[]; more?: number }

/** How many workloads a selector means, for the end of its line. */
export interface Lens { line: number; kind: "selected" | "named"; workloads: number; unknown?: number; namespaces: number }

/** Words at the ends of lines. */
export interface Margin { lenses: Lens[]; filled: Hint[] }

export interface Jump { location: Location; title: string }

/** A place that is asked about. For the margin, `line` and `column` are the first and the last line. */
export interface Place {
  file: string;
  line: number;
  column: number;
  /** The text of the line, of the margin the last: the engine may have another one by now. */
  text: string;
}

/** Resolves to null where there is nothing to say, or the text is another one by now. */
export type Ask = <T>(kind: "complete" | "hover" | "margin" | "definition" | "references", place: Place) => Promise<T | null>;

/** `{n}` stands for a count of workloads, `{m}` for one of namespaces. */
export interface LensWords { nothing: string; one: string; many: string; places: string }

export interface LensLabels { selected: LensWords; named: LensWords; perhaps: string; more: string }

export interface EditorLabels {
  /** Name of the editor for screen readers; how to leave it by keyboard belongs here. */
  editor: string;
  hide: string;
  /** What a fix does: `{text}` is what it writes. */
  fixes: { insert: string; change: string; join: string; meaning: string };
  /** After the first names of many: `{n} more`. */
  more: string;
  lenses: LensLabels;
  /** Words of the search panel and of the fold marks, from CodeMirror's own to shown ones. */
  phrases: Record<string, string>;
}

export interface EditorOptions {
  /** The user changed a file (at most once a frame), or undid, or applied a fix. */
  onChange(file: string, text: string): void;
  /** The user put the cursor on another line, by pointer or keys; not by typing. */
  onCursor(file: string, line: number): void;
  /** What the engine says about a place. */
  ask?: Ask;
  /** The user wants to see another place. */
  onGo?(file: string, line: number): void;
  dark?: boolean;
  labels?: Partial<EditorLabels>;
}

export interface EditorHandle {
  /** Replaces the set of files. Files whose text is unchanged keep their undo history. */
  setFiles(files: SourceText[], open?: string): void;
  /** Replaces one file's text as an edit that can be undone; adds the file if it is new. */
  setText(file: string, text: string): void;
  openFile(file: string): void;
  renameFile(from: string, to: string): void;
  removeFile(file: string): void;
  /** The open file's name, `""` if none. */
  current(): string;
  text(file: string): string;
  /** Findings of one file, in place of those it had. */
  setDiagnostics(file: string, diagnostics: DiagnosticReport[]): void;
  /** The engine has read the texts: words at the ends of lines are asked for anew. */
  recount(): void;
  /**
   * Marks lines in amber and brings the first into sight; opens its file. `[]` clears. With
   * `reveal: false` nothing is opened and nothing scrolls: the marks follow what is being typed.
   */
  highlight(marks: Mark[], options?: { reveal?: boolean }): void;
  /** Puts the cursor on a line and the focus into the editor. */
  focusLine(line: number, file?: string): void;
  focus(): void;
  setTheme(dark: boolean): void;
  setLabels(labels: Partial<EditorLabels>): void;
  destroy(): void;
}

export const DEFAULT_LABELS: EditorLabels = {
  editor: "Manifests. Press Escape, then Tab, to leave the editor.",
  hide: "Hide",
  fixes: { insert: "Insert {text}", change: "Change to {text}", join: "Join with the item above", meaning: "Policies decide otherwise with it" },
  more: "and {n} more",
  lenses: {
    selected: { nothing: "selects nothing", one: "selects 1 workload", many: "selects {n} workloads", places: "selects {n} workloads in {m} namespaces" },
    named: { nothing: "matches nothing", one: "matches 1 workload", many: "matches {n} workloads", places: "matches {n} workloads in {m} namespaces" },
    perhaps: "perhaps", more: "and {n} more perhaps",
  },
  phrases: {},
};

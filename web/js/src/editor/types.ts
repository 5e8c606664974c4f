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
  /** Patches offered beside the message. */
  fixes?: Fix[];
}

export interface Fix { label: string; edits: Edit[] }

/** Replaces a range of the file by `text`. */
export interface Edit { line: number; column: number; endLine: number; endColumn: number; text: string }

export interface SourceText { name: string; text: string }

/** Whole lines to mark in amber, in the open file unless `file` says another. */
export interface Mark { file?: string; line: number; endLine?: number }

/** Faint words after the end of a line: a default that the API server fills in, a count. */
export interface Hint { line: number; text: string }

export interface EditorLabels {
  /** Name of the editor for screen readers; how to leave it by keyboard belongs here. */
  editor: string;
  hide: string;
  /** Words of the search panel and of the fold marks, from CodeMirror's own to shown ones. */
  phrases: Record<string, string>;
}

export interface EditorOptions {
  /** The user changed a file (at most once a frame), or undid, or applied a fix. */
  onChange(file: string, text: string): void;
  /** The user put the cursor on another line, by pointer or keys; not by typing. */
  onCursor(file: string, line: number): void;
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
  setHints(file: string, hints: Hint[]): void;
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
  phrases: {},
};

// How YAML and JSON are coloured and folded: line by line, with a state of a few flags. A parser
// that builds a tree was here before: text nested 100,000 deep exhausted its stack.

import { foldService, LanguageSupport, StreamLanguage, type StreamParser } from "@codemirror/language";
import { yaml as mode } from "@codemirror/legacy-modes/mode/yaml";
import type { EditorState, Extension, Line, Text } from "@codemirror/state";
import { tags } from "@lezer/highlight";

/** Of what the mode does not name: blanks, the colon behind a quoted key, or text. */
function plainStyle(read: string, next: string): string | null {
  if (read.trim() === "") return null;
  return read === ":" && next.trim() === "" ? "meta" : "content";
}

const parser: StreamParser<unknown> = {
  ...mode,
  languageData: { ...mode.languageData, closeBrackets: { brackets: ["(", "[", "{", "'", '"'] } },
  tokenTable: { atom: tags.propertyName, keyword: tags.bool, content: tags.content },
  token(stream, state) {
    const from = stream.pos;
    const style = mode.token(stream, state as never);
    // A quoted key, as JSON has them.
    if (style === "string" && stream.match(/^\s*:(\s|$)/, false)) return "atom";
    return style ?? plainStyle(stream.string.slice(from, stream.pos), stream.string.charAt(stream.pos));
  },
};

const indentOf = (text: string): number => text.search(/\S/);

const opensList = (text: string): boolean => /^\s*-(\s|$)/.test(text);

/** Whether `next` is inside what the line `first` opens. YAML lets a list stand below its key unindented. */
function inside(first: string, next: string): boolean {
  const [outer, inner] = [indentOf(first), indentOf(next)];
  return inner > outer || (inner === outer && opensList(next) && !opensList(first) && first.trimEnd().endsWith(":"));
}

/** The last line that is not blank and belongs to what `first` opens, or `first` itself. */
function lastInside(doc: Text, first: Line): Line {
  let last = first;
  for (let number = first.number + 1; number <= doc.lines; number += 1) {
    const line = doc.line(number);
    if (line.text.trim() === "") continue;
    if (!inside(first.text, line.text)) break;
    last = line;
  }
  return last;
}

/** What can be folded away behind the line that starts at `start`: all that is indented below it. */
export function foldBelow(state: EditorState, start: number): { from: number; to: number } | null {
  const first = state.doc.lineAt(start);
  if (first.text.trim() === "") return null;
  const last = lastInside(state.doc, first);
  return last.number > first.number ? { from: first.to, to: last.to } : null;
}

export const yaml = (): Extension => new LanguageSupport(StreamLanguage.define(parser), foldService.of((state, start) => foldBelow(state, start)));

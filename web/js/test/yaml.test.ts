import { ensureSyntaxTree } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { highlightTree, tagHighlighter, tags } from "@lezer/highlight";
import assert from "node:assert/strict";
import { test } from "node:test";
import { foldBelow, yaml } from "../src/editor/yaml";

const state = (doc: string): EditorState => EditorState.create({ doc, extensions: yaml() });

const classes = tagHighlighter([
  { tag: tags.propertyName, class: "key" }, { tag: tags.string, class: "string" }, { tag: tags.content, class: "text" },
  { tag: tags.number, class: "number" }, { tag: tags.bool, class: "bool" }, { tag: tags.comment, class: "comment" },
]);

/** The coloured parts of a text, neighbours of one colour joined. */
function coloured(doc: string): string[] {
  const open = state(doc);
  const parts: { name: string; from: number; to: number }[] = [];
  highlightTree(ensureSyntaxTree(open, doc.length, 5_000)!, classes, (from, to, name) => {
    const last = parts.at(-1);
    if (last?.name === name && last.to === from) last.to = to;
    else parts.push({ name, from, to });
  });
  return parts.map(({ name, from, to }) => `${name} ${doc.slice(from, to).trim()}`);
}

/** The text that folds behind a line, by its number from 1. */
function folded(doc: string, line: number): string | null {
  const open = state(doc);
  const range = foldBelow(open, open.doc.line(line).from);
  return range && open.sliceDoc(range.from, range.to);
}

test("keys, texts, numbers and comments have colours of their own", () => {
  assert.deepEqual(coloured("kind: NetworkPolicy # why\nport: 80\nall: true\nnames: [a]\n"), [
    "key kind", "text NetworkPolicy", "comment # why", "key port", "number 80", "key all", "bool true", "key names", "text a",
  ]);
});

test("keys of JSON are keys", () => {
  assert.deepEqual(coloured('{"kind": "Pod"}'), ["key \"kind\"", "string \"Pod\""]);
});

test("folding hides what is indented below a line, with a list that stands below its key", () => {
  const doc = "spec:\n  a:\n  - x\n\n  - y\n  b: 1\nend: 1\n";
  assert.equal(folded(doc, 1), "\n  a:\n  - x\n\n  - y\n  b: 1");
  assert.equal(folded(doc, 2), "\n  - x\n\n  - y");
  assert.equal(folded(doc, 3), null);
  assert.equal(folded(doc, 7), null);
});

test("100,000 levels exhaust nothing", () => {
  const deep = "[".repeat(100_000);
  assert.ok(ensureSyntaxTree(state(deep), deep.length, 5_000));
  const lines = Array.from({ length: 3_000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
  assert.ok(ensureSyntaxTree(state(lines), lines.length, 5_000));
  assert.equal(folded(lines, 1)?.split("\n").length, 3_000);
});

// Colours come from the page's tokens, so that one attribute on the page changes both.

import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

const highlight = HighlightStyle.define([
  { tag: [t.propertyName, t.definition(t.propertyName), t.attributeName], color: "var(--code-key)" },
  { tag: [t.string, t.content, t.attributeValue], color: "var(--code-string)" },
  { tag: [t.number, t.bool, t.null, t.atom], color: "var(--code-number)" },
  { tag: [t.comment, t.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [t.meta, t.documentMeta, t.separator], color: "var(--muted)" },
  { tag: [t.labelName, t.typeName, t.keyword], color: "var(--code-number)" },
  { tag: [t.punctuation, t.bracket, t.squareBracket, t.brace], color: "var(--ink)" },
  { tag: t.invalid, color: "var(--red)" },
]);

const base = EditorView.theme({
  "&": { height: "100%", fontSize: "var(--code-size)", color: "var(--ink)", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "21px", overscrollBehavior: "contain" },
  ".cm-content": { padding: "8px 0 40vh", caretColor: "var(--ink)" },
  ".cm-line": { padding: "0 16px 0 8px" },
  ".cm-gutters": { backgroundColor: "var(--pane)", color: "var(--muted)", border: "none", userSelect: "none" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "var(--line-active)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selection)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "1.5px" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--chip)", outline: "1px solid var(--line-strong)" },
  ".cm-searchMatch": { backgroundColor: "var(--match)", outline: "none" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--match)", outline: "2px solid var(--teal)" },
  ".cm-selectionMatch": { backgroundColor: "var(--chip)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--chip)", border: "1px solid var(--line-strong)", color: "var(--muted)", padding: "0 6px" },
});

export const theme = [base, syntaxHighlighting(highlight)];

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const sheet = readFileSync(join(process.cwd(), "../style/tokens.css"), "utf8");

function tokens(block: string): Map<string, string> {
  return new Map([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1], m[2]]));
}

const blocks = [...sheet.matchAll(/\{([^{}]*color-scheme:[^{}]*)\}/g)].map((m) => tokens(m[1]));
const [light, dark, system] = blocks;

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}

/** Text token, and every surface that it is put on. */
const PAIRS: [string, string[]][] = [
  ["ink", ["pane", "ground", "chip", "amber-soft", "orange-soft", "red-soft", "group"]],
  ["muted", ["pane", "ground", "group"]],
  ["muted-chip", ["chip", "pane", "ground", "orange-soft", "red-soft"]],
  ["teal", ["pane", "ground", "amber-soft"]],
  ["teal-ink", ["teal-soft", "pane", "orange-soft", "red-soft", "amber-soft"]],
  ["on-teal", ["teal", "teal-ink"]],
  ["orange", ["pane", "ground"]],
  ["orange-ink", ["orange-soft", "pane", "teal-soft"]],
  ["red", ["pane"]],
  ["red-ink", ["red-soft", "pane", "amber-soft"]],
  ["code-key", ["pane", "amber-soft"]],
  ["code-string", ["pane", "amber-soft"]],
  ["code-number", ["pane", "amber-soft"]],
  ["muted", ["amber-soft"]],
];

for (const [name, theme] of [["light", light], ["dark", dark]] as const) {
  test(`${name}: text has a contrast of 4.5 or more on every surface that it is put on`, () => {
    const low = PAIRS.flatMap(([text, on]) => on.map((surface) => ({ text, surface, ratio: contrast(theme.get(text)!, theme.get(surface)!) })));
    assert.deepEqual(low.filter((p) => p.ratio < 4.5).map((p) => `${p.text} on ${p.surface}: ${p.ratio.toFixed(2)}`), []);
  });
}

test("dark is the same whether chosen or from the system", () => {
  assert.deepEqual([...system], [...dark]);
});

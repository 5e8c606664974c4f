// From what is to be drawn to what the layout needs: sizes and words.

import type { Scene } from "../layout/types";
import { groupId, type Group, type Line, type Picture } from "./economy";
import type { Fonts, Measure } from "./measure";
import { fill, type GraphData, type GraphLabels, type GraphNode } from "./types";

export interface CardText { name: string; sub: string; w: number; h: number; outside: boolean }

/** Words of everything drawn, cut to size, by id. */
export interface Words {
  cards: Map<string, CardText>;
  groups: Map<string, { name: string; note: string; w: number }>;
  labels: Map<string, { text: string; w: number }>;
}

const CARD = { min: 132, max: 216, h: 48 };
const OUTSIDE = { min: 128, max: 200, h: 62 };
const LABEL_MAX = 168;
/** Beyond this many lines, only those that say something special keep their label at rest. */
const LABELS_ABOVE = 70;

export function wordsOf(picture: Picture, data: GraphData, labels: GraphLabels, measure: Measure, fonts: Fonts): Words {
  const words: Words = { cards: new Map(), groups: new Map(), labels: new Map() };
  for (const node of picture.nodes) words.cards.set(node.id, cardText(node, measure, fonts));
  const notes = new Map((data.namespaces ?? []).map((n) => [n.name, n.note ?? ""]));
  for (const group of picture.groups) {
    const name = measure.fitted(group.name, fonts.name, 190);
    const wanted = [sizeText(group, picture, labels) || (notes.get(group.name) ?? ""), stateText(group, labels)];
    const note = measure.fitted(wanted.filter(Boolean).join(" · "), fonts.sub, 190);
    const width = measure.width(name, fonts.name) + (note && !group.collapsed ? 10 + measure.width(note, fonts.sub) : 0);
    words.groups.set(group.name, { name, note, w: Math.max(168, Math.ceil(Math.max(width, measure.width(note, fonts.sub))) + 64) });
  }
  const lines = [...picture.lines, ...picture.inside.values()];
  for (const line of lines) words.labels.set(line.id, labelText(line, labels, measure, fonts));
  return words;
}

function sizeText(group: Group, picture: Picture, labels: GraphLabels): string {
  if (group.part) return fill(labels.part, { n: group.shown, m: group.count });
  return picture.overview ? fill(labels.workloads, { n: group.count }) : "";
}

/** What policies do to the namespace: nothing, nothing to some of it, or isolate all of it. */
export function stateText({ open, isolated, count, shown, part }: Group, labels: GraphLabels): string {
  const of = part && shown < count && open + isolated <= shown ? shown : count;
  if (open > 0) return open === of ? labels.open : fill(labels.someOpen, { n: open });
  return isolated === of && isolated > 0 ? labels.isolated : "";
}

/** The ports of a line, and of how many pairs, where that is not all between its ends. */
export function lineText(line: Line, labels: GraphLabels): string {
  const flows = fill(labels.flows, { n: line.flows.toLocaleString("en") });
  if (line.flows === line.pairs) return line.label || flows;
  const some = fill(labels.some, { n: line.flows.toLocaleString("en"), m: line.pairs.toLocaleString("en") });
  return line.label ? `${some} · ${line.label}` : some;
}

function cardText(node: GraphNode, measure: Measure, fonts: Fonts): CardText {
  const outside = node.kind === "addresses";
  const size = outside ? OUTSIDE : CARD;
  const name = measure.fitted(node.label, fonts.name, size.max - 32);
  const sub = measure.fitted(node.sub ?? "", fonts.sub, size.max - 32);
  const text = Math.max(measure.width(name, fonts.name), measure.width(sub, fonts.sub));
  return { name, sub, w: Math.max(size.min, Math.ceil(text) + 32), h: size.h, outside };
}

const MARK = { allowed: ["", ""], opened: ["+ ", ""], closed: ["− ", ""], unknown: ["", "?"], "asked-denied": ["✕ ", ""] } as const;

function labelText(line: Line, labels: GraphLabels, measure: Measure, fonts: Fonts) {
  const [before, after] = MARK[line.state];
  const text = before + measure.fitted(lineText(line, labels), fonts.label, LABEL_MAX) + after;
  return { text, w: Math.ceil(measure.width(text, fonts.label)) + 18 };
}

/** What the layout places. */
export function sceneOf(picture: Picture, words: Words): Scene {
  const crowded = picture.lines.length > LABELS_ABOVE;
  const collapsed = new Set(picture.groups.filter((g) => g.collapsed).map((g) => g.name));
  // Closed namespaces are of one width, so that they stand in columns.
  const closedW = Math.max(168, ...[...collapsed].map((name) => words.groups.get(name)!.w));
  return {
    overview: picture.overview,
    nodes: picture.nodes
      .map(({ id, namespace }) => {
        const { w, h } = words.cards.get(id)!;
        return { id, w, h, group: namespace === undefined ? undefined : groupId(namespace) };
      }),
    groups: picture.groups.map((g) => {
      const inside = picture.inside.get(g.name);
      const pill = inside ? words.labels.get(inside.id)!.w + 12 : 0;
      const w = g.collapsed ? closedW : words.groups.get(g.name)!.w + pill;
      return { id: groupId(g.name), w, h: 64, collapsed: g.collapsed };
    }),
    links: picture.lines.map((l) => {
      const quiet = crowded && l.state === "allowed";
      return { id: l.id, from: l.from, to: l.to, labelW: quiet ? 0 : words.labels.get(l.id)!.w, both: l.both };
    }),
  };
}

// Drawn lines, and what is done to them when they are many. A line that stands for several flows knows
// of how many pairs: where that is not all of them, its words say so.

import { groupBy } from "./flows";
import type { EdgeState, GraphEdge } from "./types";

/** A drawn line. Its ends are node ids, or namespaces as `ns:NAME`. */
export interface Line {
  id: string;
  from: string;
  to: string;
  /** Empty when the flows that it stands for have several. */
  label: string;
  state: EdgeState;
  /** An arrow at both ends. */
  both: boolean;
  /** Ids of the flows that it stands for. */
  edges: string[];
  /** How many flows there are each way, and between how many pairs there could be one. */
  flows: number;
  pairs: number;
}

/** Many lines alike at one end, said beside it in place of drawing them. */
export interface Fan { end: string; way: "out" | "in" | "both"; label: string; flows: number; edges: string[]; others: string[] }

/** From how many lines on those between two namespaces become one. */
export const GATHER_ABOVE = 150;
/** From how many lines on those of one end that are alike are said beside it. */
export const FAN_ABOVE = 24;

const WEIGHT: Record<EdgeState, number> = { "asked-denied": 4, opened: 3, closed: 2, unknown: 1, allowed: 0 };

export function lineOf({ id, from, to, label, state }: GraphEdge): Line {
  return { id, from, to, label, state, both: false, edges: [id], flows: 1, pairs: 1 };
}

/** One line for flows of `pairs` pairs; the id follows from what it joins, so that it is the same next time. */
export function bundle(from: string, to: string, edges: GraphEdge[], pairs: number): Line {
  if (edges.length === 1 && edges[0].from === from && edges[0].to === to) return lineOf(edges[0]);
  const joined = { from, to, ...common(edges), both: false, edges: edges.map((e) => e.id), flows: edges.length, pairs };
  return { id: `${from} ⇒ ${to} ${joined.state} ${joined.label}`, ...joined };
}

/** The label that all share, if they do, and the state that matters most. */
function common(parts: { label: string; state: EdgeState }[]): { label: string; state: EdgeState } {
  const [first] = parts;
  const label = parts.every((p) => p.label === first.label) ? first.label : "";
  const state = parts.reduce((worst, p) => (WEIGHT[p.state] > WEIGHT[worst] ? p.state : worst), first.state);
  return { label, state };
}

/** When there is still too much: one line for all between two places. `size` is how many nodes one has. */
export function gather(lines: Line[], place: (end: string) => string, size: (place: string) => number): Line[] {
  if (lines.length <= GATHER_ABOVE) return lines;
  const key = (l: Line) => (place(l.from) === place(l.to) || l.state !== "allowed" ? l.id : `${place(l.from)}\n${place(l.to)}`);
  return [...groupBy(lines, key).values()].map((part) => {
    if (part.length === 1) return part[0];
    const [from, to] = [place(part[0].from), place(part[0].to)];
    const flows = part.reduce((sum, l) => sum + l.flows, 0);
    return { id: `${from} ⇒ ${to} all`, from, to, ...common(part), both: false, edges: part.flatMap((l) => l.edges), flows, pairs: size(from) * size(to) };
  });
}

/** The same flow there and back is one line with two arrows. */
export function bothWays(lines: Line[]): Line[] {
  const key = (from: string, to: string, l: Line) => [from, to, l.state, l.label, l.flows, l.pairs].join("\n");
  const seen = new Map<string, Line>();
  const out: Line[] = [];
  for (const line of lines) {
    const back = line.label ? seen.get(key(line.to, line.from, line)) : undefined;
    if (back && !back.both) (back.both = true), (back.edges = [...back.edges, ...line.edges]);
    else (seen.set(key(line.from, line.to, line), line), out.push(line));
  }
  return out;
}

/** Takes out fans of more than `above` lines, the largest first. Selected flows stay. */
export function takeFans(lines: Line[], selected: Set<string>, above = FAN_ABOVE): { lines: Line[]; fans: Fan[] } {
  const fans: Fan[] = [];
  const taken = new Set<Line>();
  const plain = lines.filter((l) => l.state === "allowed" && l.label && !selected.has(l.id));
  const ends = plain.flatMap((line) => endsOf(line));
  const parts = [...groupBy(ends, ({ end, way, line }) => `${end}\n${way}\n${line.label}`).values()];
  for (const part of parts.sort((a, b) => b.length - a.length)) {
    const own = part.filter(({ line }) => !taken.has(line));
    if (own.length <= above) continue;
    const [{ end, way, line }] = own;
    own.forEach((o) => taken.add(o.line));
    const flows = own.reduce((sum, o) => sum + o.line.flows, 0);
    const others = own.map((o) => (o.line.from === end ? o.line.to : o.line.from));
    fans.push({ end, way, label: line.label, flows, edges: own.flatMap((o) => o.line.edges), others });
  }
  return { lines: lines.filter((l) => !taken.has(l)), fans };
}

function endsOf(line: Line): { end: string; way: Fan["way"]; line: Line }[] {
  const [from, to] = line.both ? (["both", "both"] as const) : (["out", "in"] as const);
  return [{ end: line.from, way: from, line }, { end: line.to, way: to, line }];
}

// Drawn lines, and what is done to them when they are many.

import { groupBy, groupId, type Seat } from "./flows";
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
}

/** Many lines alike at one end, said beside it in place of drawing them. */
export interface Fan { end: string; way: "out" | "in" | "both"; label: string; lines: number; edges: string[] }

/** From how many lines on those between two namespaces become one. */
export const GATHER_ABOVE = 150;
/** From how many lines on those of one end that are alike are said beside it. */
export const FAN_ABOVE = 24;

const WEIGHT: Record<EdgeState, number> = { "asked-denied": 4, opened: 3, closed: 2, unknown: 1, allowed: 0 };

export function lineOf({ id, from, to, label, state }: GraphEdge): Line {
  return { id, from, to, label, state, both: false, edges: [id] };
}

/** One line for many flows; the id follows from what it joins, so that it is the same next time. */
export function bundle(from: string, to: string, edges: GraphEdge[]): Line {
  if (edges.length === 1 && edges[0].from === from && edges[0].to === to) return lineOf(edges[0]);
  const joined = { from, to, ...common(edges), both: false, edges: edges.map((e) => e.id) };
  return { id: `${from} ⇒ ${to} ${joined.state} ${joined.label}`, ...joined };
}

/** The label that all share, if they do, and the state that matters most. */
function common(parts: { label: string; state: EdgeState }[]): { label: string; state: EdgeState } {
  const [first] = parts;
  const label = parts.every((p) => p.label === first.label) ? first.label : "";
  const state = parts.reduce((worst, p) => (WEIGHT[p.state] > WEIGHT[worst] ? p.state : worst), first.state);
  return { label, state };
}

/** When there is still too much: one line for all between two namespaces. */
export function gather(lines: Line[], seats: Map<string, Seat>, selected: Set<string>): Line[] {
  if (lines.length <= GATHER_ABOVE) return lines;
  const place = (end: string) => {
    const home = seats.get(end)?.home;
    return home ? groupId(home) : end;
  };
  const key = (l: Line) => (selected.has(l.id) || place(l.from) === place(l.to) ? l.id : `${place(l.from)}\n${place(l.to)}`);
  return [...groupBy(lines, key).values()].map((part) => (part.length === 1 ? part[0] : joinLines(place(part[0].from), place(part[0].to), part)));
}

function joinLines(from: string, to: string, lines: Line[]): Line {
  return { id: `${from} ⇒ ${to} all`, from, to, ...common(lines), both: false, edges: lines.flatMap((l) => l.edges) };
}

/** The same flow there and back is one line with two arrows. */
export function bothWays(lines: Line[]): Line[] {
  const key = (from: string, to: string, l: Line) => `${from}\n${to}\n${l.state}\n${l.label}`;
  const seen = new Map<string, Line>();
  const out: Line[] = [];
  for (const line of lines) {
    const back = line.label ? seen.get(key(line.to, line.from, line)) : undefined;
    if (back && !back.both) (back.both = true), (back.edges = [...back.edges, ...line.edges]);
    else (seen.set(key(line.from, line.to, line), line), out.push(line));
  }
  return out;
}

/** Takes out fans, the largest first. Selected flows stay. */
export function takeFans(lines: Line[], selected: Set<string>): { lines: Line[]; fans: Fan[] } {
  const fans: Fan[] = [];
  const taken = new Set<Line>();
  const plain = lines.filter((l) => l.state === "allowed" && !selected.has(l.id));
  const ends = plain.flatMap((line) => endsOf(line));
  const parts = [...groupBy(ends, ({ end, way, line }) => `${end}\n${way}\n${line.label}`).values()];
  for (const part of parts.sort((a, b) => b.length - a.length)) {
    const own = part.filter(({ line }) => !taken.has(line));
    if (own.length <= FAN_ABOVE) continue;
    const [{ end, way, line }] = own;
    own.forEach((o) => taken.add(o.line));
    fans.push({ end, way, label: line.label, lines: own.length, edges: own.flatMap((o) => o.line.edges) });
  }
  return { lines: lines.filter((l) => !taken.has(l)), fans };
}

function endsOf(line: Line): { end: string; way: Fan["way"]; line: Line }[] {
  const [from, to] = line.both ? (["both", "both"] as const) : (["out", "in"] as const);
  return [{ end: line.from, way: from, line }, { end: line.to, way: to, line }];
}

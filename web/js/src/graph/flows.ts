// Flows with what the drawing asks about their ends, looked up once: there can be tens of thousands.

import type { GraphData, GraphEdge, GraphNode } from "./types";

/** A node's place in the drawing. */
export interface Seat {
  id: string;
  /** Its namespace; `""` for what is outside. */
  home: string;
  /** A number for the namespace, or for the node itself when it is outside. */
  place: number;
  shown: boolean;
  /** The node, or the closed namespace that holds it. */
  end: string;
  looseOut: boolean;
  looseIn: boolean;
}

export interface Flow { edge: GraphEdge; from: Seat; to: Seat }

/** Namespaces are ends of lines too; their ids cannot be those of nodes, which name a workload. */
export const groupId = (namespace: string) => `ns:${namespace}`;

const loose = (isolation: GraphNode["ingress"]) => isolation === undefined || isolation === "no" || isolation === "unenforced";

export function seatsOf(data: GraphData, collapsed: Set<string>): Map<string, Seat> {
  const places = new Map<string, number>();
  const placeOf = (key: string) => places.get(key) ?? (places.set(key, places.size), places.size - 1);
  const seats = new Map<string, Seat>();
  for (const { id, namespace, ingress, egress } of data.nodes) {
    const home = namespace ?? "";
    const shown = !collapsed.has(home);
    const place = placeOf(home ? groupId(home) : id);
    seats.set(id, { id, home, place, shown, end: shown ? id : groupId(home), looseOut: loose(egress), looseIn: loose(ingress) });
  }
  return seats;
}

/** Flows whose ends are known and differ. */
export function flowsOf(data: GraphData, seats: Map<string, Seat>): Flow[] {
  const flows: Flow[] = [];
  for (const edge of data.edges) {
    const [from, to] = [seats.get(edge.from), seats.get(edge.to)];
    if (from && to && from !== to) flows.push({ edge, from, to });
  }
  return flows;
}

/** Open because no policy has a say at either end. */
export function isByDefault({ edge, from, to }: Flow): boolean {
  return edge.state === "allowed" && from.looseOut && to.looseIn;
}

export function groupBy<T, K>(items: Iterable<T>, key: (item: T) => K): Map<K, T[]> {
  const out = new Map<K, T[]>();
  for (const item of items) {
    const at = key(item);
    const held = out.get(at);
    if (held) held.push(item);
    else out.set(at, [item]);
  }
  return out;
}

// Flows with what the drawing asks about their ends, looked up once.

import type { GraphData, GraphEdge, GraphNode } from "./types";

/** A node's place in the drawing. */
export interface Seat {
  id: string;
  /** Its namespace; `""` for what is outside. */
  home: string;
  looseOut: boolean;
  looseIn: boolean;
}

export interface Flow { edge: GraphEdge; from: Seat; to: Seat }

/** Namespaces are ends of lines too; their ids cannot be those of nodes, which name a workload. */
export const groupId = (namespace: string) => `ns:${namespace}`;

/** The page's name for the flow between two nodes. */
export const edgeId = (from: string, to: string) => `${from}\n${to}`;

/** The ends of a flow by its id; none if it is the id of a node. */
export function edgeEnds(id: string): [string, string] | undefined {
  const [from, to] = id.split("\n");
  return to === undefined ? undefined : [from, to];
}

const loose = (isolation: GraphNode["ingress"]) => isolation === undefined || isolation === "no" || isolation === "unenforced";

export function seatsOf(data: GraphData): Map<string, Seat> {
  const seat = ({ id, namespace, ingress, egress }: GraphNode): Seat => ({ id, home: namespace ?? "", looseOut: loose(egress), looseIn: loose(ingress) });
  return new Map(data.nodes.map((node) => [node.id, seat(node)]));
}

/** The namespace, or the node itself when it is outside. */
export const placeOf = ({ id, home }: Seat) => (home ? groupId(home) : id);

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

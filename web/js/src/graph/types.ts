// What the page tells the diagram, and what the diagram tells the page.

/** What policies do to a direction: nothing, isolate it, perhaps; only cluster policies select it; none apply. */
export type Isolation = "no" | "yes" | "unknown" | "selected" | "unenforced";
export type EdgeState = "allowed" | "unknown" | "asked-denied" | "opened" | "closed";

export interface GraphNode {
  id: string;
  kind: "workload" | "addresses";
  /** Its namespace; absent for addresses. */
  namespace?: string;
  /** First line of the card. */
  label: string;
  /** Second line: `Deployment · 3 pods`, `all but 10.0.0.0/8`. */
  sub?: string;
  /** Whole name for tooltip and screen reader; `label` if absent. */
  title?: string;
  ingress?: Isolation;
  egress?: Isolation;
  /** Named by the filter. */
  hit?: boolean;
}

export interface GraphEdge {
  /** `FROM\nTO`; with another line where there is more than one between the two. */
  id: string;
  /** `id` of a node. */
  from: string;
  to: string;
  /** Ports, for example `TCP 443` or `any`. */
  label: string;
  state: EdgeState;
}

export interface GraphNamespace {
  name: string;
  /** Shown small beside the name, for example `team=retail`. */
  note?: string;
  /** How many workloads it has; those that are given if absent. */
  count?: number;
}

/**
 * All flows of many nodes. `rows` and `columns` are by node; `cells` holds four numbers for each row and
 * column between which something passes: row, column, index of its label, and 0 for allowed or 1 for
 * unknown.
 */
export interface GraphTable {
  rows: number[];
  columns: number[];
  cells: number[];
  labels: string[];
}

export interface GraphData {
  nodes: GraphNode[];
  /** All flows; with `table`, only the one that is asked about, where the table does not have it so. */
  edges: GraphEdge[];
  table?: GraphTable;
  namespaces?: GraphNamespace[];
  /** Whether everything may send everything to everything. */
  allOpen?: boolean;
  /** Flows that are left out: of those that no policy decides. */
  undrawn?: number;
}

/** Several flows drawn as one line: its ends as the drawing names them, and the edges it stands for. */
export interface GraphBundle {
  from: string;
  to: string;
  label: string;
  edges: string[];
}

export interface GraphHandlers {
  /** A line that stands for one flow (or for one each way). */
  onSelectEdge(from: string, to: string, id: string): void;
  onSelectNode(id: string): void;
  /** A line that stands for several flows; without it, `onSelectEdge` gets the first. */
  onSelectBundle?(bundle: GraphBundle): void;
  /** A click on the ground, or Escape. */
  onClear?(): void;
}

export interface GraphOptions extends GraphHandlers {
  dark?: boolean;
  labels?: Partial<GraphLabels>;
}

/** All words that the diagram shows or reads out; `{…}` is filled in. */
export interface GraphLabels {
  /** Name of the whole for screen readers, with its keys. */
  diagram: string;
  openAll: string;
  inside: string;
  /** `{n}` flows are left out. */
  undrawn: string;
  /** Said where no line is drawn at rest. */
  overview: string;
  flows: string;
  /** `{n}` of `{m}` pairs have a flow. */
  some: string;
  /** `{n}` flows alike of one end. */
  fanOut: string;
  fanIn: string;
  fanBoth: string;
  workloads: string;
  /** `{n}` of `{m}` workloads are drawn. */
  part: string;
  open: string;
  someOpen: string;
  isolated: string;
  expand: string;
  collapse: string;
  edge: string;
  both: string;
  states: Record<EdgeState, string>;
  isolatedIngress: string;
  isolatedEgress: string;
  selectedIngress: string;
  selectedEgress: string;
}

export interface GraphHandle {
  /** Draws `data`; with `relayout`, without keeping the places of before. */
  setData(data: GraphData, options?: { relayout?: boolean }): void;
  /** Marks nodes and edges by id, in amber; `[]` for none. */
  select(ids: string[]): void;
  setTheme(dark: boolean): void;
  setLabels(labels: Partial<GraphLabels>): void;
  /** Fits the drawing into the pane, until the user moves it. */
  fit(): void;
  zoomIn(): void;
  zoomOut(): void;
  /** Places everything anew. */
  relayout(): void;
  /** Opens (`true`) or closes a namespace. */
  setExpanded(namespace: string, expanded: boolean): void;
  /** Moves the keyboard's focus into the drawing. */
  focus(): void;
  /** The picture as a standalone SVG text; `undefined` where it is not laid out. */
  exportSvg(): string | undefined;
  destroy(): void;
}

export const DEFAULT_LABELS: GraphLabels = {
  diagram: "Diagram of workloads. Arrow keys move between workloads, square brackets between the lines of one, Enter selects, plus, minus and zero zoom.",
  openAll: "everything can talk to everything",
  inside: "all to all",
  undrawn: "{n} flows between workloads that no policy isolates are not drawn. Select a workload to see its own.",
  overview: "Point at a namespace or a workload to see its flows.",
  flows: "{n} flows",
  some: "{n} of {m} pairs",
  fanOut: "{end} to {n} others: {label}",
  fanIn: "{n} others to {end}: {label}",
  fanBoth: "{end} and {n} others, both ways: {label}",
  workloads: "{n} workloads",
  part: "{n} of {m} workloads",
  open: "open",
  someOpen: "{n} open",
  isolated: "isolated",
  expand: "Expand namespace {name}",
  collapse: "Collapse namespace {name}",
  edge: "{from} to {to}: {label}, {state}",
  both: "{from} and {to}, both ways: {label}, {state}",
  states: { allowed: "allowed", unknown: "unknown", "asked-denied": "denied", opened: "opened since the pin", closed: "closed since the pin" },
  isolatedIngress: "isolated for ingress",
  isolatedEgress: "isolated for egress",
  selectedIngress: "cluster policies apply to ingress",
  selectedEgress: "cluster policies apply to egress",
};

export function fill(pattern: string, values: Record<string, string | number>): string {
  return pattern.replace(/\{(\w+)\}/g, (whole, key: string) => (key in values ? String(values[key]) : whole));
}

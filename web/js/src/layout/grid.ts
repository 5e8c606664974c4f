// Cards of one namespace on a grid.
//
// A layered layout (dagre) knows the direction of a call graph but spreads it over one long row or
// column; a pane is neither. So dagre's ranks seed a grid of the wanted width, and a local search
// over swaps and moves shortens lines, uncrosses them and takes cards out of their way. A grid is
// also what keeps a drawing still: a card owns its cell while others come and go.

import { Graph, layout as dagreLayout } from "@dagrejs/dagre";

export interface GridProblem {
  count: number;
  /** Pairs of indices, from and to. */
  links: [number, number][];
  /** How strongly each card is tied to what stands left of the namespace. */
  pull: number[];
}

/** dagre's ranks, left to right and top to bottom; asked once for all numbers of columns. */
export interface Ranks { LR: number[][]; TB: number[][] }

/** Cell of each card, as column and row. */
export interface Cells { col: number[]; row: number[] }

/** Operations the search may spend on one seed: a few hundredths of a second. */
const BUDGET = 5e6;

export function ranksOf(problem: GridProblem): Ranks {
  return { LR: rankedOrder(problem, "LR"), TB: rankedOrder(problem, "TB") };
}

/** The best cells found for `cols` columns. */
export function solveGrid(problem: GridProblem, ranks: Ranks, cols: number): Cells {
  const seeds = [seed(ranks.LR, cols, ranks.LR.length <= cols), seed(ranks.TB, cols, false)];
  const solved = seeds.map((cells) => improve(problem, cells, cols));
  solved.sort((a, b) => cost(problem, a) - cost(problem, b));
  return trim(solved[0]);
}

/** What is wrong with a placement; lower is better. */
export function cost(problem: GridProblem, cells: Cells): number {
  let sum = 0;
  for (let i = 0; i < problem.count; i++) {
    sum += 0.05 * (cells.col[i] + cells.row[i]) + 0.6 * problem.pull[i] * cells.col[i];
  }
  for (const [a, b] of problem.links) sum += linkCost(problem.count, cells, a, b);
  return sum + 1.6 * crossings(problem.links, cells);
}

function linkCost(count: number, { col, row }: Cells, a: number, b: number): number {
  const dc = col[b] - col[a];
  const dr = row[b] - row[a];
  // A level line is read first and has room for its label.
  const length = Math.abs(dc) + Math.abs(dr) * 1.12;
  const against = (dc < 0 ? 0.7 : 0) + (dr < 0 ? 0.3 : 0);
  let blocked = 0;
  if (length > 1.5) {
    for (let k = 0; k < count; k++) {
      if (k !== a && k !== b && inTheWay(col[k] - col[a], row[k] - row[a], dc, dr)) blocked++;
    }
  }
  return length * length * 0.5 + length * 0.5 + against + 2.5 * blocked;
}

/** Whether the card at (x, y) lies on the straight line from the origin to (dc, dr). */
function inTheWay(x: number, y: number, dc: number, dr: number): boolean {
  const along = (x * dc + y * dr) / (dc * dc + dr * dr);
  if (along <= 0 || along >= 1) return false;
  const ox = x - along * dc;
  const oy = y - along * dr;
  return ox * ox + oy * oy < 0.2;
}

function crossings(links: [number, number][], cells: Cells): number {
  if (links.length > 40) return 0;
  let found = 0;
  for (let i = 0; i < links.length; i++) {
    for (let j = i + 1; j < links.length; j++) if (cross(links[i], links[j], cells)) found++;
  }
  return found;
}

function cross([a, b]: [number, number], [c, d]: [number, number], cells: Cells): boolean {
  if (a === c || a === d || b === c || b === d) return false;
  return turn(cells, a, b, c) * turn(cells, a, b, d) < 0 && turn(cells, c, d, a) * turn(cells, c, d, b) < 0;
}

/** On which side of the line from p to q the card r lies, by its sign. */
function turn({ col, row }: Cells, p: number, q: number, r: number): number {
  return (col[q] - col[p]) * (row[r] - row[p]) - (row[q] - row[p]) * (col[r] - col[p]);
}

/** dagre's order poured into `cols` columns, or a column for each rank. */
function seed(ranks: number[][], cols: number, byRank: boolean): Cells {
  const cells: Cells = { col: [], row: [] };
  const put = (i: number, col: number, row: number) => ((cells.col[i] = col), (cells.row[i] = row));
  if (byRank) ranks.forEach((rank, col) => rank.forEach((i, row) => put(i, col, row)));
  else ranks.flat().forEach((i, at) => put(i, at % cols, Math.floor(at / cols)));
  return cells;
}

/** Indices by rank, each rank in dagre's order. */
function rankedOrder(problem: GridProblem, rankdir: "LR" | "TB"): number[][] {
  const graph = new Graph();
  graph.setGraph({ rankdir, nodesep: 1, ranksep: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (let i = 0; i < problem.count; i++) graph.setNode(String(i), { width: 2, height: 2 });
  for (const [a, b] of problem.links) if (a !== b) graph.setEdge(String(a), String(b));
  dagreLayout(graph);
  const ranks = new Map<number, { i: number; at: number }[]>();
  for (let i = 0; i < problem.count; i++) {
    const { x, y } = graph.node(String(i)) as { x: number; y: number };
    const [rank, at] = rankdir === "LR" ? [x, y] : [y, x];
    const key = Math.round(rank);
    ranks.set(key, [...(ranks.get(key) ?? []), { i, at }]);
  }
  const sorted = [...ranks.entries()].sort((a, b) => a[0] - b[0]);
  return sorted.map(([, rank]) => rank.sort((a, b) => a.at - b.at || a.i - b.i).map(({ i }) => i));
}

/** Moves and swaps cards while that lowers the cost. */
function improve(problem: GridProblem, start: Cells, cols: number): Cells {
  const cells = { col: [...start.col], row: [...start.row] };
  const rows = Math.max(Math.ceil(problem.count / cols), ...cells.row.map((r) => r + 1));
  let spent = 0;
  const price = problem.count + problem.links.length * (problem.count + problem.links.length);
  let best = cost(problem, cells);
  for (let improved = true; improved && spent < BUDGET; ) {
    improved = false;
    for (let i = 0; i < problem.count && spent < BUDGET; i++) {
      for (let cell = 0; cell < cols * (rows + 1) && spent < BUDGET; cell++) {
        const undo = put(cells, i, cell % cols, Math.floor(cell / cols));
        const now = cost(problem, cells);
        spent += price;
        if (now < best - 1e-6) (best = now), (improved = true);
        else undo();
      }
    }
  }
  return cells;
}

/** Puts card `i` into a cell, its holder into the one left free; returns how to take that back. */
function put({ col, row }: Cells, i: number, c: number, r: number): () => void {
  const [oc, or] = [col[i], row[i]];
  const holder = col.findIndex((x, k) => k !== i && x === c && row[k] === r);
  [col[i], row[i]] = [c, r];
  if (holder >= 0) [col[holder], row[holder]] = [oc, or];
  return () => {
    [col[i], row[i]] = [oc, or];
    if (holder >= 0) [col[holder], row[holder]] = [c, r];
  };
}

/** Drops empty rows and columns. */
function trim({ col, row }: Cells): Cells {
  const rank = (values: number[]) => {
    const used = [...new Set(values)].sort((a, b) => a - b);
    return values.map((v) => used.indexOf(v));
  };
  return { col: rank(col), row: rank(row) };
}

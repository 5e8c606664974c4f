// Flows of a large cluster: nodes that send alike share a row, nodes that receive alike share a column,
// and only what is between the two is there. Nothing is left out, and a pair that is not found is denied.

import type { EdgeState, GraphNode, GraphTable } from "./types";

/** What passes from one node to another. */
export interface Found { label: string; state: EdgeState }

export class Table {
  private readonly cells = new Map<number, Found>();
  private readonly at = new Map<string, number>();

  constructor(nodes: GraphNode[], private readonly table: GraphTable) {
    nodes.forEach(({ id }, i) => this.at.set(id, i));
    const { cells, labels } = table;
    for (let i = 0; i + 3 < cells.length; i += 4) {
      const state = cells[i + 3] === 0 ? "allowed" : "unknown";
      this.cells.set(cells[i] * WIDTH + cells[i + 1], { label: labels[cells[i + 2]] ?? "", state });
    }
  }

  find(from: string, to: string): Found | undefined {
    const [a, b] = [this.at.get(from), this.at.get(to)];
    if (a === undefined || b === undefined || a === b) return undefined;
    return this.cells.get(this.table.rows[a] * WIDTH + this.table.columns[b]);
  }
}

/** More columns than a browser could hold nodes. */
const WIDTH = 4_194_304;

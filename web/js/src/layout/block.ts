// A namespace as a block: its cards on a grid, their places relative to the block's corner.

import { ranksOf, solveGrid, type Cells, type GridProblem } from "./grid";
import { PAD, type LayoutGroup, type LayoutNode, type Rect, type Scene } from "./types";

export interface Block { id: string; w: number; h: number; cards: Record<string, Rect> }

/** Pitch of a namespace's grid: room for the cards and for labels between them. */
export interface Pitch { cardW: number; cardH: number; gapX: number; gapY: number }

export function members(scene: Scene, group: string): LayoutNode[] {
  return scene.nodes.filter((node) => node.group === group);
}

export function pitchOf(scene: Scene, nodes: LayoutNode[]): Pitch {
  const ids = new Set(nodes.map((n) => n.id));
  const inner = scene.links.filter((l) => ids.has(l.from) && ids.has(l.to));
  // The widest label of any namespace, so that columns of different namespaces stand in line.
  const home = new Map(scene.nodes.map((n) => [n.id, n.group]));
  const label = Math.max(0, ...scene.links.filter((l) => home.get(l.from) === home.get(l.to)).map((l) => l.labelW));
  return {
    cardW: Math.max(...nodes.map((n) => n.w)),
    cardH: Math.max(...nodes.map((n) => n.h)),
    // Many lines between few cards need a wider aisle for their labels.
    gapX: inner.length ? Math.min(Math.max(label + 20, 56), 120) + Math.min(60, Math.max(0, inner.length - nodes.length) * 8) : 24,
    gapY: inner.length ? 60 : 24,
  };
}

/** Makes blocks of a namespace, for whatever number of columns is asked. */
export function blockMaker(scene: Scene, group: LayoutGroup): (maxCols: number) => Block {
  const nodes = members(scene, group.id);
  if (group.collapsed || nodes.length === 0) return () => ({ id: group.id, w: group.w, h: group.h, cards: {} });
  const problem = problemOf(scene, nodes);
  const [ranks, pitch] = [ranksOf(problem), pitchOf(scene, nodes)];
  const made = new Map<number, Block>();
  return (maxCols) => {
    const cols = Math.min(maxCols, nodes.length);
    const block = made.get(cols) ?? place(group, nodes, solveGrid(problem, ranks, cols), pitch);
    made.set(cols, block);
    return block;
  };
}

function problemOf(scene: Scene, nodes: LayoutNode[]): GridProblem {
  const index = new Map(nodes.map((n, i) => [n.id, i]));
  const outside = new Set(scene.nodes.filter((n) => !n.group).map((n) => n.id));
  const links: [number, number][] = [];
  const pull: number[] = nodes.map(() => 0);
  for (const { from, to } of scene.links) {
    const [a, b] = [index.get(from), index.get(to)];
    if (a !== undefined && b !== undefined) links.push([a, b]);
    else if (a !== undefined && outside.has(to)) pull[a]++;
    else if (b !== undefined && outside.has(from)) pull[b]++;
  }
  return { count: nodes.length, links, pull };
}

function place(group: LayoutGroup, nodes: LayoutNode[], cells: Cells, pitch: Pitch): Block {
  const cards: Record<string, Rect> = {};
  nodes.forEach((node, i) => {
    cards[node.id] = {
      x: PAD.side + cells.col[i] * (pitch.cardW + pitch.gapX),
      y: PAD.top + cells.row[i] * (pitch.cardH + pitch.gapY),
      w: node.w,
      h: node.h,
    };
  });
  const right = Math.max(...Object.values(cards).map((r) => r.x + r.w));
  const bottom = Math.max(...Object.values(cards).map((r) => r.y + r.h));
  return { id: group.id, w: Math.max(group.w, right + PAD.side), h: bottom + PAD.bottom, cards };
}

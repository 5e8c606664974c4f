// Many workloads: namespaces on a grid as wide as the pane, so that names stay large enough to read and
// the drawing only grows downwards. Places follow from the order alone, so typing moves little.

import { GAP, PAD, type LayoutGroup, type LayoutNode, type Placement, type Scene } from "./types";

/** Space between cards, and between closed namespaces: lines may have to pass. */
const CLOSE = 20;
/** Drawings are shown a little smaller than they are made. */
const SCALE = 0.92;

export function placeOverview(scene: Scene, view: { w: number; h: number }): Placement {
  const out: Placement = { nodes: {}, groups: {} };
  const width = Math.max(360, view.w / SCALE - 2 * PAD.side);
  const outside = scene.nodes.filter((n) => !n.group);
  let y = rowsOf(outside, width, 0, 0, CLOSE, (node, x, at) => (out.nodes[node.id] = { x, y: at, w: node.w, h: node.h }));
  if (outside.length) y += GAP;
  const members = new Map<string, LayoutNode[]>();
  for (const node of scene.nodes) if (node.group) members.set(node.group, [...(members.get(node.group) ?? []), node]);
  for (const run of runsOf(scene.groups)) {
    if (run[0].collapsed) y = rowsOf(run, width, 0, y, CLOSE, (group, x, at) => (out.groups[group.id] = { x, y: at, w: group.w, h: group.h }));
    else y = openBoxes(run, members, width, y, out);
    y += CLOSE;
  }
  return out;
}

/** Neighbours that are closed, or that are open, together. */
function runsOf(groups: LayoutGroup[]): LayoutGroup[][] {
  const runs: LayoutGroup[][] = [];
  for (const group of groups) {
    const last = runs.at(-1);
    if (last && last[0].collapsed === group.collapsed) last.push(group);
    else runs.push([group]);
  }
  return runs;
}

/** Fills rows from left to right; returns where the next row begins. */
function rowsOf<T extends { w: number; h: number }>(items: T[], width: number, left: number, top: number, gap: number, put: (item: T, x: number, y: number) => void): number {
  let [x, y, tall] = [left, top, 0];
  for (const item of items) {
    if (x > left && x + item.w > left + width) [x, y, tall] = [left, y + tall + gap, 0];
    put(item, x, y);
    x += item.w + gap;
    tall = Math.max(tall, item.h);
  }
  return y + tall;
}

interface Box { group: LayoutGroup; nodes: LayoutNode[]; cols: number; cardW: number; w: number; h: number }

function boxOf(group: LayoutGroup, nodes: LayoutNode[], width: number): Box {
  const cardW = Math.max(...nodes.map((n) => n.w));
  const cardH = Math.max(...nodes.map((n) => n.h));
  const room = Math.max(1, Math.floor((width - 2 * PAD.side + CLOSE) / (cardW + CLOSE)));
  const cols = Math.min(room, nodes.length);
  const rows = Math.ceil(nodes.length / cols);
  const w = Math.max(group.w, 2 * PAD.side + cols * (cardW + CLOSE) - CLOSE);
  return { group, nodes, cols, cardW, w, h: PAD.top + rows * (cardH + CLOSE) - CLOSE + PAD.bottom };
}

function openBoxes(groups: LayoutGroup[], members: Map<string, LayoutNode[]>, width: number, top: number, out: Placement): number {
  const boxes = groups.map((group) => boxOf(group, members.get(group.id) ?? [], width));
  // Far enough apart for a line with its label between two of them.
  return rowsOf(boxes, width, 0, top, boxes.length > 1 ? 110 : CLOSE, (box, x, y) => {
    out.groups[box.group.id] = { x, y, w: box.w, h: box.h };
    box.nodes.forEach((node, i) => {
      const [col, row] = [i % box.cols, Math.floor(i / box.cols)];
      out.nodes[node.id] = { x: x + PAD.side + col * (box.cardW + CLOSE), y: y + PAD.top + row * (node.h + CLOSE), w: node.w, h: node.h };
    });
  });
}

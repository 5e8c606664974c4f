// Keeps a drawing still: what was placed stays, only what is new looks for room, and boxes give way
// only where a neighbour has grown into them.

import { blockMaker, members, pitchOf, type Pitch } from "./block";
import { arrange, OUTSIDE_GAP } from "./arrange";
import { boundsOf, centre, grown, overlaps } from "./geometry";
import { GAP, PAD, type LayoutGroup, type LayoutNode, type Placement, type Rect, type Scene } from "./types";

/** Positions for `scene`, from those of `previous` where most of it is known. */
export function placeScene(scene: Scene, previous: Placement | undefined, view: { w: number; h: number }) {
  if (!previous || !mostlyKnown(scene, previous)) return { placement: arrange(scene, view), fresh: true };
  const placement: Placement = { nodes: {}, groups: {} };
  for (const node of scene.nodes) {
    const at = previous.nodes[node.id];
    if (at) placement.nodes[node.id] = { x: at.x, y: at.y, w: node.w, h: node.h };
  }
  for (const group of scene.groups) {
    if (previous.groups[group.id]) placement.groups[group.id] = previous.groups[group.id];
  }
  for (const group of scene.groups) settleGroup(scene, group, placement, view);
  for (const node of scene.nodes) {
    if (!node.group && !placement.nodes[node.id]) placement.nodes[node.id] = besideAll(node, placement);
  }
  return { placement, fresh: false };
}

/** Cards of a namespace of which none was placed (just opened) do not count against it. */
function mostlyKnown(scene: Scene, previous: Placement): boolean {
  const shown = new Set(scene.nodes.filter((n) => previous.nodes[n.id]).map((n) => n.group));
  const counted = [
    ...scene.groups.map((g) => g.id in previous.groups),
    ...scene.nodes.filter((n) => !n.group || shown.has(n.group)).map((n) => n.id in previous.nodes),
  ];
  return counted.filter(Boolean).length * 2 > counted.length;
}

function settleGroup(scene: Scene, group: LayoutGroup, out: Placement, view: { w: number; h: number }): void {
  const before = out.groups[group.id];
  const nodes = members(scene, group.id);
  const unplaced = nodes.filter((n) => !out.nodes[n.id]);
  if (group.collapsed || unplaced.length === nodes.length) {
    out.groups[group.id] = newBlock(scene, group, before, out, view);
  } else {
    for (const node of unplaced) out.nodes[node.id] = freeCell(scene, node, nodes, out);
    out.groups[group.id] = boxAround(nodes, out, before, group);
  }
  if (before) makeRoom(group.id, before, out, scene);
  pushApart(group.id, out, scene);
}

/** A block as a whole: where the box stood, or at the free side of the drawing. */
function newBlock(scene: Scene, group: LayoutGroup, before: Rect | undefined, out: Placement, view: { w: number; h: number }): Rect {
  const count = members(scene, group.id).length;
  const block = blockMaker(scene, group)(Math.max(2, Math.round(Math.sqrt(count))));
  const all = boundsOf([...Object.values(out.groups), ...Object.values(out.nodes)]);
  const below = (all.w || 1) / (all.h + block.h) >= view.w / view.h * 0.8;
  const corner = before ?? (all.w === 0 ? { x: 0, y: 0 } : below ? freeBelow(out) : { x: all.x + all.w + GAP, y: all.y });
  for (const [id, r] of Object.entries(block.cards)) {
    out.nodes[id] = { ...r, x: r.x + corner.x, y: r.y + corner.y };
  }
  return { x: corner.x, y: corner.y, w: block.w, h: block.h };
}

function freeBelow(out: Placement) {
  const groups = Object.values(out.groups);
  const all = boundsOf(groups.length ? groups : Object.values(out.nodes));
  return { x: all.x, y: all.y + all.h + GAP };
}

/** The free cell of the namespace's grid that makes the shortest lines and grows the box least. */
function freeCell(scene: Scene, node: LayoutNode, nodes: LayoutNode[], out: Placement): Rect {
  const placed = nodes.filter((n) => out.nodes[n.id]).map((n) => out.nodes[n.id]);
  const pitch = pitchOf(scene, nodes);
  const box = boundsOf(placed);
  let best: { rect: Rect; cost: number } | undefined;
  for (const rect of cells(box, pitch, node)) {
    if (placed.some((p) => overlaps(grown(p, 8), rect))) continue;
    const cost = lineLength(scene, node, rect, out) + growth(box, rect) * 1.5;
    if (!best || cost < best.cost) best = { rect, cost };
  }
  return best?.rect ?? { x: box.x, y: box.y + box.h + pitch.gapY, w: node.w, h: node.h };
}

function* cells(box: Rect, pitch: Pitch, node: LayoutNode): Generator<Rect> {
  const [stepX, stepY] = [pitch.cardW + pitch.gapX, pitch.cardH + pitch.gapY];
  for (let y = box.y; y <= box.y + box.h + stepY; y += stepY) {
    for (let x = box.x; x <= box.x + box.w + stepX; x += stepX) yield { x, y, w: node.w, h: node.h };
  }
}

function growth(box: Rect, rect: Rect): number {
  const all = boundsOf([box, rect]);
  return all.w - box.w + (all.h - box.h);
}

function lineLength(scene: Scene, node: LayoutNode, rect: Rect, out: Placement): number {
  let sum = 0;
  for (const { from, to } of scene.links) {
    if (from !== node.id && to !== node.id) continue;
    const other = out.nodes[from === node.id ? to : from];
    if (other) sum += Math.hypot(centre(other).x - centre(rect).x, centre(other).y - centre(rect).y);
  }
  return sum;
}

/** The box around the cards; it keeps its former edges, so that a removed card moves nothing. */
function boxAround(nodes: LayoutNode[], out: Placement, before: Rect | undefined, group: LayoutGroup): Rect {
  const inner = boundsOf(nodes.map((n) => out.nodes[n.id]));
  const box = { x: inner.x - PAD.side, y: inner.y - PAD.top, w: inner.w + 2 * PAD.side, h: inner.h + PAD.top + PAD.bottom };
  const around = before ? boundsOf([box, before]) : box;
  return { ...around, w: Math.max(around.w, group.w) };
}

/**
 * What stands right of and below a box moves with its edges, so that rows and columns stay in line
 * and closing a namespace takes back what opening it did.
 */
function makeRoom(id: string, before: Rect, out: Placement, scene: Scene): void {
  const now = out.groups[id];
  const [dx, dy] = [now.w - before.w, now.h - before.h];
  if (dx === 0 && dy === 0) return;
  for (const [other, rect] of Object.entries(out.groups)) {
    if (other === id) continue;
    const [right, below] = [rect.x >= before.x + before.w, rect.y >= before.y + before.h];
    if (right || below) shiftGroup(other, right ? dx : 0, below ? dy : 0, out, scene);
  }
}

/** Moves boxes that `fixed` now overlaps, and those that these overlap in turn. */
function pushApart(fixed: string, out: Placement, scene: Scene): void {
  const queue = [fixed];
  for (let steps = 0; queue.length && steps < 200; steps++) {
    const by = out.groups[queue.shift()!];
    for (const [id, rect] of Object.entries(out.groups)) {
      if (rect === by || !overlaps(grown(by, GAP / 2 - 1), rect)) continue;
      const down = by.y + by.h + GAP - rect.y;
      const right = by.x + by.w + GAP - rect.x;
      if (id === fixed) continue;
      if (down <= right) shiftGroup(id, 0, down, out, scene);
      else shiftGroup(id, right, 0, out, scene);
      queue.push(id);
    }
  }
}

function shiftGroup(id: string, dx: number, dy: number, out: Placement, scene: Scene): void {
  const move = (r: Rect): Rect => ({ ...r, x: r.x + dx, y: r.y + dy });
  out.groups[id] = move(out.groups[id]);
  for (const node of members(scene, id)) {
    if (out.nodes[node.id]) out.nodes[node.id] = move(out.nodes[node.id]);
  }
}

/** What is outside stands left of the namespaces, under what stands there already. */
function besideAll(node: LayoutNode, out: Placement): Rect {
  const inner = boundsOf(Object.values(out.groups).length ? Object.values(out.groups) : Object.values(out.nodes));
  const x = inner.x - OUTSIDE_GAP - node.w;
  const column = Object.values(out.nodes).filter((r) => r.x < inner.x && r.x + r.w > x);
  return { x, y: Math.max(inner.y, ...column.map((r) => r.y + r.h + 48)), w: node.w, h: node.h };
}

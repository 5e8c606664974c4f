// Places everything anew: the blocks of the namespaces on shelves, what is outside beside them.
//
// Several widths are tried and the drawing that is read best in the pane wins: as large as
// possible, then with short lines.

import { blockMaker, type Block } from "./block";
import { boundsOf, centre } from "./geometry";
import { difficulty, groupsOf } from "./route";
import { GAP, type LayoutNode, type Placement, type Rect, type Scene } from "./types";

/** Room for a label between what is outside and the namespaces. */
export const OUTSIDE_GAP = 58;

interface View { w: number; h: number }

interface Candidate { placement: Placement; score: number }

/** So many drawings, the best by a quick look, have their lines drawn to be compared. */
const SHORT_LIST = 10;
/** With more lines than this the quick look has to do. */
const COMPARED_LINES = 120;

export function arrange(scene: Scene, view: View): Placement {
  const candidates: Candidate[] = [];
  for (const blocks of blockChoices(scene)) {
    for (const shelves of shelfChoices(blocks.length)) {
      for (const side of ["left", "top"] as const) {
        const placement = assemble(scene, blocks, shelves, side);
        candidates.push({ placement, score: rate(scene, placement, view) + (side === "left" ? 4 : 0) });
      }
    }
  }
  candidates.sort((a, b) => b.score - a.score);
  return readable(scene, candidates)?.placement ?? { nodes: {}, groups: {} };
}

function shelfChoices(count: number): number[] {
  if (count <= 12) return Array.from({ length: Math.max(1, count) }, (_, i) => i + 1);
  return [0.6, 0.8, 1, 1.2, 1.5, 2, 2.5].map((f) => Math.round(Math.sqrt(count) * f));
}

/** Of the short list, the one whose lines are easiest to follow for its size. */
function readable(scene: Scene, candidates: Candidate[]): Candidate | undefined {
  if (scene.links.length === 0 || scene.links.length > COMPARED_LINES) return candidates[0];
  const groups = groupsOf(scene);
  const listed = candidates.slice(0, SHORT_LIST).map(({ placement, score }) => {
    const perLine = difficulty(scene.links, placement, groups) / scene.links.length;
    return { placement, score: score - perLine * 0.07 + forward(scene, placement) * 16 };
  });
  return listed.sort((a, b) => b.score - a.score)[0];
}

/** The share of lines that run the way one reads; a level one has the best room for its label. */
function forward(scene: Scene, placement: Placement): number {
  const at = (id: string) => centre(placement.nodes[id] ?? placement.groups[id]);
  const placed = scene.links.filter((l) => [l.from, l.to].every((id) => placement.nodes[id] ?? placement.groups[id]));
  const worth = placed.map((l) => {
    const [dx, dy] = [at(l.to).x - at(l.from).x, at(l.to).y - at(l.from).y];
    return dx > Math.abs(dy) ? 1 : dx > 20 || (Math.abs(dx) <= 20 && dy > 0) ? 0.6 : 0;
  });
  return worth.reduce((sum: number, w) => sum + w, 0) / (placed.length || 1);
}

function blockChoices(scene: Scene): Block[][] {
  const largest = Math.max(1, ...scene.groups.map((g) => scene.nodes.filter((n) => n.group === g.id).length));
  const columns = [1, 2, 3, 4, 6, 9, 14, 20].filter((c) => c === 1 || c <= largest);
  const makers = orderGroups(scene).map((group) => blockMaker(scene, group));
  const tries = largest > 80 ? [Math.ceil(Math.sqrt(largest))] : columns;
  return tries.map((cols) => makers.map((make) => make(cols)));
}

/** Namespaces so that those with much in common stand together, the one nearest outside first. */
function orderGroups(scene: Scene) {
  const weight = tieWeights(scene);
  const left = [...scene.groups];
  const order: typeof left = [];
  while (left.length) {
    const tie = (id: string) =>
      order.length ? order.reduce((sum, g, i) => sum + (weight.get(`${id} ${g.id}`) ?? 0) * (1 + i / 4), 0) : (weight.get(`${id} `) ?? 0);
    left.sort((a, b) => tie(b.id) - tie(a.id));
    order.push(left.shift()!);
  }
  return order;
}

/** How many lines two namespaces share; with the key `"a "`, a namespace and what is outside. */
function tieWeights(scene: Scene): Map<string, number> {
  const home = new Map(scene.nodes.map((n) => [n.id, n.group ?? ""]));
  for (const g of scene.groups) home.set(g.id, g.id);
  const weight = new Map<string, number>();
  const add = (key: string) => weight.set(key, (weight.get(key) ?? 0) + 1);
  for (const { from, to } of scene.links) {
    const [a, b] = [home.get(from) ?? "", home.get(to) ?? ""];
    if (a !== b) (add(`${a} ${b}`), add(`${b} ${a}`));
  }
  return weight;
}

function assemble(scene: Scene, blocks: Block[], shelves: number, side: "left" | "top"): Placement {
  const placement: Placement = { nodes: {}, groups: {} };
  shelve(blocks, shelves, placement);
  const outside = scene.nodes.filter((n) => !n.group);
  if (outside.length) (side === "left" ? outsideLeft : outsideTop)(scene, outside, placement);
  return placement;
}

/** Spreads the blocks over shelves of about the same width; lone blocks of a shelf grow alike. */
function shelve(blocks: Block[], shelves: number, out: Placement): void {
  const total = blocks.reduce((sum, b) => sum + b.w + GAP, 0);
  const widest = Math.max(0, ...blocks.map((b) => b.w));
  const limit = Math.max(widest, total / shelves);
  let [x, y, tall] = [0, 0, 0];
  for (const block of blocks) {
    if (x > 0 && x + block.w > limit + 1) [x, y, tall] = [0, y + tall + GAP, 0];
    const w = shelves === blocks.length && block.w > widest * 0.6 ? widest : block.w;
    out.groups[block.id] = { x, y, w, h: block.h };
    for (const [id, r] of Object.entries(block.cards)) out.nodes[id] = { ...r, x: r.x + x, y: r.y + y };
    x += w + GAP;
    tall = Math.max(tall, block.h);
  }
}

function outsideLeft(scene: Scene, outside: LayoutNode[], out: Placement): void {
  const inner = boundsOf([...Object.values(out.groups), ...Object.values(out.nodes)]);
  const perColumn = Math.max(1, Math.ceil(Math.max(inner.h, 400) / 96));
  const wanted = outside.map((node) => ({ node, at: partnersCentre(scene, node, out, inner).y }));
  wanted.sort((a, b) => a.at - b.at);
  for (let from = 0, column = 0; from < wanted.length; from += perColumn, column++) {
    const part = wanted.slice(from, from + perColumn);
    const widest = Math.max(...part.map(({ node }) => node.w));
    const x = inner.x - OUTSIDE_GAP - widest - column * (widest + GAP);
    const tops = spread(part.map(({ node, at }) => ({ at: at - node.h / 2, size: node.h })), 48);
    part.forEach(({ node }, i) => (out.nodes[node.id] = { x, y: tops[i], w: node.w, h: node.h }));
  }
}

function outsideTop(scene: Scene, outside: LayoutNode[], out: Placement): void {
  const inner = boundsOf([...Object.values(out.groups), ...Object.values(out.nodes)]);
  const wanted = outside.map((node) => ({ node, at: partnersCentre(scene, node, out, inner).x }));
  wanted.sort((a, b) => a.at - b.at);
  const lefts = spread(wanted.map(({ node, at }) => ({ at: at - node.w / 2, size: node.w })), 32);
  wanted.forEach(({ node }, i) => {
    out.nodes[node.id] = { x: lefts[i], y: inner.y - OUTSIDE_GAP - node.h, w: node.w, h: node.h };
  });
}

/** Starts as near to the wanted ones as the sizes and the space between allow, in order. */
function spread(wanted: { at: number; size: number }[], space: number): number[] {
  const starts = wanted.map((w) => w.at);
  for (let i = 1; i < starts.length; i++) {
    starts[i] = Math.max(starts[i], starts[i - 1] + wanted[i - 1].size + space);
  }
  const drift = starts.reduce((sum, s, i) => sum + (s - wanted[i].at), 0) / (starts.length || 1);
  return starts.map((s) => s - drift);
}

function partnersCentre(scene: Scene, node: LayoutNode, out: Placement, otherwise: Rect) {
  const partners = scene.links
    .filter((l) => l.from === node.id || l.to === node.id)
    .map((l) => (l.from === node.id ? l.to : l.from))
    .map((id) => out.nodes[id] ?? out.groups[id])
    .filter((r) => r !== undefined);
  if (!partners.length) return centre(otherwise);
  const sum = partners.map(centre).reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }));
  return { x: sum.x / partners.length, y: sum.y / partners.length };
}

/** How well a drawing is read in the pane. */
function rate(scene: Scene, placement: Placement, view: View): number {
  const bounds = boundsOf([...Object.values(placement.groups), ...Object.values(placement.nodes)]);
  const scale = Math.min(1, (view.w - 28) / bounds.w, (view.h - 120) / bounds.h);
  let length = 0;
  for (const { from, to } of scene.links) {
    const [a, b] = [from, to].map((id) => placement.nodes[id] ?? placement.groups[id]);
    if (a && b) length += Math.hypot(centre(a).x - centre(b).x, centre(a).y - centre(b).y);
  }
  const average = length / (scene.links.length || 1);
  return scale * 100 - average * scale * 0.04;
}

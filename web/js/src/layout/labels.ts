// Places for the labels of lines: on their line, clear of cards, of headers and of each other.

import { RectIndex } from "./geometry";
import { pointAt, type Curve } from "./route";
import type { LayoutLink, Placement, Point, Rect } from "./types";

const HEIGHT = 20;
const PLACES = [0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74, 0.2, 0.8, 0.15, 0.85];

/** Where each link's label is centred, by link id. */
export function placeLabels(links: LayoutLink[], curves: Map<string, Curve>, placement: Placement): Map<string, Point> {
  const cards = new RectIndex(Object.entries(placement.nodes));
  const headers = new RectIndex(Object.entries(placement.groups).map(([id, r]) => [id, { x: r.x + 8, y: r.y + 8, w: 110, h: 24 }]));
  const taken = new RectIndex([]);
  const lines = sampleLines(curves);
  const out = new Map<string, Point>();
  for (const link of byLength(links, curves)) {
    const curve = curves.get(link.id);
    if (!curve || link.labelW === 0) continue;
    const at = bestPlace(link, curve, (r) => cards.touching(r).size * 6 + taken.touching(r).size * 5 + headers.touching(r).size * 3 + strangers(lines, r, link.id) * 1.2);
    taken.add(link.id, labelRect(at, link.labelW));
    out.set(link.id, at);
  }
  return out;
}

/** Short lines first: they have the least choice. */
function byLength(links: LayoutLink[], curves: Map<string, Curve>): LayoutLink[] {
  const span = (link: LayoutLink) => {
    const c = curves.get(link.id);
    return c ? Math.hypot(c.p1.x - c.p0.x, c.p1.y - c.p0.y) : 0;
  };
  return [...links].sort((a, b) => span(a) - span(b) || a.id.localeCompare(b.id));
}

function bestPlace(link: LayoutLink, curve: Curve, penalty: (r: Rect) => number): Point {
  let best: { at: Point; cost: number } | undefined;
  for (const t of PLACES) {
    const at = pointAt(curve, t);
    const cost = penalty(labelRect(at, link.labelW)) + Math.abs(t - 0.5);
    if (!best || cost < best.cost) best = { at, cost };
  }
  return best!.at;
}

function labelRect(at: Point, w: number): Rect {
  return { x: at.x - w / 2 - 2, y: at.y - HEIGHT / 2 - 1, w: w + 4, h: HEIGHT + 2 };
}

/** Points along all lines, as specks that know their line. */
function sampleLines(curves: Map<string, Curve>): RectIndex {
  const index = new RectIndex([]);
  for (const [id, curve] of curves) {
    for (let i = 1; i < 24; i++) {
      const p = pointAt(curve, i / 24);
      index.add(id, { x: p.x - 5, y: p.y - 5, w: 10, h: 10 });
    }
  }
  return index;
}

/** How many other lines run under a label. */
function strangers(lines: RectIndex, r: Rect, own: string): number {
  const under = lines.touching(r);
  under.delete(own);
  return under.size;
}

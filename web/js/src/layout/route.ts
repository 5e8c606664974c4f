// Lines between boxes.
//
// Each line is a straight run or one cubic curve that leaves and enters a box at right angles. Of the
// sides it could use, the pair wins whose curve is short and keeps clear of cards that are not its
// own; then the ends on one side of a box are spread along it in the order of where they lead, so
// that lines fan out and do not cross at the box.

import { centre, contains, grown, RectIndex } from "./geometry";
import type { LayoutLink, Placement, Point, Rect, Route, Scene } from "./types";

type Side = "left" | "right" | "top" | "bottom";
const SIDES: Side[] = ["right", "left", "bottom", "top"];
const NORMAL: Record<Side, Point> = {
  left: { x: -1, y: 0 }, right: { x: 1, y: 0 }, top: { x: 0, y: -1 }, bottom: { x: 0, y: 1 },
};
const SAMPLES = 14;

/** The namespace of each card. */
export function groupsOf(scene: Scene): Map<string, string> {
  return new Map(scene.nodes.flatMap((n) => (n.group === undefined ? [] : [[n.id, n.group] as const])));
}

/** What lines keep clear of. */
interface Ground { cards: RectIndex; headers: RectIndex; home: Map<string, Rect> }

function groundOf(placement: Placement, groupOf: Map<string, string>): Ground {
  const home = new Map<string, Rect>();
  for (const [id, group] of groupOf) if (placement.groups[group]) home.set(id, placement.groups[group]);
  return {
    cards: new RectIndex([...Object.entries(placement.nodes), ...closedGroups(placement, groupOf)].map(([id, r]) => [id, grown(r, 5)])),
    headers: new RectIndex(Object.entries(placement.groups).map(([id, r]) => [id, { x: r.x + 12, y: r.y + 10, w: 104, h: 20 }])),
    home,
  };
}

function closedGroups(placement: Placement, groupOf: Map<string, string>): [string, Rect][] {
  const open = new Set(groupOf.values());
  return Object.entries(placement.groups).filter(([id]) => !open.has(id));
}

export interface Curve { p0: Point; c0: Point; c1: Point; p1: Point }

interface Plan { link: LayoutLink; from: Rect; to: Rect; sides: [Side, Side]; boxed: boolean }

/** How hard the lines of a drawing are to follow: their length, bends, cards in the way, crossings. */
export function difficulty(links: LayoutLink[], placement: Placement, groupOf: Map<string, string>): number {
  const curves = routeAll(links, placement, groupOf);
  const ground = groundOf(placement, groupOf);
  let sum = 0;
  for (const link of links) {
    const curve = curves.get(link.id);
    const [from, to] = [link.from, link.to].map((id) => placement.nodes[id] ?? placement.groups[id]);
    if (curve) sum += curveCost(curve, link, from, to, ground);
  }
  return sum + 120 * curveCrossings([...curves.values()]);
}

function curveCrossings(curves: Curve[]): number {
  const lines = curves.map((c) => Array.from({ length: 9 }, (_, i) => pointAt(c, 0.04 + (i * 0.92) / 8)));
  let found = 0;
  for (let i = 0; i < lines.length; i++) {
    for (let j = i + 1; j < lines.length; j++) if (polylinesCross(lines[i], lines[j])) found++;
  }
  return found;
}

function polylinesCross(a: Point[], b: Point[]): boolean {
  for (let i = 1; i < a.length; i++) {
    for (let j = 1; j < b.length; j++) if (segmentsCross(a[i - 1], a[i], b[j - 1], b[j])) return true;
  }
  return false;
}

function segmentsCross(a: Point, b: Point, c: Point, d: Point): boolean {
  const side = (p: Point, q: Point, r: Point) => (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

/** The curve of each link whose ends are placed, by link id. */
export function routeAll(links: LayoutLink[], placement: Placement, groupOf: Map<string, string>): Map<string, Curve> {
  const ground = groundOf(placement, groupOf);
  const plans = links.flatMap((link) => {
    const from = placement.nodes[link.from] ?? placement.groups[link.from];
    const to = placement.nodes[link.to] ?? placement.groups[link.to];
    if (!from || !to || link.from === link.to) return [];
    const boxed = link.from in placement.groups || link.to in placement.groups;
    return [{ link, from, to, boxed, sides: bestSides(link, from, to, ground) }];
  });
  const offsets = spreadEnds(plans);
  return new Map(plans.map((plan) => [plan.link.id, finalCurve(plan, offsets)]));
}

function finalCurve({ link, from, to, sides, boxed }: Plan, offsets: Map<string, number>): Curve {
  let a = port(from, sides[0], offsets.get(`${link.id} 0`) ?? 0);
  let b = port(to, sides[1], offsets.get(`${link.id} 1`) ?? 0);
  [a, b] = straightened(a, b, from, to, sides, boxed ? Infinity : 12);
  return curve(a, b, sides);
}

function bestSides(link: LayoutLink, from: Rect, to: Rect, ground: Ground): [Side, Side] {
  let best: { sides: [Side, Side]; cost: number } | undefined;
  for (const s of SIDES) {
    for (const t of SIDES) {
      const candidate = curve(port(from, s, 0), port(to, t, 0), [s, t]);
      const bends = bendCost(s, t, from, to);
      const cost = bends + curveCost(candidate, link, from, to, ground, best ? best.cost - bends : Infinity);
      if (!best || cost < best.cost) best = { sides: [s, t], cost };
    }
  }
  return best!.sides;
}

/** Facing sides bend least; a side that looks away from the other end bends most. */
function bendCost(s: Side, t: Side, from: Rect, to: Rect): number {
  const [a, b] = [centre(from), centre(to)];
  const away = (n: Point, dx: number, dy: number) => (n.x * dx + n.y * dy < 0 ? 70 : 0);
  const turn = NORMAL[s].x * NORMAL[t].x + NORMAL[s].y * NORMAL[t].y;
  return (turn + 1) * 22 + away(NORMAL[s], b.x - a.x, b.y - a.y) + away(NORMAL[t], a.x - b.x, a.y - b.y);
}

/**
 * Length, much for each card in the way, very much for crossing its own boxes; something for a line
 * within a namespace that leaves it, and for one over a namespace's name. Stops counting at `enough`.
 */
function curveCost(candidate: Curve, link: LayoutLink, from: Rect, to: Rect, { cards, headers, home }: Ground, enough = Infinity): number {
  const box = home.get(link.from) === home.get(link.to) ? home.get(link.from) : undefined;
  const named = new Set<string>();
  let cost = 0;
  let before = candidate.p0;
  const hit = new Set<string>();
  const strange = (id: string) => void (id !== link.from && id !== link.to && hit.add(id));
  for (let i = 1; i <= SAMPLES && cost + hit.size * 350 < enough; i++) {
    const p = pointAt(candidate, i / SAMPLES);
    cost += Math.hypot(p.x - before.x, p.y - before.y);
    if (i < SAMPLES && (contains(from, p) || contains(to, p))) cost += 400;
    cards.at(p, strange);
    headers.at(p, (id) => named.add(id));
    if (box && !contains(box, p)) cost += 14;
    before = p;
  }
  return cost + hit.size * 350 + named.size * 60;
}

function port(r: Rect, side: Side, offset: number): Point {
  const c = centre(r);
  if (side === "left") return { x: r.x, y: c.y + offset };
  if (side === "right") return { x: r.x + r.w, y: c.y + offset };
  return { x: c.x + offset, y: side === "top" ? r.y : r.y + r.h };
}

function curve(p0: Point, p1: Point, [s, t]: [Side, Side]): Curve {
  const [n0, n1] = [NORMAL[s], NORMAL[t]];
  const distance = Math.hypot(p1.x - p0.x, p1.y - p0.y);
  // How far each end looks ahead: along its own axis where there is room, else a soft bend.
  const reach = (n: Point, dx: number, dy: number) => {
    const ahead = n.x * dx + n.y * dy;
    return ahead > 0 ? Math.max(ahead * 0.55, Math.min(24, distance * 0.4)) : Math.min(90, 28 + distance * 0.35);
  };
  const r0 = reach(n0, p1.x - p0.x, p1.y - p0.y);
  const r1 = reach(n1, p0.x - p1.x, p0.y - p1.y);
  return {
    p0,
    c0: { x: p0.x + n0.x * r0, y: p0.y + n0.y * r0 },
    c1: { x: p1.x + n1.x * r1, y: p1.y + n1.y * r1 },
    p1,
  };
}

/**
 * Facing ends at nearly the same height meet at one height: a straight line is read fastest. A
 * namespace's side is long, so a line to it can be straight wherever the two overlap.
 */
function straightened(a: Point, b: Point, from: Rect, to: Rect, [s, t]: [Side, Side], slack: number): [Point, Point] {
  const across = (side: Side) => side === "left" || side === "right";
  if (across(s) && across(t) && s !== t && overlap(from.y, from.h, to.y, to.h) > 16 && Math.abs(a.y - b.y) < slack) {
    const y = inside((a.y + b.y) / 2, from.y, from.h, to.y, to.h);
    return [{ ...a, y }, { ...b, y }];
  }
  if (!across(s) && !across(t) && s !== t && overlap(from.x, from.w, to.x, to.w) > 16 && Math.abs(a.x - b.x) < slack) {
    const x = inside((a.x + b.x) / 2, from.x, from.w, to.x, to.w);
    return [{ ...a, x }, { ...b, x }];
  }
  return [a, b];
}

function overlap(a: number, aw: number, b: number, bw: number): number {
  return Math.min(a + aw, b + bw) - Math.max(a, b);
}

function inside(v: number, a: number, aw: number, b: number, bw: number): number {
  return Math.min(Math.max(v, a + 6, b + 6), a + aw - 6, b + bw - 6);
}

/** Offsets of both ends of each line along their sides, keyed `"id 0"` and `"id 1"`. */
function spreadEnds(plans: Plan[]): Map<string, number> {
  const bySide = new Map<string, { key: string; aim: number; room: number }[]>();
  const note = (box: string, side: Side, key: string, self: Rect, other: Rect) => {
    const upright = side === "left" || side === "right";
    const aim = upright ? centre(other).y - centre(self).y : centre(other).x - centre(self).x;
    const entry = { key, aim, room: upright ? self.h : self.w };
    bySide.set(`${box} ${side}`, [...(bySide.get(`${box} ${side}`) ?? []), entry]);
  };
  for (const { link, from, to, sides } of plans) {
    note(link.from, sides[0], `${link.id} 0`, from, to);
    note(link.to, sides[1], `${link.id} 1`, to, from);
  }
  const offsets = new Map<string, number>();
  for (const ends of bySide.values()) spreadSide(ends, offsets);
  return offsets;
}

function spreadSide(ends: { key: string; aim: number; room: number }[], offsets: Map<string, number>): void {
  ends.sort((a, b) => a.aim - b.aim || a.key.localeCompare(b.key));
  const room = Math.max(0, ends[0].room - 20);
  const step = Math.min(22, ends.length > 1 ? room / (ends.length - 1) : 0);
  ends.forEach(({ key }, i) => offsets.set(key, (i - (ends.length - 1) / 2) * step));
}

export function pointAt({ p0, c0, c1, p1 }: Curve, t: number): Point {
  const u = 1 - t;
  const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: a * p0.x + b * c0.x + c * c1.x + d * p1.x, y: a * p0.y + b * c0.y + c * c1.y + d * p1.y };
}

/** Length of an arrow head; the stroke stops short of its tip. */
const HEAD = 7;

export function toRoute({ p0, c0, c1, p1 }: Curve, both: boolean, label: Point | undefined): Route {
  const startAngle = Math.atan2(p0.y - c0.y, p0.x - c0.x);
  const endAngle = Math.atan2(p1.y - c1.y, p1.x - c1.x);
  const [a, b] = [both ? back(p0, startAngle) : p0, back(p1, endAngle)];
  const n = (v: number) => Math.round(v * 10) / 10;
  const path = `M${n(a.x)} ${n(a.y)}C${n(c0.x)} ${n(c0.y)} ${n(c1.x)} ${n(c1.y)} ${n(b.x)} ${n(b.y)}`;
  return { path, start: p0, startAngle, end: p1, endAngle, label };
}

function back(p: Point, angle: number): Point {
  return { x: p.x - HEAD * Math.cos(angle), y: p.y - HEAD * Math.sin(angle) };
}

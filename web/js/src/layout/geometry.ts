// Rectangles and points.

import type { Point, Rect } from "./types";

export function centre(r: Rect): Point {
  return { x: r.x + r.w / 2, y: r.y + r.h / 2 };
}

/** The smallest rectangle around all; an empty one for none. */
export function boundsOf(rects: Rect[]): Rect {
  if (!rects.length) return { x: 0, y: 0, w: 0, h: 0 };
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const r of rects) {
    left = Math.min(left, r.x);
    top = Math.min(top, r.y);
    right = Math.max(right, r.x + r.w);
    bottom = Math.max(bottom, r.y + r.h);
  }
  return { x: left, y: top, w: right - left, h: bottom - top };
}

export function grown(r: Rect, by: number): Rect {
  return { x: r.x - by, y: r.y - by, w: r.w + 2 * by, h: r.h + 2 * by };
}

export function overlaps(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

export function contains(r: Rect, p: Point): boolean {
  return p.x > r.x && p.x < r.x + r.w && p.y > r.y && p.y < r.y + r.h;
}

/** Rectangles that can be asked which of them a point or a rectangle touches. */
export class RectIndex {
  private readonly cells = new Map<number, { id: string; rect: Rect }[]>();

  constructor(entries: Iterable<[string, Rect]>) {
    for (const [id, rect] of entries) this.add(id, rect);
  }

  add(id: string, rect: Rect): void {
    for (const key of keysOf(rect)) {
      const held = this.cells.get(key);
      if (held) held.push({ id, rect });
      else this.cells.set(key, [{ id, rect }]);
    }
  }

  /** Calls `found` with the id of each rectangle that holds the point. */
  at(p: Point, found: (id: string) => void): void {
    const held = this.cells.get(keyOf(cell(p.x), cell(p.y)));
    if (held) for (const { id, rect } of held) if (contains(rect, p)) found(id);
  }

  /** Ids whose rectangle overlaps `rect`. */
  touching(rect: Rect): Set<string> {
    const found = new Set<string>();
    for (const key of keysOf(rect)) {
      for (const held of this.cells.get(key) ?? []) if (overlaps(held.rect, rect)) found.add(held.id);
    }
    return found;
  }
}

const CELL = 160;
const cell = (v: number) => Math.floor(v / CELL);
const keyOf = (x: number, y: number) => (x + 32_768) * 65_536 + y + 32_768;

function keysOf(r: Rect): number[] {
  const keys: number[] = [];
  for (let x = cell(r.x); x <= cell(r.x + r.w); x++) {
    for (let y = cell(r.y); y <= cell(r.y + r.h); y++) keys.push(keyOf(x, y));
  }
  return keys;
}

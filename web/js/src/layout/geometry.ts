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
  private readonly cells = new Map<string, { id: string; rect: Rect }[]>();

  constructor(entries: Iterable<[string, Rect]>, private readonly size = 160) {
    for (const [id, rect] of entries) this.add(id, rect);
  }

  add(id: string, rect: Rect): void {
    this.eachCell(rect, (key) => {
      const held = this.cells.get(key);
      if (held) held.push({ id, rect });
      else this.cells.set(key, [{ id, rect }]);
    });
  }

  /** Ids whose rectangle holds the point. */
  at(p: Point): string[] {
    const held = this.cells.get(`${Math.floor(p.x / this.size)} ${Math.floor(p.y / this.size)}`);
    return held ? held.filter(({ rect }) => contains(rect, p)).map(({ id }) => id) : [];
  }

  /** Ids whose rectangle overlaps `rect`. */
  touching(rect: Rect): Set<string> {
    const found = new Set<string>();
    this.eachCell(rect, (key) => {
      for (const held of this.cells.get(key) ?? []) if (overlaps(held.rect, rect)) found.add(held.id);
    });
    return found;
  }

  /** How many rectangles overlap `rect`. */
  hits(rect: Rect): number {
    const found = new Set<Rect>();
    this.eachCell(rect, (key) => {
      for (const held of this.cells.get(key) ?? []) if (overlaps(held.rect, rect)) found.add(held.rect);
    });
    return found.size;
  }

  private eachCell(r: Rect, visit: (key: string) => void): void {
    for (let x = Math.floor(r.x / this.size); x <= Math.floor((r.x + r.w) / this.size); x++) {
      for (let y = Math.floor(r.y / this.size); y <= Math.floor((r.y + r.h) / this.size); y++) visit(`${x} ${y}`);
    }
  }
}

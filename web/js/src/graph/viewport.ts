// Pan and zoom: wheel and pinch zoom about the pointer, a drag moves, the keyboard does both.

import { select } from "d3-selection";
import { zoom, zoomIdentity, zoomTransform, type D3ZoomEvent } from "d3-zoom";
import { boundsOf } from "../layout/geometry";
import type { Rect } from "../layout/types";

/** Room left free around a fitted drawing: the legend and the controls lie over the ground. */
const INSET = { x: 14, y: 60 };
/** Names of cards are made 13 px high: in an overview they are 11 at least, in a drawing with lines 7. */
const READABLE = 0.85;
const LEAST = 0.55;

export class Viewport {
  private readonly selection;
  private readonly behaviour;
  private bounds: Rect = { x: 0, y: 0, w: 0, h: 0 };
  /** Whether the user has moved the drawing since it was last fitted. */
  private moved = false;
  private least = LEAST;
  private hidden = false;
  private readonly observer: ResizeObserver;

  constructor(private readonly surface: SVGSVGElement, view: SVGGElement, ground: SVGPatternElement, private readonly appeared: () => void) {
    this.behaviour = zoom<SVGSVGElement, unknown>()
      .scaleExtent([0.08, 2.5])
      .filter((event: Event) => event.type === "wheel" || !(event as MouseEvent).button)
      .on("zoom", (event: D3ZoomEvent<SVGSVGElement, unknown>) => {
        if (event.sourceEvent) this.moved = true;
        const { x, y, k } = event.transform;
        view.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
        ground.setAttribute("patternTransform", `translate(${x} ${y}) scale(${k < 0.5 ? k * 2 : k})`);
      });
    this.selection = select(surface).call(this.behaviour).on("dblclick.zoom", null);
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(surface);
  }

  size(): { w: number; h: number } {
    const { width, height } = this.surface.getBoundingClientRect();
    return { w: width || 640, h: height || 640 };
  }

  /** A pane that was hidden has no size: what was laid out for it is laid out again when it shows. */
  private resized(): void {
    const hidden = this.surface.clientWidth === 0;
    if (this.hidden && !hidden) this.appeared();
    else if (!hidden && !this.moved) this.lookAt(this.bounds, this.least);
    this.hidden = hidden;
  }

  /** Looks at a new drawing, unless the user has moved the one before; `tall` ones start at their top. */
  setBounds(bounds: Rect, fresh: boolean, tall: boolean): void {
    this.bounds = bounds;
    this.least = tall ? READABLE : LEAST;
    if (fresh) this.moved = false;
    if (!this.moved) this.lookAt(this.bounds, this.least);
  }

  /** The whole, however small that is. */
  fit(): void {
    this.lookAt(this.bounds, 0);
    this.moved = false;
  }

  /** Brings parts of the drawing into the middle, as large as they are read well. */
  show(rects: Rect[]): void {
    if (!rects.length) return;
    const { x, y, w, h } = boundsOf(rects);
    this.lookAt({ x: x - 80, y: y - 60, w: w + 160, h: h + 120 }, READABLE);
    this.moved = true;
  }

  /** Never smaller than `least`: what has no room then is reached by moving. */
  private lookAt(b: Rect, least: number): void {
    const { w, h } = this.size();
    if (!b.w || !b.h) return;
    const k = Math.max(least, Math.min(1, (w - 2 * INSET.x) / b.w, (h - 2 * INSET.y) / b.h));
    const x = k * b.w > w ? INSET.x - k * b.x : w / 2 - k * (b.x + b.w / 2);
    const y = k * b.h > h - INSET.y ? INSET.y - k * b.y : h / 2 - k * (b.y + b.h / 2);
    this.selection.call(this.behaviour.transform, zoomIdentity.translate(x, y).scale(k));
  }

  zoomBy(factor: number): void {
    this.selection.call(this.behaviour.scaleBy, factor);
    this.moved = true;
  }

  /** Moves the drawing so that the element is in sight. */
  reveal(element: SVGGElement): void {
    const pane = this.surface.getBoundingClientRect();
    const at = element.getBoundingClientRect();
    const dx = Math.max(0, pane.left + 16 - at.left) - Math.max(0, at.right - pane.right + 16);
    const dy = Math.max(0, pane.top + 16 - at.top) - Math.max(0, at.bottom - pane.bottom + 16);
    if (!dx && !dy) return;
    const { k } = zoomTransform(this.surface);
    this.selection.call(this.behaviour.translateBy, dx / k, dy / k);
    this.moved = true;
  }

  destroy(): void {
    this.observer.disconnect();
    this.selection.on(".zoom", null);
  }
}

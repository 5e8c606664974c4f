// Pan and zoom: wheel and pinch zoom about the pointer, a drag moves, the keyboard does both.

import { select } from "d3-selection";
import { zoom, zoomIdentity, zoomTransform, type D3ZoomEvent } from "d3-zoom";
import type { Rect } from "../layout/types";

/** Room left free around a fitted drawing: the legend and the controls lie over the ground. */
const INSET = { x: 14, y: 60 };

export class Viewport {
  private readonly selection;
  private readonly behaviour;
  private bounds: Rect = { x: 0, y: 0, w: 0, h: 0 };
  /** Whether the user has moved the drawing since it was last fitted. */
  private moved = false;
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
    else if (!hidden && !this.moved) this.fit();
    this.hidden = hidden;
  }

  setBounds(bounds: Rect, fresh: boolean): void {
    this.bounds = bounds;
    if (fresh) this.moved = false;
    if (!this.moved) this.fit();
  }

  fit(): void {
    this.lookAt(this.bounds);
    this.moved = false;
  }

  /** Brings a part of the drawing into the middle, as large as it is read well. */
  show(rect: Rect | undefined): void {
    if (!rect) return;
    this.lookAt({ x: rect.x - 80, y: rect.y - 40, w: rect.w + 160, h: rect.h + 80 });
    this.moved = true;
  }

  private lookAt(b: Rect): void {
    const { w, h } = this.size();
    if (!b.w || !b.h) return;
    const k = Math.min(1, (w - 2 * INSET.x) / b.w, (h - 2 * INSET.y) / b.h);
    const x = w / 2 - k * (b.x + b.w / 2);
    const y = h / 2 - k * (b.y + b.h / 2);
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

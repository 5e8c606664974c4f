// The way to the layout's thread: one request under way, and of those that wait only the newest.

import type { LayoutRequest, LayoutResponse, Placement, Scene } from "../layout/types";

export class Placer {
  private readonly worker = new Worker(new URL("./layout-worker.js", import.meta.url), { type: "module" });
  private busy = false;
  private waiting: { request: LayoutRequest; done: (r: LayoutResponse) => void } | undefined;
  private current: ((r: LayoutResponse) => void) | undefined;
  private previous: Placement | undefined;
  private count = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<LayoutResponse>) => this.receive(data);
  }

  /** Places the scene, by what was placed before unless `anew`; `done` is not called when overtaken. */
  place(scene: Scene, view: { w: number; h: number }, anew: boolean, done: (r: LayoutResponse) => void): void {
    if (anew) this.previous = undefined;
    this.waiting = { request: { id: ++this.count, scene, view }, done };
    if (!this.busy) this.send();
  }

  destroy(): void {
    this.worker.terminate();
  }

  private send(): void {
    const next = this.waiting;
    this.waiting = undefined;
    this.busy = next !== undefined;
    if (!next) return;
    this.current = next.done;
    this.worker.postMessage({ ...next.request, previous: this.previous });
  }

  private receive(response: LayoutResponse): void {
    this.previous = response.placement;
    if (!this.waiting) this.current?.(response);
    this.send();
  }
}

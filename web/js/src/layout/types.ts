// What the drawing asks of the layout and what it gets back. Plain data: it crosses to a worker.

export interface Point { x: number; y: number }
export interface Rect extends Point { w: number; h: number }

/** A card. Without `group` it stands at the edge of the drawing (addresses). */
export interface LayoutNode { id: string; w: number; h: number; group?: string }

/** A namespace. A collapsed one is a card of this size; an open one is at least as wide. */
export interface LayoutGroup { id: string; w: number; h: number; collapsed: boolean }

/** A line between two ends (ids of nodes or groups) with a label of this width (0: none). */
export interface LayoutLink { id: string; from: string; to: string; labelW: number; both: boolean }

export interface Scene {
  nodes: LayoutNode[];
  groups: LayoutGroup[];
  links: LayoutLink[];
  /** Too much to be placed by its lines: a grid, in the order given. */
  overview?: boolean;
}

export interface Placement { nodes: Record<string, Rect>; groups: Record<string, Rect> }

export interface LayoutRequest {
  id: number;
  scene: Scene;
  /** Positions to keep; absent to place everything anew. */
  previous?: Placement;
  /** The size of the pane: the layout is chosen to be read in it. */
  view: { w: number; h: number };
}

/** A drawn line: an SVG path, the direction at both ends, and where its label is centred. */
export interface Route {
  path: string;
  start: Point;
  startAngle: number;
  end: Point;
  endAngle: number;
  label?: Point;
}

export interface LayoutResponse {
  id: number;
  placement: Placement;
  routes: Record<string, Route>;
  bounds: Rect;
  /** Whether everything was placed anew, so that the view should be fitted. */
  fresh: boolean;
}

/** Space inside a namespace box, around its cards. */
export const PAD = { top: 46, side: 24, bottom: 26 };
/** Space between boxes, and between boxes and what stands outside. */
export const GAP = 40;

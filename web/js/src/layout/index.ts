// From a scene to positions, lines and label places. Pure: the worker is a mail slot in front of it.

import { boundsOf } from "./geometry";
import { placeLabels } from "./labels";
import { groupsOf, pointAt, routeAll, toRoute, type Curve } from "./route";
import { placeOverview } from "./overview";
import { placeScene } from "./stable";
import type { LayoutRequest, LayoutResponse, Point, Rect, Route, Scene } from "./types";

/** How far lines and labels reach. */
function reached(scene: Scene, curves: Map<string, Curve>, labels: Map<string, Point>): Rect[] {
  const points = [...curves.values()].flatMap((c) => [0.25, 0.5, 0.75].map((t) => ({ ...pointAt(c, t), w: 0, h: 0 })));
  const pills = scene.links.flatMap(({ id, labelW }) => {
    const at = labels.get(id);
    return at ? [{ x: at.x - labelW / 2, y: at.y - 11, w: labelW, h: 22 }] : [];
  });
  return [...points, ...pills];
}

export function layout(request: LayoutRequest): LayoutResponse {
  const { placement, fresh } = request.scene.overview
    ? { placement: placeOverview(request.scene, request.view), fresh: request.previous === undefined }
    : placeScene(request.scene, request.previous, request.view);
  const curves = routeAll(request.scene.links, placement, groupsOf(request.scene));
  const labels = placeLabels(request.scene.links, curves, placement);
  const routes: Record<string, Route> = {};
  const both = new Set(request.scene.links.filter((l) => l.both).map((l) => l.id));
  for (const [id, curve] of curves) routes[id] = toRoute(curve, both.has(id), labels.get(id));
  const bounds = boundsOf([...Object.values(placement.groups), ...Object.values(placement.nodes), ...reached(request.scene, curves, labels)]);
  return { id: request.id, placement, routes, bounds, fresh };
}

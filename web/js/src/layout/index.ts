// From a scene to positions, lines and label places. Pure: the worker is a mail slot in front of it.

import { boundsOf } from "./geometry";
import { placeLabels } from "./labels";
import { routeAll, toRoute } from "./route";
import { placeScene } from "./stable";
import type { LayoutRequest, LayoutResponse, Route } from "./types";

export function layout(request: LayoutRequest): LayoutResponse {
  const { placement, fresh } = placeScene(request.scene, request.previous, request.view);
  const curves = routeAll(request.scene.links, placement);
  const labels = placeLabels(request.scene.links, curves, placement);
  const routes: Record<string, Route> = {};
  const both = new Set(request.scene.links.filter((l) => l.both).map((l) => l.id));
  for (const [id, curve] of curves) routes[id] = toRoute(curve, both.has(id), labels.get(id));
  const bounds = boundsOf([...Object.values(placement.groups), ...Object.values(placement.nodes)]);
  return { id: request.id, placement, routes, bounds, fresh };
}

// The layout's own thread.

import { layout } from "./index";
import type { LayoutRequest } from "./types";

self.onmessage = ({ data }: MessageEvent<LayoutRequest>) => self.postMessage(layout(data));

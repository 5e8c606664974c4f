// Draws docs/images/performance.svg from the first table of docs/performance.md: node bench/chart.mjs
import { readFileSync, writeFileSync } from "node:fs";

const SERIES = [
  ["read YAML", "#7c3aed"], ["read JSON", "#2563eb"], ["compile", "#0f766e"],
  ["reach", "#b45309"], ["edit one policy", "#be123c"],
];
const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [760, 420, 70, 30, 150, 60];
const [LEAST, MOST] = [0.01, 10_000];

const root = new URL("..", import.meta.url);
const cells = (line) => line.split("|").slice(1, -1).map((cell) => cell.trim());
const lines = readFileSync(new URL("docs/performance.md", root), "utf8").split("\n");
const first = lines.findIndex((line) => line.startsWith("| pods / policies | read YAML |"));
const head = cells(lines[first]);
const rows = [];
for (let i = first + 2; lines[i].startsWith("|"); i += 1) rows.push(cells(lines[i]));

const number = (text) => Number.parseFloat(text.replaceAll(",", ""));
const x = (row) => LEFT + (row / (rows.length - 1)) * (WIDTH - LEFT - RIGHT);
const y = (ms) => {
  const share = Math.log(ms / LEAST) / Math.log(MOST / LEAST);
  return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
};
const label = (ms) => (ms >= 1_000 ? `${ms / 1_000} s` : ms >= 1 ? `${ms} ms` : `${ms * 1_000} µs`);

function grid() {
  const out = [];
  for (let ms = LEAST; ms <= MOST; ms *= 10) {
    const at = y(ms).toFixed(1);
    out.push(`<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/>`);
    out.push(`<text class="tick" x="${LEFT - 10}" y="${at}" text-anchor="end" dy="4">${label(Number(ms.toPrecision(1)))}</text>`);
  }
  rows.forEach((row, i) => {
    const [pods, policies] = row[0].split(" / ");
    const at = x(i).toFixed(1);
    out.push(`<text class="tick" x="${at}" y="${HEIGHT - BOTTOM + 22}" text-anchor="middle">${pods} pods</text>`);
    out.push(`<text class="tick" x="${at}" y="${HEIGHT - BOTTOM + 40}" text-anchor="middle">${policies} policies</text>`);
  });
  return out;
}

function series([name, colour]) {
  const column = head.indexOf(name);
  const points = rows.map((row, i) => [x(i), y(number(row[column]))].map((n) => n.toFixed(1)));
  const dots = points.map(([a, b]) => `<circle cx="${a}" cy="${b}" r="3.5" fill="${colour}"/>`);
  const end = ends.get(name);
  return [
    `<path d="M${points.map((point) => point.join(" ")).join("L")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...dots,
    `<text x="${WIDTH - RIGHT + 12}" y="${end}" dy="4" fill="${colour}">${name}</text>`,
  ];
}

/** Where the names stand: beside the last points, but not on each other. */
function namePlaces() {
  const last = rows.at(-1);
  const wanted = SERIES.map(([name]) => [name, y(number(last[head.indexOf(name)]))]);
  let free = 0;
  return new Map(wanted.sort((a, b) => a[1] - b[1]).map(([name, at]) => [name, (free = Math.max(at, free + 16))]));
}

const ends = namePlaces();
const body = [...grid(), ...SERIES.flatMap(series)];
writeFileSync(new URL("docs/images/performance.svg", root), `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Time by size of the cluster, both on logarithmic scales" font-family="system-ui, sans-serif" font-size="13">
<style>.grid { stroke: #d4d4d8; } .tick { fill: #71717a; } </style>
<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="#ffffff"/>
${body.join("\n")}
</svg>
`);

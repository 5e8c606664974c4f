// The example of the drawings: a shop whose database is opened by a stray dash.

import type { DiagnosticReport, Hint } from "../src/editor/types";
import type { GraphData } from "../src/graph/types";

export const POLICIES = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
  namespace: shop
spec:
  podSelector: {}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db-from-web
  namespace: shop
spec:
  podSelector:
    matchLabels: {app: db}
  ingress:
  - from:
    - podSelector:
        matchLabels: {app: web}
    - namespaceSelector:
        matchLabels: {team: ops}
    ports:
    - port: 5432
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web-public
  namespace: shop
spec:
  podSelector:
    matchLabels: {app: web}
  ingress:
  - ports:
    - port: 443
`;

export const WORKLOADS = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 3
  selector:
    matchLabels: {app: web}
`;

export const HINTS: Hint[] = [
  { line: 7, text: "policyTypes: [Ingress]" }, { line: 16, text: "1 pod" }, { line: 20, text: "3 pods" }, { line: 24, text: "protocol: TCP" },
];

export const FINDINGS: DiagnosticReport[] = [{
  code: "L11", name: "stray-dash", severity: "warning",
  message: "a new list item: this admits every pod of `mon`, not only those with `app=web`",
  location: { file: "policies.yaml", line: 21, column: 7, endLine: 21, endColumn: 25 },
  fix: { location: { file: "policies.yaml", line: 21, column: 5, endLine: 21, endColumn: 6 }, text: " ", changesMeaning: true },
}];

export const DATA: GraphData = {
  namespaces: [{ name: "shop", note: "team=retail" }, { name: "mon", note: "team=ops" }],
  nodes: [
    { id: "outside", kind: "addresses", label: "outside", sub: "all but 10.0.0.0/8" },
    { id: "10.0.0.0/8", kind: "addresses", label: "10.0.0.0/8", sub: "not a pod here" },
    { id: "shop/web", kind: "workload", namespace: "shop", label: "web", sub: "Deployment · 3 pods", title: "shop/web", ingress: "yes", egress: "no" },
    { id: "shop/api", kind: "workload", namespace: "shop", label: "api", sub: "Deployment · 2 pods", title: "shop/api", ingress: "yes", egress: "no" },
    { id: "shop/db", kind: "workload", namespace: "shop", label: "db", sub: "StatefulSet · 1 pod", title: "shop/db", ingress: "yes", egress: "yes" },
    { id: "mon/prom", kind: "workload", namespace: "mon", label: "prom", sub: "StatefulSet · 1 pod", title: "mon/prom", ingress: "no", egress: "no" },
    { id: "mon/grafana", kind: "workload", namespace: "mon", label: "grafana", sub: "Deployment · 1 pod", title: "mon/grafana", ingress: "no", egress: "yes" },
  ],
  edges: [
    { id: "e1", from: "outside", to: "shop/web", label: "TCP 443", state: "allowed" },
    { id: "e2", from: "10.0.0.0/8", to: "shop/web", label: "TCP 443", state: "unknown" },
    { id: "e3", from: "shop/web", to: "shop/api", label: "TCP 8080", state: "allowed" },
    { id: "e4", from: "shop/web", to: "shop/db", label: "TCP 5432", state: "allowed" },
    { id: "e5", from: "shop/api", to: "shop/db", label: "TCP 5432", state: "opened" },
    { id: "e6", from: "mon/prom", to: "shop/db", label: "TCP 5432", state: "allowed" },
    { id: "e7", from: "mon/prom", to: "mon/grafana", label: "any", state: "allowed" },
  ],
};

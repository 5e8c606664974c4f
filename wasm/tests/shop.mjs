// A shop of two workloads, as the tests ask about it.
export const apps = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
`;

export const policy = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db-from-web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {matchLabels: {app: web}}
    ports:
    - port: 5432
  - from:
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
`;

/** What an administrator says of the same shop, before its own policy and where that says nothing. */
export const clusterPolicies = `
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
  - {name: own, action: Pass, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}]}
  - {name: rest, action: Deny, from: [{namespaces: {}}]}
---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: internet}
spec:
  tier: Baseline
  priority: 0
  subject: {namespaces: {}}
  egress:
  - {name: updates, action: Accept, to: [{domainNames: [updates.example.com]}]}
  - {action: Deny, to: [{networks: [0.0.0.0/0, "::/0"]}]}
`;

/** A mistake in a manifest, which is a finding and no error. */
export const mistaken = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: mistaken, namespace: shop}
spec:
  podselector: {}
`;

export const files = { 'apps.yaml': apps, 'policy.yaml': policy };

export const flow = { from: 'shop/web', to: 'shop/db', port: 5432 };

//! Answers that commands must give alike.

use crate::{Ran, run_with};

const PODS: &str = "apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web2, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, ports: [{name: http, containerPort: 8081}]}]}
status: {phase: Running, podIP: 10.1.0.2, podIPs: [{ip: 10.1.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cl, namespace: shop, labels: {app: cl}}
spec: {containers: [{name: c}]}
status: {phase: Running, podIP: 10.1.0.3, podIPs: [{ip: 10.1.0.3}, {ip: 'fd00::3'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.0.10
  selector: {app: web}
  ports: [{name: a, port: 80, targetPort: http}, {name: b, port: 90, targetPort: 8080}]
---
";

const BY_NAME: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: http}]}]}
";

const NOTHING_OUT: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: shop}
spec: {podSelector: {matchLabels: {app: cl}}, policyTypes: [Egress]}
";

fn ask(args: &[&str], policies: &str) -> Ran {
    run_with(&[args, &["-"]].concat(), &format!("{PODS}{policies}"), &[])
}

fn explain(to: &str, port: &str, policies: &str) -> Ran {
    ask(&["explain", "--from", "shop/cl", "--to", to, "--port", port], policies)
}

/// Not what the pods behind it would allow at any port.
#[test]
fn of_a_service_its_ports_are_allowed() {
    let ran = explain("shop/service/web", "80", BY_NAME);
    assert!(ran.out.contains("certainly allowed between the two: TCP 80\n"), "{ran}");
    let open = explain("shop/service/web", "80", "");
    assert!(open.out.contains("certainly allowed between the two: TCP 80,90\n"), "{open}");
}

#[test]
fn every_part_that_differs_is_explained() {
    let ran = explain("shop/service/web", "90", BY_NAME);
    for part in [
        "\nallowed   shop/cl → shop/web   (8080 at the pod)\n",
        "\nenters shop/web: allowed\n",
        "\ndenied    shop/cl → shop/web2   (8080 at the pod)\n",
        "\nenters shop/web2: denied\n",
    ] {
        assert!(ran.out.contains(part), "{part}: {ran}");
    }
}

/// Both addresses are in the input: no option would change that.
#[test]
fn each_family_is_explained() {
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                  metadata: {name: web, namespace: shop}\n\
                  spec: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n";
    let ran = explain("shop/web", "80", policy);
    assert!(ran.out.contains("  IPv4 and IPv6 differ: each answer is below\n"), "{ran}");
    assert!(ran.out.contains("\nallowed   shop/cl → shop/web   (IPv4)\n"), "{ran}");
    assert!(ran.out.contains("\ndenied    shop/cl → shop/web   (IPv6)\n"), "{ran}");
}

/// Each address means whose it is: what may not be sent is not listed as from an address.
#[test]
fn a_focus_on_an_address_means_the_pods() {
    let pod = ask(&["list", "--focus", "10.1.0.3"], NOTHING_OUT);
    assert!(pod.out.contains("shop/web[Pod] => shop/cl[Pod] : "), "{pod}");
    assert!(pod.out.lines().all(|line| line.contains("shop/cl[Pod]")), "{pod}");
    assert!(!pod.out.contains("=> shop/web[Pod]"), "{pod}");
    let service = ask(&["list", "--focus", "10.96.0.10"], NOTHING_OUT);
    assert!(service.out.lines().all(|line| line.contains("shop/web")), "{service}");
    assert!(service.out.contains("shop/web2[Pod] => shop/web[Pod]"), "{service}");
}

#[test]
fn what_is_not_in_force_is_said() {
    // No name of an object has capitals.
    let rejected = BY_NAME.replace("{name: web,", "{name: Web,");
    let flow = ["eval", "--from", "shop/cl", "--to", "shop/web", "--port", "80"];
    let said = "not in force: 1 NetworkPolicy (networking.k8s.io): the API server rejects it\n";
    for command in [&flow[..], &["list"]] {
        let ran = ask(command, &rejected);
        assert!(ran.err.contains(said), "{ran}");
    }
    let json = ask(&[&flow[..], &["-o", "json"]].concat(), &rejected);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["rejected"][0]["count"], 1, "{json}");
}

#[test]
fn audited_policies_are_counted() {
    let audited = NOTHING_OUT.replace(
        "{name: out, namespace: shop}",
        "{name: out, namespace: shop, annotations: {portcullis.dev/mode: audit}}",
    );
    let policies = format!("{BY_NAME}---\n{audited}");
    let check = ask(&["check"], &policies);
    assert!(check.out.contains("2 policies, 1 of them audited"), "{check}");
    let list = ask(&["list"], &policies);
    assert!(list.err.contains("1 policy is only audited: the list does not count it"), "{list}");
}

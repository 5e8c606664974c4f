//! What `deploy/` has is what a cluster takes, and lets the agent do what it must and no more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::process::{Command, Output};

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Client;
use kube::api::{Api, PostParams};
use portcullis_agent::observe::Paths;
use portcullis_agent::options::{Command as Agents, Options};
use portcullis_agent::status::Question;
use portcullis_kube::{
    AGENT_ACCOUNT, AGENT_NAMESPACE, Body, CLUSTER_POLICIES, CalicoGroup, Channel, Cluster,
    Programs, agent_token, collection, create_agent_account, create_service_account,
    deploy_manifests, deploy_path, send,
};
use serde_json::{Value, json};

/// What the agent follows, as paths of the API.
const FOLLOWED: [&str; 5] = [
    "/api/v1/pods",
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/apis/networking.k8s.io/v1/networkpolicies",
    CLUSTER_POLICIES,
];

const VERBS: [&str; 12] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "bind",
    "escalate",
    "impersonate",
    "use",
];

fn texts() -> Vec<String> {
    deploy_manifests().unwrap()
}

fn object(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

/// The object of a kind among those of `deploy/manifests`.
fn manifest(kind: &str) -> Value {
    let mut objects = texts().into_iter().map(|text| object(&text));
    objects.find(|object| object["kind"] == kind).unwrap()
}

/// None where nothing is built; `make test-kube` builds it and lets none of these skip.
async fn cluster() -> Option<Cluster> {
    let Some(programs) = Programs::find() else {
        println!("skipped: no API server is built; run: make test-kube");
        return None;
    };
    Some(Cluster::start(&programs, &[]).await.unwrap())
}

async fn create(client: &Client, text: &str, options: &str) {
    let path = collection(&object(text)).unwrap() + options;
    let answer = send(client, &path, Body::Yaml(text)).await.unwrap();
    assert_eq!((answer.status, answer.warnings), (201, Vec::new()), "{path}: {}", answer.body);
}

#[tokio::test]
async fn the_api_server_takes_every_manifest() {
    let Some(cluster) = cluster().await else { return };
    let client = cluster.admin().unwrap();
    let all = [texts(), vec![read("optional/cleanup.yaml")]].concat();
    assert_eq!(all.len(), 8);
    create(&client, &all[0], "?fieldValidation=Strict").await;
    let strictly = "?dryRun=All&fieldValidation=Strict";
    for text in &all[1..] {
        create(&client, text, strictly).await;
    }
    // A DaemonSet is taken whatever its namespace thinks of its pods, so they are asked about, too.
    for set in all.iter().map(|text| object(text)).filter(|object| object["kind"] == "DaemonSet") {
        let metadata = json!({"name": "a", "namespace": AGENT_NAMESPACE});
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata});
        pod["spec"] = set.pointer("/spec/template/spec").unwrap().clone();
        create(&client, &pod.to_string(), strictly).await;
    }
    let wrong = all[4].replacen("\ndata:", "\ndate:", 1);
    let path = collection(&object(&wrong)).unwrap() + strictly;
    let refused = send(&client, &path, Body::Yaml(&wrong)).await.unwrap();
    assert_eq!(refused.status, 400, "fields are not validated strictly");
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy_path(path)).unwrap()
}

async fn get(client: &Client, path: &str) -> Result<String, kube::Error> {
    client.request_text(http::Request::get(path).body(Vec::new()).unwrap()).await
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

#[tokio::test]
async fn the_account_can_follow_what_the_agent_follows() {
    let Some(cluster) = cluster().await else { return };
    let admin = cluster.admin().unwrap();
    create_agent_account(&admin).await.unwrap();
    cluster.install_cluster_policy_crds(Channel::Standard).await.unwrap();
    let client = cluster.client(&agent_token(&admin).await.unwrap()).unwrap();
    for path in ["/readyz", "/apis/policy.networking.k8s.io"] {
        get(&client, path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    for path in FOLLOWED {
        get(&client, &format!("{path}?limit=250")).await.unwrap();
        get(&client, &format!("{path}?watch=1&timeoutSeconds=1")).await.unwrap();
    }
    for path in ["/api/v1/secrets", "/api/v1/namespaces/portcullis/configmaps"] {
        assert!(is_forbidden(&get(&client, path).await.unwrap_err()), "{path}");
    }
    let named = get(&client, "/api/v1/namespaces/portcullis").await.unwrap_err();
    assert!(is_forbidden(&named), "one object is not asked for");
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                  metadata: {name: a, namespace: portcullis}\nspec: {podSelector: {}}\n";
    let path = collection(&object(policy)).unwrap();
    let written = send(&client, &path, Body::Yaml(policy)).await.unwrap();
    assert_eq!(written.status, 403);
}

/// Group and name of everything that the API server has, subresources included.
async fn resources(client: &Client) -> Vec<(String, String)> {
    let mut lists = vec![client.list_core_api_resources("v1").await.unwrap()];
    for group in client.list_api_groups().await.unwrap().groups {
        for version in group.versions {
            lists.push(client.list_api_group_resources(&version.group_version).await.unwrap());
        }
    }
    let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let named = lists.into_iter().flat_map(|list| {
        let group = group(&list.group_version);
        list.resources.into_iter().map(move |resource| (group.clone(), resource.name))
    });
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

async fn may(client: &Client, account: &str, (verb, group, name): (&str, &str, &str)) -> bool {
    let (resource, subresource) = name.split_once('/').unwrap_or((name, ""));
    let asked =
        json!({"verb": verb, "group": group, "resource": resource, "subresource": subresource});
    let groups =
        ["system:serviceaccounts", "system:serviceaccounts:portcullis", "system:authenticated"];
    let user = format!("system:serviceaccount:{AGENT_NAMESPACE}:{account}");
    let spec = json!({"user": user, "groups": groups, "resourceAttributes": asked});
    let review = serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap();
    let api: Api<SubjectAccessReview> = Api::all(client.clone());
    api.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
}

async fn allowed(client: &Client, account: &str) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for (group, name) in resources(client).await {
        for verb in VERBS {
            if may(client, account, (verb, &group, &name)).await {
                allowed.insert(format!("{verb} {group}/{name}"));
            }
        }
    }
    allowed
}

#[tokio::test]
async fn the_account_can_do_nothing_else() {
    let Some(cluster) = cluster().await else { return };
    let admin = cluster.admin().unwrap();
    create_agent_account(&admin).await.unwrap();
    cluster.install_cluster_policy_crds(Channel::Standard).await.unwrap();
    cluster.install_calico_crds(CalicoGroup::Stored).await.unwrap();
    cluster.install_calico_crds(CalicoGroup::Public).await.unwrap();
    cluster.install_status_crd().await.unwrap();
    create_service_account(&admin, AGENT_NAMESPACE, "anybody").await.unwrap();
    let anybody = allowed(&admin, "anybody").await;
    let agent = allowed(&admin, AGENT_ACCOUNT).await;
    // Everybody may ask what they may.
    assert!(anybody.iter().all(|right| right.contains("/selfsubject")), "{anybody:?}");
    assert!(agent.is_superset(&anybody));
    let more: Vec<&str> = agent.difference(&anybody).map(String::as_str).collect();
    let wanted = [
        "create portcullis.dev/nodepolicystatuses",
        "get portcullis.dev/nodepolicystatuses",
        "list /namespaces",
        "list /nodes",
        "list /pods",
        "list networking.k8s.io/networkpolicies",
        "list policy.networking.k8s.io/clusternetworkpolicies",
        "patch portcullis.dev/nodepolicystatuses",
        "watch /namespaces",
        "watch /nodes",
        "watch /pods",
        "watch networking.k8s.io/networkpolicies",
        "watch policy.networking.k8s.io/clusternetworkpolicies",
    ];
    let of_calico = CALICO.split(' ').flat_map(|kind| {
        let groups = ["crd.projectcalico.org", "projectcalico.org"];
        groups.map(|group| ["list", "watch"].map(|verb| format!("{verb} {group}/{kind}")))
    });
    let accounts = ["list /serviceaccounts", "watch /serviceaccounts"].map(str::to_owned);
    let mut all: Vec<String> = of_calico.flatten().chain(accounts).collect();
    all.extend(wanted.map(str::to_owned));
    all.sort_unstable();
    assert_eq!(more, all);
}

/// What of Calico's is watched, in whichever group is served.
const CALICO: &str = "felixconfigurations globalnetworkpolicies globalnetworksets hostendpoints \
     networkpolicies networksets profiles stagedglobalnetworkpolicies stagednetworkpolicies tiers";

/// The options of a pod of the DaemonSet, its ConfigMap mounted.
fn options(set: &Value, config: &Value) -> Options {
    let container = set.pointer("/spec/template/spec/containers/0").unwrap();
    let mounted = container.pointer("/volumeMounts/0/mountPath").unwrap().as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in config["data"].as_object().unwrap() {
        fs::write(folder.path().join(name), text.as_str().unwrap()).unwrap();
    }
    let args = container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let here = folder.path().to_str().unwrap();
    let words = ["portcullis-agent".to_owned()].into_iter();
    let words = words.chain(args.map(|word| word.replace(mounted, here)));
    let words: Vec<OsString> = words.map(OsString::from).collect();
    Options::read(&words).unwrap()
}

fn check_probes(set: &Value, config: &Value) {
    let endpoints = options(set, config).serving.endpoints();
    let at = |paths| endpoints.iter().find(|endpoint| endpoint.paths == paths).unwrap().address;
    let (metrics, listen) = (at(Paths::Metrics), at(Paths::Health));
    let container = set.pointer("/spec/template/spec/containers/0").unwrap();
    let ports = container["ports"].as_array().unwrap();
    let ports: Vec<&Value> = ports.iter().map(|port| &port["containerPort"]).collect();
    assert_eq!(ports, [&json!(metrics.port()), &json!(listen.port())]);
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        let get = &container[probe]["httpGet"];
        let address: IpAddr = get["host"].as_str().unwrap().parse().unwrap();
        let reached = listen.ip() == address || listen.ip().is_unspecified();
        assert!(reached, "{get} does not reach {listen}");
        assert_eq!((&get["port"], &get["path"]), (&json!(listen.port()), &json!(path)));
    }
}

#[test]
fn the_agent_takes_its_configuration_and_listens_where_it_is_probed() {
    let set = manifest("DaemonSet");
    check_probes(&set, &manifest("ConfigMap"));
    let env = set.pointer("/spec/template/spec/containers/0/env/0").unwrap();
    let source = json!({"fieldRef": {"fieldPath": "spec.nodeName"}});
    assert_eq!(env, &json!({"name": "NODE_NAME", "valueFrom": source}));
}

/// What `kubectl exec POD -- portcullis-agent status` knows of the agent.
#[test]
fn a_command_in_the_pod_finds_the_agent() {
    let set = manifest("DaemonSet");
    let container = set.pointer("/spec/template/spec/containers/0").unwrap();
    let env = container["env"].as_array().unwrap();
    let file = env.iter().find(|one| one["name"] == "PORTCULLIS_CONFIG").unwrap();
    assert!(container["args"].as_array().unwrap().contains(&file["value"]), "{file}");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    let text = "health-listen: 127.0.0.9:7\nlisten: 0.0.0.0:8\nevents: true\n";
    fs::write(&config, text).unwrap();
    let read = |words: &[&str]| {
        let words = ["portcullis-agent"].iter().chain(words).map(Into::into);
        Options::read(&words.collect::<Vec<OsString>>()).map_err(|error| error.to_string())
    };
    let options = read(&["status", "--config", config.to_str().unwrap()]).unwrap();
    let Some(Agents::Status(status)) = options.command else { panic!() };
    let question = format!("{:?}", Question::of(&status.serving).unwrap());
    assert!(question.contains("127.0.0.9:7"), "{question}");
    fs::write(&config, "lissten: 1\n").unwrap();
    let wrong = read(&["status", "--config", config.to_str().unwrap()]).unwrap_err();
    assert!(wrong.ends_with("unknown option `lissten`"), "{wrong}");
}

/// What Helm makes of the chart; none where its engine is not built.
fn helm(settings: &[&str]) -> Option<Output> {
    let required = std::env::var("PORTCULLIS_KUBE").is_ok_and(|word| word == "required");
    let program = Programs::find().map(|programs| programs.etcd.with_file_name("helm"));
    let Some(program) = program.filter(|program| program.is_file()) else {
        assert!(!required, "Helm's engine is not built: scripts/build-kube.sh");
        println!("skipped: Helm's engine is not built; run: make test-kube");
        return None;
    };
    let mut command = Command::new(program);
    command.arg(deploy_path("helm/portcullis-agent")).arg(AGENT_NAMESPACE).args(settings);
    Some(command.output().unwrap())
}

fn rendered(settings: &[&str]) -> Option<Vec<Value>> {
    let output = helm(settings)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.split("---\n").skip(1).map(object).collect())
}

fn of<'o>(objects: &'o [Value], kind: &str) -> &'o Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap()
}

#[test]
fn the_chart_makes_the_same_objects() {
    let Some(mut objects) = rendered(&[]) else { return };
    for object in &mut objects {
        if let Some(template) = object.pointer_mut("/spec/template/metadata") {
            let notes = template.as_object_mut().unwrap().remove("annotations").unwrap();
            assert!(notes["checksum/config"].is_string());
        }
        assert_eq!(*object, manifest(object["kind"].as_str().unwrap()));
    }
    // Helm makes the namespace itself, or finds it.
    assert_eq!(objects.len() + 1, texts().len());
}

fn object_documents(path: &str) -> Vec<Value> {
    read(path).split("---\n").map(object).collect()
}

#[test]
fn the_values_of_the_chart_do_what_they_say() {
    let set = ["listen.host=0.0.0.0", "listen.port=9200", "podMonitor.enabled=true"];
    let more =
        ["config.flow-log=denied", "config.audit-seconds=30", "xtablesLock=false", "events=true"];
    let Some(objects) = rendered(&[&set[..], &more].concat()) else { return };
    let (set, config) = (of(&objects, "DaemonSet"), of(&objects, "ConfigMap"));
    check_probes(set, config);
    assert_eq!(options(set, config).running.audit_seconds, 30);
    assert!(!set.to_string().contains("xtables"), "{set}");
    assert_eq!(*of(&objects, "PodMonitor"), object(&read("optional/podmonitor.yaml")));
    let events = object_documents("optional/events.yaml");
    assert_eq!(objects.iter().filter(|object| events.contains(object)).count(), events.len());
    assert!(options(set, config).running.events);
    let checksum = "/spec/template/metadata/annotations/checksum~1config";
    let defaults = rendered(&[]).unwrap();
    assert_ne!(set.pointer(checksum), of(&defaults, "DaemonSet").pointer(checksum));
    let refused = helm(&["podMonitor.enabled=true"]).unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("podMonitor needs listen.host"));
}

#[test]
fn the_chart_can_do_without_status_objects() {
    let Some(objects) = rendered(&["statusObject=false"]) else { return };
    let (set, config) = (of(&objects, "DaemonSet"), of(&objects, "ConfigMap"));
    assert!(!options(set, config).running.status_object);
    assert!(objects.iter().all(|object| object["kind"] != "CustomResourceDefinition"));
    assert!(!of(&objects, "ClusterRole").to_string().contains("portcullis.dev"));
    assert!(options(&manifest("DaemonSet"), &manifest("ConfigMap")).running.status_object);
}

#[test]
fn the_chart_protects_metrics() {
    let set = ["listen.host=0.0.0.0", "podMonitor.enabled=true"];
    let more = ["metrics.tlsSecret=cert", "metrics.tokenSecret=scrape"];
    let Some(objects) = rendered(&[&set[..], &more].concat()) else { return };
    let (set, config) = (of(&objects, "DaemonSet"), of(&objects, "ConfigMap"));
    check_probes(set, config);
    let endpoints = options(set, config).serving.endpoints();
    let metrics = endpoints.iter().find(|endpoint| endpoint.paths == Paths::Metrics).unwrap();
    let tls = metrics.tls.as_ref().unwrap();
    let files = [&tls.certificate, &tls.key, metrics.token.as_ref().unwrap()];
    let pod = set.pointer("/spec/template/spec").unwrap();
    for (file, secret) in files.into_iter().zip(["cert", "cert", "scrape"]) {
        let folder = json!(file.parent().unwrap().to_str().unwrap());
        let mounts = pod.pointer("/containers/0/volumeMounts").unwrap().as_array().unwrap();
        let mount = mounts.iter().find(|mount| mount["mountPath"] == folder).unwrap();
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
        assert_eq!(volume["secret"]["secretName"], secret);
        assert_eq!(mount["readOnly"], true);
    }
    let monitor = of(&objects, "PodMonitor").pointer("/spec/podMetricsEndpoints/0").unwrap();
    assert_eq!(monitor["scheme"], "https");
    let credentials = json!({"credentials": {"name": "scrape", "key": "token"}});
    assert_eq!(monitor["authorization"], credentials);
}

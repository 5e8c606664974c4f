//! Pods and what makes them, Services, Namespaces.

use super::common::{API_VERSION, CLUSTER_METADATA, KIND, METADATA, PROTOCOLS};
use super::{Field, Kind, Of, Shape, Word, field, word};

const fn kind(
    name: &'static str,
    api_version: &'static str,
    fields: &'static [Field],
    doc: &'static str,
) -> Kind {
    Kind { name, api_version, doc, fields }
}

pub const KINDS: &[Kind] = &[
    kind("Deployment", "apps/v1", OF_SCALED, "Pods that are alike, made from a template."),
    kind(
        "StatefulSet",
        "apps/v1",
        OF_SCALED,
        "Pods with names and storage of their own, made from a template.",
    ),
    kind(
        "DaemonSet",
        "apps/v1",
        &[API_VERSION, KIND, METADATA, field("spec", SELECTED, "Which pods.")],
        "A pod on each node, made from a template.",
    ),
    kind("ReplicaSet", "apps/v1", OF_SCALED, "Pods that are alike, usually made by a Deployment."),
    kind(
        "Job",
        "batch/v1",
        &[API_VERSION, KIND, METADATA, field("spec", JOB, "Which pods, and how often.")],
        "Pods that run to their end.",
    ),
    kind(
        "CronJob",
        "batch/v1",
        &[
            API_VERSION,
            KIND,
            METADATA,
            field(
                "spec",
                Shape::Fields(&[
                    field("schedule", Shape::Text, "When, as cron has it."),
                    field(
                        "jobTemplate",
                        Shape::Fields(&[field("spec", JOB, "Which pods, and how often.")]),
                        "The Jobs that it makes.",
                    ),
                ]),
                "When, and which Jobs.",
            ),
        ],
        "Jobs at times.",
    ),
    kind(
        "Pod",
        "v1",
        &[
            API_VERSION,
            KIND,
            POD_METADATA,
            field("spec", POD_SPEC, "Containers, and where they run."),
        ],
        "One pod. Policies select it by its labels.",
    ),
    kind(
        "Namespace",
        "v1",
        &[API_VERSION, KIND, CLUSTER_METADATA],
        "A namespace. Policies of other namespaces name it by its labels; \
         `kubernetes.io/metadata.name` is always there.",
    ),
    kind(
        "Service",
        "v1",
        &[
            API_VERSION,
            KIND,
            METADATA,
            field("spec", SERVICE, "Which pods are behind it, on which ports."),
        ],
        "A name and an address for pods. Policies see the pods behind it and their ports, not the \
         Service.",
    ),
    kind(
        "Node",
        "v1",
        &[
            API_VERSION,
            KIND,
            CLUSTER_METADATA,
            field(
                "spec",
                Shape::Fields(&[field(
                    "podCIDRs",
                    Shape::List(&Shape::Cidr),
                    "Blocks that its pods' addresses are from.",
                )]),
                "Where its pods' addresses are from.",
            ),
        ],
        "A node. Traffic between a pod and its own node is always allowed.",
    ),
];

const SELECTOR: Field = field(
    "selector",
    Shape::Selector(Of::Template),
    "Which pods are its own: labels that the template has.",
);
const TEMPLATE: Field = field(
    "template",
    Shape::Fields(&[
        field(
            "metadata",
            Shape::Fields(&[field(
                "labels",
                Shape::Labels(Of::Template),
                "Labels of the pods: these are what policies and Services select.",
            )]),
            "Labels of the pods.",
        ),
        field("spec", POD_SPEC, "Containers, and where they run."),
    ]),
    "What the pods are made from.",
);
const REPLICAS: Field = field("replicas", Shape::Number, "How many pods; 1 unless it is written.");

const OF_SCALED: &[Field] =
    &[API_VERSION, KIND, METADATA, field("spec", SCALED, "How many pods, and which.")];
const SCALED: Shape = Shape::Fields(&[REPLICAS, SELECTOR, TEMPLATE]);
const SELECTED: Shape = Shape::Fields(&[SELECTOR, TEMPLATE]);
const JOB: Shape = Shape::Fields(&[
    field("completions", Shape::Number, "How many pods must succeed."),
    field("parallelism", Shape::Number, "How many pods run at a time."),
    TEMPLATE,
]);

const POD_METADATA: Field = field(
    "metadata",
    Shape::Fields(&[
        field("name", Shape::Text, "The pod's name."),
        field("namespace", Shape::Namespace, "The namespace that the pod is in."),
        field(
            "labels",
            Shape::Labels(Of::Template),
            "Labels of the pod: these are what policies and Services select.",
        ),
        field("annotations", Shape::Other, "Notes for tools. No selector asks for them."),
    ]),
    "Name, namespace and labels.",
);

const POD_SPEC: Shape = Shape::Fields(&[
    field("containers", Shape::List(&CONTAINER), "What runs in the pod."),
    field("initContainers", Shape::List(&CONTAINER), "What runs before the containers."),
    field(
        "hostNetwork",
        Shape::Boolean,
        "Whether the pod uses its node's network. Selectors do not match such pods: to policies \
         they are their node.",
    ),
    field("nodeName", Shape::Node, "The node that it runs on."),
    field("serviceAccountName", Shape::Text, "Who the pod is to the API server."),
]);

const CONTAINER: Shape = Shape::Fields(&[
    field("name", Shape::Text, "The container's name."),
    field("image", Shape::Text, "What it runs."),
    field(
        "ports",
        Shape::List(&Shape::Fields(&[
            field("name", Shape::Text, "A name that policies and Services may use for the port."),
            field("containerPort", Shape::PortNumber, "The number."),
            field("protocol", Shape::Words(PROTOCOLS), "`TCP` unless it is written."),
            field("hostPort", Shape::PortNumber, "A port of the node that leads to it."),
            field("hostIP", Shape::Text, "The node's address that has `hostPort`."),
        ])),
        "Ports under their names. What is not listed can be reached all the same.",
    ),
]);

const SERVICE: Shape = Shape::Fields(&[
    field(
        "type",
        Shape::Words(SERVICE_TYPES),
        "How it can be reached. `ClusterIP` unless it is written.",
    ),
    field(
        "selector",
        Shape::Labels(Of::Backends),
        "Labels of the pods behind it, in its namespace: without `matchLabels`.",
    ),
    field(
        "ports",
        Shape::List(&Shape::Fields(&[
            field("name", Shape::Text, "The port's name."),
            field("port", Shape::PortNumber, "The Service's own port: policies never see it."),
            field(
                "targetPort",
                Shape::Port(Of::Backends),
                "The pods' port, by number or name: this is what policies are about. `port` unless \
                 it is written.",
            ),
            field("protocol", Shape::Words(PROTOCOLS), "`TCP` unless it is written."),
            field("nodePort", Shape::PortNumber, "A port of every node that leads to it."),
            field("appProtocol", Shape::Text, "What is spoken on it."),
        ])),
        "Which ports lead to which of the pods.",
    ),
    field("clusterIP", Shape::Text, "Its address, or `None` to give clients the pods' own."),
    field(
        "externalTrafficPolicy",
        Shape::Words(TRAFFIC),
        "Whether nodes pass clients' connections on to pods of other nodes, and so hide who they are.",
    ),
    field(
        "loadBalancerSourceRanges",
        Shape::List(&Shape::Cidr),
        "Which clients the load balancer lets through.",
    ),
    field("externalIPs", Shape::List(&Shape::Text), "Other addresses that lead to it."),
    field(
        "publishNotReadyAddresses",
        Shape::Boolean,
        "Whether pods are behind it before they are ready.",
    ),
]);

const SERVICE_TYPES: &[Word] = &[
    word("ClusterIP", "From inside of the cluster."),
    word("NodePort", "By a port of every node as well."),
    word("LoadBalancer", "By a load balancer as well."),
    word("ExternalName", "An alias of a DNS name: policies do not know it."),
];

const TRAFFIC: &[Word] = &[
    word("Cluster", "Any pod answers; the client's address may be replaced by a node's."),
    word("Local", "Pods of the same node answer, and see the client's address."),
];

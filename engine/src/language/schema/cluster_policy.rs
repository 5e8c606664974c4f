//! ClusterNetworkPolicy.

use super::common::{API_VERSION, CLUSTER_METADATA, KIND};
use super::{Field, Kind, Of, Shape, Word, field, word};

pub const KINDS: &[Kind] = &[Kind {
    name: "ClusterNetworkPolicy",
    api_version: "policy.networking.k8s.io/v1beta1",
    doc: "A cluster administrator's policy for pods of many namespaces: before all NetworkPolicies, \
          which cannot override it (tier `Admin`), or after them (tier `Baseline`).",
    fields: &[
        API_VERSION,
        KIND,
        CLUSTER_METADATA,
        field("spec", SPEC, "Which pods, and rules in order."),
    ],
}];

const SPEC: Shape = Shape::Fields(&[
    field("tier", Shape::Words(TIERS), "When it is asked: before or after NetworkPolicies."),
    field(
        "priority",
        Shape::Number,
        "From 0 to 1000; the lower number is asked first. Of two with the same, which one decides \
         is not defined.",
    ),
    field("subject", Shape::Fields(SUBJECT), "The pods that it applies to. One of the two."),
    field(
        "ingress",
        Shape::List(&INGRESS_RULE),
        "Rules for what reaches the pods. The first that matches decides.",
    ),
    field(
        "egress",
        Shape::List(&EGRESS_RULE),
        "Rules for what the pods send. The first that matches decides.",
    ),
]);

const TIERS: &[Word] = &[
    word("Admin", "Before NetworkPolicies: what it accepts or denies is decided."),
    word("Baseline", "After NetworkPolicies: for pods that none of them isolates."),
];

const ACTIONS: &[Word] = &[
    word("Accept", "The flow passes, whatever comes after."),
    word("Deny", "The flow is denied, whatever comes after."),
    word("Pass", "The rest of the tier is left out: NetworkPolicies decide."),
];

const SUBJECT: &[Field] = &[
    field("namespaces", Shape::Selector(Of::Namespaces), "All pods of these namespaces."),
    field("pods", PODS_OF_SUBJECT, "Pods with labels, in namespaces with labels."),
];

const PODS_OF_SUBJECT: Shape = Shape::Fields(&[
    field(
        "namespaceSelector",
        Shape::Selector(Of::Namespaces),
        "In which namespaces. `{}` is all.",
    ),
    field("podSelector", Shape::Selector(Of::Subjects), "Which pods of them. `{}` is all."),
]);

const PODS: Field = field(
    "pods",
    Shape::Fields(&[
        field(
            "namespaceSelector",
            Shape::Selector(Of::Namespaces),
            "In which namespaces. `{}` is all.",
        ),
        field("podSelector", Shape::Selector(Of::Peers), "Which pods of them. `{}` is all."),
    ]),
    "Pods with labels, in namespaces with labels.",
);
const NAMESPACES: Field =
    field("namespaces", Shape::Selector(Of::Namespaces), "All pods of these namespaces.");

const INGRESS_PEER: Shape = Shape::Fields(&[NAMESPACES, PODS]);
const EGRESS_PEER: Shape = Shape::Fields(&[
    NAMESPACES,
    PODS,
    field("nodes", Shape::Selector(Of::Nodes), "Nodes with these labels, by their addresses."),
    field("networks", Shape::List(&Shape::Cidr), "Blocks of addresses."),
    field(
        "domainNames",
        Shape::List(&Shape::Text),
        "Names of hosts, such as `*.example.com`; only in rules that accept.",
    ),
]);

const NAME: Field = field("name", Shape::Text, "What the rule is for, as reports show it.");
const ACTION: Field =
    field("action", Shape::Words(ACTIONS), "What happens to what the rule matches.");
/// The field of protocols, whose named ports are those of whom a rule's direction leads to.
macro_rules! protocols {
    ($of:expr) => {
        field(
            "protocols",
            Shape::List(&Shape::Fields(&[
                field("tcp", OF_PROTOCOL, "TCP, on these ports."),
                field("udp", OF_PROTOCOL, "UDP, on these ports."),
                field("sctp", OF_PROTOCOL, "SCTP, on these ports."),
                field("destinationNamedPort", Shape::Port($of), NAMED),
            ])),
            "Which protocols and ports. Left out, it is everything.",
        )
    };
}

const NAMED: &str = "The name that the destination's containers give a port.";

const OF_PROTOCOL: Shape = Shape::Fields(&[field(
    "destinationPort",
    Shape::Fields(&[
        field("number", Shape::PortNumber, "One port."),
        field(
            "range",
            Shape::Fields(&[
                field("start", Shape::PortNumber, "The first port."),
                field("end", Shape::PortNumber, "The last port."),
            ]),
            "Ports that follow each other.",
        ),
    ]),
    "A port of the destination, or a range of them.",
)]);

const INGRESS_RULE: Shape = Shape::Fields(&[
    NAME,
    ACTION,
    field("from", Shape::List(&INGRESS_PEER), "Who connects: any of these. At least one."),
    protocols!(Of::Subjects),
]);
const EGRESS_RULE: Shape = Shape::Fields(&[
    NAME,
    ACTION,
    field("to", Shape::List(&EGRESS_PEER), "Whom the pods connect to: any of these. At least one."),
    protocols!(Of::Peers),
]);

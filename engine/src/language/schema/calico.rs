//! Calico's kinds.

use super::common::{API_VERSION, CLUSTER_METADATA, KIND, METADATA};
use super::{Field, Kind, Shape, Word, field, word};

const V3: &str = "projectcalico.org/v3";

pub const KINDS: &[Kind] = &[
    Kind {
        name: "NetworkPolicy",
        api_version: V3,
        doc: "Calico's policy for pods of one namespace: rules in order, in a tier.",
        fields: &[API_VERSION, KIND, METADATA, field("spec", Shape::Fields(POLICY), SPEC)],
    },
    Kind {
        name: "GlobalNetworkPolicy",
        api_version: V3,
        doc: "Calico's policy for pods of all namespaces and for hosts: rules in order, in a tier.",
        fields: &[API_VERSION, KIND, CLUSTER_METADATA, field("spec", Shape::Fields(GLOBAL), SPEC)],
    },
    Kind {
        name: "Tier",
        api_version: V3,
        doc: "Policies that are asked together, before or after those of other tiers.",
        fields: &[
            API_VERSION,
            KIND,
            CLUSTER_METADATA,
            field(
                "spec",
                Shape::Fields(&[
                    field("order", Shape::Number, "The lower number is asked first."),
                    field(
                        "defaultAction",
                        Shape::Words(ENDS),
                        "What happens to what no rule of the tier matches, if one of its policies \
                         selects the pod. `Deny` unless it is written.",
                    ),
                ]),
                "When it is asked, and how it ends.",
            ),
        ],
    },
    Kind {
        name: "NetworkSet",
        api_version: V3,
        doc: "Addresses under labels: selectors of its namespace match it as they match pods.",
        fields: &[API_VERSION, KIND, METADATA, field("spec", NETS, "The addresses.")],
    },
    Kind {
        name: "GlobalNetworkSet",
        api_version: V3,
        doc: "Addresses under labels: selectors match it as they match pods.",
        fields: &[API_VERSION, KIND, CLUSTER_METADATA, field("spec", NETS, "The addresses.")],
    },
    Kind {
        name: "HostEndpoint",
        api_version: V3,
        doc: "Interfaces of a node that GlobalNetworkPolicies may select by its labels.",
        fields: &[API_VERSION, KIND, CLUSTER_METADATA, field("spec", HOST, "Which interfaces.")],
    },
];

const SPEC: &str = "Which pods, and rules in order.";

const ENDS: &[Word] = &[word("Deny", "It is denied."), word("Pass", "The next tier decides.")];

const TYPES: &[Word] = &[
    word("Ingress", "It is about what reaches the pods."),
    word("Egress", "It is about what they send."),
];

const SELECTOR: Field = field(
    "selector",
    Shape::Expression,
    "The pods that it applies to, such as `app == 'web' && has(tier)`. `all()` unless it is written.",
);
const TYPES_FIELD: Field = field(
    "types",
    Shape::List(&Shape::Words(TYPES)),
    "The directions that it is about. Left out, it is those that it has rules for.",
);
const ORDER: Field = field(
    "order",
    Shape::Number,
    "The lower number is asked first in its tier; without one, it comes last.",
);
const TIER: Field =
    field("tier", Shape::Text, "The tier that it is in; `default` unless it is written.");
const ACCOUNTS: Field = field(
    "serviceAccountSelector",
    Shape::Expression,
    "The pods whose ServiceAccount has these labels.",
);
const INGRESS: Field = field(
    "ingress",
    Shape::List(&RULE),
    "Rules for what reaches the pods. The first that matches decides.",
);
const EGRESS: Field = field(
    "egress",
    Shape::List(&RULE),
    "Rules for what the pods send. The first that matches decides.",
);
const HINTS: Field =
    field("performanceHints", Shape::Other, "Advice to Calico's agent, which decides nothing.");

const POLICY: &[Field] = &[TIER, ORDER, SELECTOR, ACCOUNTS, TYPES_FIELD, INGRESS, EGRESS, HINTS];

const GLOBAL: &[Field] = &[
    TIER,
    ORDER,
    SELECTOR,
    field("namespaceSelector", Shape::Expression, "In which namespaces, by their labels."),
    ACCOUNTS,
    TYPES_FIELD,
    INGRESS,
    EGRESS,
    field(
        "applyOnForward",
        Shape::Boolean,
        "Whether it is also about what passes through a host, where it selects HostEndpoints.",
    ),
    field(
        "preDNAT",
        Shape::Boolean,
        "Whether it is asked before addresses are translated, such as those of NodePorts.",
    ),
    field("doNotTrack", Shape::Boolean, "Whether it is asked before connections are tracked."),
    HINTS,
];

const ACTIONS: &[Word] = &[
    word("Allow", "The flow passes this end, whatever comes after."),
    word("Deny", "The flow is denied, whatever comes after."),
    word("Pass", "The next tier decides."),
    word("Log", "It is written to the log, and the next rule decides."),
];

const PROTOCOLS: &[Word] = &[
    word("TCP", ""),
    word("UDP", ""),
    word("ICMP", "Of IPv4."),
    word("ICMPv6", "Of IPv6."),
    word("SCTP", ""),
    word("UDPLite", ""),
];

const ICMP: Shape = Shape::Fields(&[
    field("type", Shape::Number, "The message's type, from 0 to 254."),
    field("code", Shape::Number, "The message's code, from 0 to 255."),
]);

const RULE: Shape = Shape::Fields(&[
    field("action", Shape::Words(ACTIONS), "What happens to what the rule matches."),
    field("protocol", Shape::Words(PROTOCOLS), "A protocol, by name or number."),
    field("notProtocol", Shape::Words(PROTOCOLS), "Any protocol but this one."),
    field("ipVersion", Shape::Number, "4 or 6."),
    field("icmp", ICMP, "Which ICMP messages."),
    field("notICMP", ICMP, "Which ICMP messages it is not."),
    field("source", ENTITY, "Who sends. Everything that is written must hold."),
    field("destination", ENTITY, "Who receives. Everything that is written must hold."),
    field("http", Shape::Other, "Which HTTP requests: no packet filter can tell."),
    field("metadata", Shape::Other, "Annotations of the rule."),
]);

const ENTITY: Shape = Shape::Fields(&[
    field("selector", Shape::Expression, "Pods and network sets with these labels."),
    field("notSelector", Shape::Expression, "All but pods and network sets with these labels."),
    field(
        "namespaceSelector",
        Shape::Expression,
        "In which namespaces; `global()` for what is in none.",
    ),
    field("nets", Shape::List(&Shape::Cidr), "Addresses in one of these blocks."),
    field("notNets", Shape::List(&Shape::Cidr), "Addresses in none of these blocks."),
    field(
        "ports",
        Shape::List(&Shape::Text),
        "Ports: numbers, ranges such as `8000:8080`, names. The rule needs a protocol then.",
    ),
    field("notPorts", Shape::List(&Shape::Text), "All but these ports."),
    field(
        "serviceAccounts",
        Shape::Fields(&[
            field("names", Shape::List(&Shape::Text), "By their names."),
            field("selector", Shape::Expression, "By their labels."),
        ]),
        "Pods of these ServiceAccounts.",
    ),
    field(
        "services",
        Shape::Fields(&[
            field("name", Shape::Text, "Its name."),
            field("namespace", Shape::Namespace, "Its namespace."),
        ]),
        "What is behind a Service, on its ports.",
    ),
]);

const NETS: Shape = Shape::Fields(&[field(
    "nets",
    Shape::List(&Shape::Cidr),
    "Blocks of addresses, such as `192.0.2.0/24`.",
)]);

const HOST: Shape = Shape::Fields(&[
    field("node", Shape::Node, "The node that has the interfaces."),
    field("interfaceName", Shape::Text, "An interface of the node, or `*` for all of them."),
    field("expectedIPs", Shape::List(&Shape::Text), "Addresses that tell which interface it is."),
    field("profiles", Shape::List(&Shape::Text), "Profiles that are asked after all policies."),
    field(
        "ports",
        Shape::List(&Shape::Fields(&[
            field("name", Shape::Text, "The port's name."),
            field("port", Shape::PortNumber, "Its number."),
            field("protocol", Shape::Words(PROTOCOLS), "Its protocol."),
        ])),
        "Names of ports that rules may use.",
    ),
]);

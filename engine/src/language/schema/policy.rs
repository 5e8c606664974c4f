//! NetworkPolicy.

use super::common::{API_VERSION, KIND, METADATA, PROTOCOLS};
use super::{Field, Kind, Of, Shape, Word, field, word};

pub const KINDS: &[Kind] = &[Kind {
    name: "NetworkPolicy",
    api_version: "networking.k8s.io/v1",
    doc: "Isolates the pods that it selects in its namespace, and allows what its rules name. What \
          several policies allow adds up; none takes anything away.",
    fields: &[API_VERSION, KIND, METADATA, field("spec", SPEC, "Which pods, and what they may.")],
}];

const SPEC: Shape = Shape::Fields(&[
    field(
        "podSelector",
        Shape::Selector(Of::Subjects),
        "The pods that the policy applies to, in its own namespace. `{}` is all of them. A pod \
         that is selected is isolated: only what some policy allows passes.",
    ),
    field(
        "policyTypes",
        Shape::List(&Shape::Words(TYPES)),
        "The directions in which the pods are isolated. Left out, it is `Ingress`, and `Egress` as \
         well if there are `egress` rules.",
    ),
    field(
        "ingress",
        Shape::List(&INGRESS_RULE),
        "What may reach the pods: the union of the rules. An empty list allows nothing.",
    ),
    field(
        "egress",
        Shape::List(&EGRESS_RULE),
        "What the pods may reach: the union of the rules. An empty list allows nothing. Whatever \
         looks up names needs a rule for DNS.",
    ),
]);

const TYPES: &[Word] = &[
    word("Ingress", "The pods are isolated for what reaches them."),
    word("Egress", "The pods are isolated for what they send."),
];

const INGRESS_RULE: Shape = Shape::Fields(&[
    field(
        "from",
        Shape::List(&PEER),
        "Who may connect: any of these peers. Left out or empty, it is anybody.",
    ),
    field(
        "ports",
        Shape::List(&INGRESS_PORT),
        "On which ports of the selected pods. Left out or empty, it is all of them.",
    ),
]);

const EGRESS_RULE: Shape = Shape::Fields(&[
    field(
        "to",
        Shape::List(&PEER),
        "Whom the pods may connect to: any of these peers. Left out or empty, it is anybody.",
    ),
    field(
        "ports",
        Shape::List(&EGRESS_PORT),
        "On which ports of the destination: of the pods, not of a Service in front of them. Left \
         out or empty, it is all of them.",
    ),
]);

const PEER: Shape = Shape::Fields(&[
    field(
        "podSelector",
        Shape::Selector(Of::Peers),
        "Pods with these labels: in the policy's namespace, or in those of the `namespaceSelector` \
         of the same peer. With a dash of its own it is another peer, and either is enough.",
    ),
    field(
        "namespaceSelector",
        Shape::Selector(Of::Namespaces),
        "Namespaces with these labels, with all their pods, or those that `podSelector` of the same \
         peer names. `{}` is all namespaces.",
    ),
    field(
        "ipBlock",
        Shape::Fields(&[
            field(
                "cidr",
                Shape::Cidr,
                "Addresses, such as `192.0.2.0/24`. Meant for what is outside of the cluster.",
            ),
            field("except", Shape::List(&Shape::Cidr), "Blocks within `cidr` that are left out."),
        ]),
        "Addresses. It stands alone in its peer.",
    ),
]);

const INGRESS_PORT: Shape = Shape::Fields(&[PROTOCOL, PORT_OF_SUBJECTS, END_PORT]);
const EGRESS_PORT: Shape = Shape::Fields(&[PROTOCOL, PORT_OF_PEERS, END_PORT]);

const PROTOCOL: Field = field("protocol", Shape::Words(PROTOCOLS), "`TCP` unless it is written.");
const PORT_OF_SUBJECTS: Field = field(
    "port",
    Shape::Port(Of::Subjects),
    "A port's number, or the name that the selected pods' containers give it. Left out, it is \
     every port of the protocol.",
);
const PORT_OF_PEERS: Field = field(
    "port",
    Shape::Port(Of::Peers),
    "A port's number, or the name that the destination's containers give it. Left out, it is every \
     port of the protocol.",
);
const END_PORT: Field = field(
    "endPort",
    Shape::PortNumber,
    "The last port of a range that begins at `port`, which is a number then.",
);

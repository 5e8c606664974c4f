//! What kinds have in common.

use super::{Field, Of, Shape, Word, field, word};

pub const API_VERSION: Field =
    field("apiVersion", Shape::Other, "The API group and version that has the kind.");
pub const KIND: Field = field("kind", Shape::Other, "What the object is.");

/// `metadata` of objects in namespaces.
pub const METADATA: Field = field(
    "metadata",
    Shape::Fields(&[
        field("name", Shape::Text, "The object's name, unique among its kind in the namespace."),
        field(
            "namespace",
            Shape::Namespace,
            "The namespace that the object is in. Left out, it is the one of whoever applies it, \
             usually `default`.",
        ),
        field("labels", Shape::Labels(Of::Template), "Labels of the object itself."),
        field("annotations", Shape::Other, "Notes for tools. No selector asks for them."),
    ]),
    "Name, namespace and labels.",
);

/// `metadata` of objects that are in no namespace.
pub const CLUSTER_METADATA: Field = field(
    "metadata",
    Shape::Fields(&[
        field("name", Shape::Text, "The object's name, unique among its kind in the cluster."),
        field("labels", Shape::Labels(Of::Namespaces), "Labels of the object itself."),
        field("annotations", Shape::Other, "Notes for tools. No selector asks for them."),
    ]),
    "Name and labels. The kind is in no namespace.",
);

/// Before the kind is known.
pub const ANY: &[Field] =
    &[API_VERSION, KIND, METADATA, field("spec", Shape::Other, "What the object asks for.")];

pub const PROTOCOLS: &[Word] = &[
    word("TCP", "The default."),
    word("UDP", "Of DNS, QUIC and others."),
    word("SCTP", "Not every network plugin polices it."),
];

const OPERATORS: &[Word] = &[
    word("In", "The label is there, with one of `values`."),
    word("NotIn", "The label has none of `values`, or is not there."),
    word("Exists", "The label is there, whatever its value; without `values`."),
    word("DoesNotExist", "The label is not there; without `values`."),
];

pub const fn selector(of: Of) -> [Field; 2] {
    [
        field(
            "matchLabels",
            Shape::Labels(of),
            "Labels that must all be there, with these values.",
        ),
        field(
            "matchExpressions",
            Shape::Requirements(of),
            "Conditions on labels that must all hold, together with `matchLabels`.",
        ),
    ]
}

pub const fn requirement(of: Of) -> [Field; 3] {
    [
        field("key", Shape::LabelKey(of), "The label that is asked for."),
        field("operator", Shape::Words(OPERATORS), "How the label is compared."),
        field("values", Shape::LabelValues(of), "What it is compared with: `In` and `NotIn` only."),
    ]
}

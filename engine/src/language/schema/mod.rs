//! What fields the kinds have, and what each means, in a sentence.
//!
//! Readers of manifests decide what is accepted; this says what may be written. A test holds the
//! names here against those that the readers know.

mod calico;
mod cluster_policy;
mod common;
mod policy;
mod workload;

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it means: sentences, with code in backticks.
    pub doc: &'static str,
    /// What it holds.
    pub shape: Shape,
}

/// A word that a field may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// Whose labels, names or ports something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Pods that the policy may select.
    Subjects,
    /// Pods that a peer may name: by the namespaces that it names.
    Peers,
    /// Namespaces.
    Namespaces,
    /// Nodes.
    Nodes,
    /// The pods of a workload's own template.
    Template,
    /// Pods behind a Service.
    Backends,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A mapping with these fields.
    Fields(&'static [Field]),
    /// A list.
    List(&'static Shape),
    /// A label selector.
    Selector(Of),
    /// Its `matchExpressions`.
    Requirements(Of),
    /// One of them.
    Requirement(Of),
    /// Labels: keys and values.
    Labels(Of),
    /// The key of a label.
    LabelKey(Of),
    /// Values of a label.
    LabelValues(Of),
    /// One value.
    LabelValue(Of),
    /// One of some words.
    Words(&'static [Word]),
    /// A port's number or name.
    Port(Of),
    /// A number of a port.
    PortNumber,
    /// A block of addresses.
    Cidr,
    /// The name of a namespace.
    Namespace,
    /// The name of a node.
    Node,
    /// A Calico selector.
    Expression,
    /// A text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Something that is not described here.
    Other,
}

const fn field(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape }
}

const fn word(text: &'static str, doc: &'static str) -> Word {
    Word { text, doc }
}

impl Shape {
    /// The fields of a mapping, in the order in which they are usually written; none of what is no
    /// mapping, or has keys of the user's own.
    pub fn fields(self) -> Vec<Field> {
        match self {
            Self::Fields(fields) => fields.to_vec(),
            Self::Selector(of) => common::selector(of).into(),
            Self::Requirement(of) => common::requirement(of).into(),
            _ => Vec::new(),
        }
    }

    /// What stands at a key of a mapping.
    pub fn at_key(self, key: &str) -> Option<Self> {
        match self {
            Self::Labels(of) => Some(Self::LabelValue(of)),
            _ => self.field(key).map(|field| field.shape),
        }
    }

    /// The field of a key.
    pub fn field(self, key: &str) -> Option<Field> {
        self.fields().into_iter().find(|field| field.name == key)
    }

    /// What the items of a list are.
    pub fn item(self) -> Option<Self> {
        match self {
            Self::List(item) => Some(*item),
            Self::Requirements(of) => Some(Self::Requirement(of)),
            Self::LabelValues(of) => Some(Self::LabelValue(of)),
            _ => None,
        }
    }

    /// Whether it is a list.
    pub fn is_list(self) -> bool {
        self.item().is_some()
    }

    /// Whether it is a mapping.
    pub fn is_map(self) -> bool {
        matches!(self, Self::Fields(_) | Self::Selector(_) | Self::Requirement(_) | Self::Labels(_))
    }

    /// In a word or two, for a list of suggestions.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Fields(_) | Self::Requirement(_) => "mapping",
            Self::List(_) | Self::Requirements(_) | Self::LabelValues(_) => "list",
            Self::Selector(_) => "label selector",
            Self::Labels(_) => "labels",
            Self::LabelKey(_) => "label key",
            Self::LabelValue(_) => "label value",
            Self::Words(_) => "word",
            Self::Port(_) => "port number or name",
            Self::PortNumber => "port number",
            Self::Cidr => "CIDR",
            Self::Namespace => "namespace",
            Self::Node => "node",
            Self::Expression => "selector expression",
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "true or false",
            Self::Other => "",
        }
    }
}

/// A kind that may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What to write as `apiVersion`.
    pub api_version: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// Kinds that are described, the most common ones first.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    let all = [policy::KINDS, workload::KINDS, cluster_policy::KINDS, calico::KINDS];
    all.into_iter().flatten()
}

/// The kind of an `apiVersion` and a `kind`, of whatever version of its group.
pub fn kind(api_version: &str, kind: &str) -> Option<&'static Kind> {
    let group = |version: &str| match version.rsplit_once('/') {
        Some((group, _)) => group.trim_start_matches("crd.").to_owned(),
        None => String::new(),
    };
    let own = group(api_version);
    kinds().find(|one| one.name == kind && group(one.api_version) == own)
}

/// The fields that any object has, before its kind is known.
pub fn of_any() -> Shape {
    Shape::Fields(common::ANY)
}

#[cfg(test)]
mod tests;

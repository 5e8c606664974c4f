//! What may be written at a position.

use super::around;
use super::label::{Labels, named_ports};
use super::pods::workloads;
use super::schema::{self, Of, Shape};
use super::spot::{Completed, Spot, Step, Wanted, completed};
use super::style::{Style, quoted};
use super::{Completion, CompletionKind, Completions, InFile};
use crate::selector::Selector;
use crate::session::Session;
use crate::source::Position;
use crate::tree::{self, Node, Value};

/// Suggestions of one position; more help nobody.
const MOST: usize = 200;
/// Longer documents are read once at most while somebody types: nothing is suggested in them.
const LONGEST: usize = 1 << 20;

impl Session {
    /// What may be written at a position of a file, which may be in the middle of something that
    /// does not parse; none if nothing is known of the place, or the document has more than a
    /// megabyte.
    ///
    /// # Cost
    /// That of reading the document a few times, and linear in the endpoints.
    pub fn complete(&self, file: &str, position: Position) -> Option<Completions> {
        let (place, offset) = InFile::at(self, file, position)?;
        let text = Some(place.text()).filter(|text| text.len() <= LONGEST)?;
        let ways = completed(text, offset);
        ways.iter().find_map(|way| {
            way.at(|spot| {
                let range = way.range(spot);
                let style = Style::of(text, &range);
                let mut items = Suggest { session: self, spot, style, way }.all();
                items.retain(|one| could_be(&one.label, &spot.typed));
                items.truncate(MOST);
                let location = place.location(range)?;
                (!items.is_empty()).then_some(Completions { location, items })
            })
            .flatten()
        })
    }
}

/// Whether what is typed may become a suggestion: its letters are there, in this order.
fn could_be(label: &str, typed: &str) -> bool {
    let mut letters = label.chars().flat_map(char::to_lowercase);
    let mut typed = typed.trim().chars().flat_map(char::to_lowercase);
    typed.all(|wanted| letters.any(|letter| letter == wanted))
}

struct Suggest<'a, 'n, 't> {
    session: &'a Session,
    spot: &'a Spot<'n, 't>,
    style: Style,
    way: &'a Completed<'a>,
}

impl Suggest<'_, '_, '_> {
    fn all(&self) -> Vec<Completion> {
        let Some(shape) = self.spot.shape() else { return Vec::new() };
        match self.spot.wanted {
            Wanted::Key => self.keys(shape),
            Wanted::Value => self.values(shape),
        }
    }

    /// Keys of a mapping that it does not have yet.
    fn keys(&self, shape: Shape) -> Vec<Completion> {
        if let Shape::Labels(of) = shape {
            return self.label_keys(of, true);
        }
        let is_there = |name: &str| match &self.spot.parent().value {
            Value::Map(entries) => entries.iter().any(|entry| entry.key == name),
            _ => false,
        };
        let fields = shape.fields().into_iter().filter(|field| !is_there(field.name));
        let completion = fields.map(|field| Completion {
            label: field.name.to_owned(),
            kind: CompletionKind::Field,
            detail: field.shape.describe().to_owned(),
            doc: field.doc.to_owned(),
            insert: self.style.key(field.name, field.shape),
        });
        completion.collect()
    }

    fn values(&self, shape: Shape) -> Vec<Completion> {
        match shape {
            Shape::Words(words) => {
                let words = words.iter().filter(|word| !self.has_item(word.text));
                let word = |word: &schema::Word| self.word(word.text, word.doc);
                words.map(word).collect()
            }
            Shape::Boolean => ["true", "false"].map(|text| self.word(text, "")).into(),
            Shape::LabelKey(of) => self.label_keys(of, false),
            Shape::LabelValue(of) => self.label_values(of),
            Shape::Namespace => self.namespaces(),
            Shape::Node => self.nodes(),
            Shape::Port(of) => self.ports(of),
            Shape::Cidr => self.blocks(),
            Shape::Other if self.spot.steps.len() == 1 => self.kinds(),
            // A mapping or a list that has only just begun, on a line of its own.
            shape if self.is_below_key() => match shape.item() {
                Some(item) => self.items(item),
                None => self.keys(shape),
            },
            shape if self.is_item() => self.keys(shape),
            _ => Vec::new(),
        }
    }

    /// Whether the list that the spot is an item of has another one with this text.
    fn has_item(&self, text: &str) -> bool {
        let above = self.spot.nodes.len().checked_sub(2).and_then(|at| self.spot.nodes.get(at));
        let items = above.map(|node| node.items()).unwrap_or_default();
        items.iter().any(|item| item.as_str() == Some(text))
    }

    fn is_item(&self) -> bool {
        matches!(self.spot.steps.last(), Some(Step::Item(_)))
    }

    /// Whether the spot is the value of a key on a line above it, or in braces.
    fn is_below_key(&self) -> bool {
        !self.is_item() && (self.style.is_flow || self.way.is_on_own_line(self.spot))
    }

    /// What the first item of a list begins with.
    fn items(&self, item: Shape) -> Vec<Completion> {
        let inner = Style { column: self.style.column + 2, ..self.style };
        let own = Self { style: inner, ..*self };
        let mut items = if item.is_map() { own.keys(item) } else { own.values(item) };
        if !self.style.is_flow {
            items.iter_mut().for_each(|one| one.insert = format!("- {}", one.insert));
        }
        items
    }

    fn word(&self, text: &str, doc: &str) -> Completion {
        Completion {
            label: text.to_owned(),
            kind: CompletionKind::Word,
            detail: String::new(),
            doc: doc.to_owned(),
            insert: if self.style.is_json { quoted(text) } else { text.to_owned() },
        }
    }

    fn labels(&self, of: Of) -> Option<Labels<'_>> {
        let model = self.session.model();
        match of {
            Of::Namespaces => Some(Labels::of_namespaces(model)),
            Of::Nodes => Some(Labels::of_nodes(model)),
            _ => {
                let set = around::pods(self.session, self.spot, of, Selector::default())?;
                Some(Labels::of_pods(model, &set))
            }
        }
    }

    /// Labels of the workload's own template first.
    fn own_labels(&self, of: Of) -> Vec<(String, String)> {
        let is_selector = of == Of::Template && around::selector(self.spot).is_some();
        let labels = around::pod_labels(self.spot.object).filter(|_| is_selector);
        let Some(Value::Map(entries)) = labels.map(|node| &node.value) else { return Vec::new() };
        let text = |entry: &tree::Entry<'_>| {
            Some((entry.key.to_string(), entry.value.as_str()?.to_owned()))
        };
        entries.iter().filter_map(text).collect()
    }

    fn label_keys(&self, of: Of, with_value: bool) -> Vec<Completion> {
        let is_there = |key: &str| with_value && self.spot.parent().get(key).is_some();
        let own = self.own_labels(of).into_iter().map(|(key, value)| (key, value, String::new()));
        let labels = self.labels(of).unwrap_or_default();
        let known = labels.keys().into_iter().map(|(key, count)| {
            let values = labels.values(key);
            let only = match values.as_slice() {
                [(value, _)] => (*value).to_owned(),
                _ => String::new(),
            };
            (key.to_owned(), only, counted(of, count))
        });
        let mut all: Vec<Completion> = Vec::new();
        for (key, value, detail) in own.chain(known) {
            if is_there(&key) || all.iter().any(|one| one.label == key) {
                continue;
            }
            let insert = match (with_value, value.as_str()) {
                (false, _) => self.style.value(&key),
                (true, "") => self.style.key(&key, Shape::Text),
                (true, _) if self.style.has_rest => self.style.key(&key, Shape::Text),
                (true, value) => {
                    format!("{}{}", self.style.key(&key, Shape::Text), self.style.value(value))
                }
            };
            let kind = CompletionKind::LabelKey;
            all.push(Completion { label: key, kind, detail, doc: String::new(), insert });
        }
        all
    }

    fn label_values(&self, of: Of) -> Vec<Completion> {
        let Some(key) = self.label_key() else { return Vec::new() };
        let own = self.own_labels(of).into_iter().filter(|(own, _)| *own == key);
        let own = own.map(|(_, value)| (value, String::new()));
        let labels = self.labels(of).unwrap_or_default();
        let known = labels.values(&key).into_iter();
        let known = known.map(|(value, count)| (value.to_owned(), counted(of, count)));
        let mut all: Vec<Completion> = Vec::new();
        for (value, detail) in own.chain(known) {
            if self.has_item(&value) || all.iter().any(|one| one.label == value) {
                continue;
            }
            let insert = self.style.value(&value);
            let kind = CompletionKind::LabelValue;
            all.push(Completion { label: value, kind, detail, doc: String::new(), insert });
        }
        all
    }

    /// The label whose values are meant: the key of the entry, or what a requirement asks for.
    fn label_key(&self) -> Option<String> {
        let requirement =
            self.spot.nodes.iter().rev().find_map(|node| node.get("operator").and(Some(node)));
        let asked = requirement
            .or_else(|| self.spot.nodes.iter().rev().find(|node| node.get("values").is_some()));
        match asked.and_then(|node| node.get("key")).and_then(Node::as_str) {
            Some(key) => Some(key.to_owned()),
            None => self.spot.key().map(str::to_owned),
        }
    }

    fn namespaces(&self) -> Vec<Completion> {
        let model = self.session.model();
        let named = |namespace: &crate::cluster::Namespace| Completion {
            label: namespace.name.to_string(),
            kind: CompletionKind::Namespace,
            detail: String::new(),
            doc: String::new(),
            insert: self.style.value(&namespace.name),
        };
        model.namespaces.values().map(named).collect()
    }

    fn nodes(&self) -> Vec<Completion> {
        let named = |node: &crate::cluster::Node| Completion {
            label: node.name.to_string(),
            kind: CompletionKind::Node,
            detail: String::new(),
            doc: String::new(),
            insert: self.style.value(&node.name),
        };
        self.session.model().nodes.iter().map(named).collect()
    }

    /// Ports that pods name: by name where a name is meant or several numbers have it, and by
    /// number.
    fn ports(&self, of: Of) -> Vec<Completion> {
        let model = self.session.model();
        let Some(set) = around::pods(self.session, self.spot, of, Selector::default()) else {
            return Vec::new();
        };
        let ports = named_ports(model, &set);
        let port = |label: String, detail: String, insert: String| Completion {
            label,
            kind: CompletionKind::Port,
            detail,
            doc: String::new(),
            insert,
        };
        let mut all: Vec<Completion> = Vec::new();
        for (named, count) in &ports {
            let detail = format!("{} {}, {}", named.protocol, named.number, workloads(*count));
            all.push(port(named.name.to_owned(), detail, self.style.value(named.name)));
            let number = named.number.to_string();
            let detail = format!("{} `{}`, {}", named.protocol, named.name, workloads(*count));
            all.push(port(number.clone(), detail, number));
        }
        all
    }

    fn blocks(&self) -> Vec<Completion> {
        let block = |(label, doc): (String, &str)| Completion {
            insert: self.style.value(&label),
            label,
            kind: CompletionKind::Block,
            detail: String::new(),
            doc: doc.to_owned(),
        };
        let nodes = self.session.model().nodes.iter();
        let of_nodes = nodes.flat_map(|node| &node.pod_cidrs);
        let of_pods = of_nodes.map(ToString::to_string);
        let of_pods = of_pods.map(|block| (block, "Addresses of the pods of a node of the input."));
        const KNOWN: [(&str, &str); 5] = [
            ("0.0.0.0/0", "Every IPv4 address, those of pods too."),
            ("::/0", "Every IPv6 address, those of pods too."),
            ("10.0.0.0/8", "Private addresses."),
            ("172.16.0.0/12", "Private addresses."),
            ("192.168.0.0/16", "Private addresses."),
        ];
        let known = KNOWN.into_iter().map(|(block, doc)| (block.to_owned(), doc));
        known.chain(of_pods).map(block).collect()
    }

    /// Kinds, or versions of API groups, by the key that the spot is the value of.
    fn kinds(&self) -> Vec<Completion> {
        let text = |key: &str| self.spot.object.get(key).and_then(Node::as_str);
        let known = schema::kinds();
        match self.spot.key() {
            Some("kind") => {
                let version = text("apiVersion");
                let fits = known.filter(|kind| version.is_none_or(|own| own == kind.api_version));
                let kind = fits.map(|kind| Completion {
                    detail: kind.api_version.to_owned(),
                    kind: CompletionKind::Kind,
                    ..self.word(kind.name, kind.doc)
                });
                kind.collect()
            }
            Some("apiVersion") => {
                let wanted = text("kind");
                let fits = known.filter(|kind| wanted.is_none_or(|own| own == kind.name));
                let mut versions: Vec<&str> = fits.map(|kind| kind.api_version).collect();
                let mut seen = std::collections::BTreeSet::new();
                versions.retain(|version| seen.insert(*version));
                versions.into_iter().map(|version| self.word(version, "")).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn counted(of: Of, count: usize) -> String {
    let (one, several) = match of {
        Of::Namespaces => ("namespace", "namespaces"),
        Of::Nodes => ("node", "nodes"),
        _ => return workloads(count),
    };
    if count == 1 { format!("1 {one}") } else { format!("{count} {several}") }
}

//! Reading typed fields out of a tree, with a finding for each that does not fit.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Edit, Fix, nearest};
use crate::source::Span;
use crate::tree::{Entry, Node, Value};

/// A field's path, built on the stack and written out only when a finding needs it.
#[derive(Clone, Copy, Debug)]
pub enum Path<'p> {
    /// The object itself.
    Root,
    /// A field of a mapping.
    Field(&'p Path<'p>, &'p str),
    /// An item of a list.
    Item(&'p Path<'p>, usize),
    /// A key of a mapping that has user-chosen keys, such as labels.
    Key(&'p Path<'p>, &'p str),
}

impl<'p> Path<'p> {
    /// The path of a field.
    pub fn field(&'p self, name: &'p str) -> Self {
        Self::Field(self, name)
    }

    /// The path of a list's item.
    pub fn item(&'p self, index: usize) -> Self {
        Self::Item(self, index)
    }

    /// The path of a user-chosen key.
    pub fn key(&'p self, name: &'p str) -> Self {
        Self::Key(self, name)
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, name) => write!(f, "{parent}[{name}]"),
        }
    }
}

/// Collects what is wrong with one object.
#[derive(Debug, Default)]
pub struct Reader {
    /// Findings, in the order in which fields are read.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the API server would refuse the object.
    pub refused: bool,
}

/// Which keys a mapping may have.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'k> {
    /// Exactly these: any other is reported.
    Exactly(&'k [&'k str]),
    /// These and others that are not read: only another spelling of one of these is reported.
    Among(&'k [&'k str]),
    /// These, which are read, and then others that the type has. Any other key may be one of a
    /// later release: only a near miss of one that is read is reported, and what belongs elsewhere.
    Open(&'k [&'k str], &'k [&'k str], Elsewhere),
}

/// Keys that decide something elsewhere, and where, as a part of a sentence.
pub type Elsewhere = &'static [(&'static str, &'static str)];

impl Reader {
    /// Reports something that makes the API server refuse the object.
    pub fn refuse(&mut self, path: &Path<'_>, finding: Diagnostic) {
        self.refused = true;
        self.report(path, finding);
    }

    /// Reports something that leaves the object standing.
    pub fn report(&mut self, path: &Path<'_>, mut finding: Diagnostic) {
        finding.path = Some(path.to_string()).filter(|path| !path.is_empty());
        self.diagnostics.push(finding);
    }

    fn wrong_type(&mut self, path: &Path<'_>, node: &Node<'_>, wanted: &str) {
        let found = node.value.describe();
        let message = format!("`{path}` takes {wanted}, not {found}");
        self.refuse(path, Diagnostic::new(Code::WrongType, message).at(node.span));
    }

    /// The entries of a mapping; none for null or if it is no mapping, which is reported.
    pub fn entries<'n, 't>(&mut self, path: &Path<'_>, node: &'n Node<'t>) -> &'n [Entry<'t>] {
        match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                self.wrong_type(path, node, "a mapping");
                &[]
            }
        }
    }

    /// As [`Self::entries`], with unknown keys reported.
    pub fn fields<'n, 't>(
        &mut self,
        path: &Path<'_>,
        node: &'n Node<'t>,
        keys: Keys<'_>,
    ) -> Fields<'n, 't> {
        let entries = self.entries(path, node);
        for entry in entries {
            self.check_key(path, entry, keys);
        }
        Fields { entries, span: node.span }
    }

    fn check_key(&mut self, path: &Path<'_>, entry: &Entry<'_>, keys: Keys<'_>) {
        let (Keys::Exactly(known) | Keys::Among(known) | Keys::Open(known, ..)) = keys;
        let key: &str = &entry.key;
        if known.contains(&key) {
            return;
        }
        let meant = match keys {
            Keys::Exactly(_) => nearest(key, known.iter().copied()),
            // Without the whole list of keys, only another spelling of a known one is certain.
            Keys::Among(_) => {
                let meant = known.iter().find(|known| known.eq_ignore_ascii_case(key));
                let Some(meant) = meant else { return };
                Some(*meant)
            }
            Keys::Open(_, others, _) if others.contains(&key) => return,
            Keys::Open(_, _, elsewhere) => {
                let meant = nearest(key, known.iter().copied());
                let place = elsewhere.iter().find(|(misplaced, _)| *misplaced == key);
                if let (None, Some((_, place))) = (meant, place) {
                    return self.misplaced(path, entry, place);
                }
                let Some(meant) = meant else { return };
                Some(meant)
            }
        };
        let field = path.field(key);
        let message = format!("unknown field `{field}`: it is dropped");
        let finding = Diagnostic::new(Code::UnknownField, message).at(entry.key_span);
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => unknown_help(known),
        };
        let mut finding = finding.with_help(help);
        if let Some(meant) = meant.filter(|meant| meant.eq_ignore_ascii_case(key)) {
            let edit = Edit::Scalar(meant.to_owned());
            finding = finding.with_fix(Fix::other(entry.key_span, edit));
        }
        self.report(&field, finding);
    }

    fn misplaced(&mut self, path: &Path<'_>, entry: &Entry<'_>, place: &str) {
        let field = path.field(&entry.key);
        let message = format!("unknown field `{field}`: it is dropped");
        let finding = Diagnostic::new(Code::UnknownField, message).at(entry.key_span);
        self.report(&field, finding.with_help(format!("it belongs in {place}")));
    }

    /// The items of a list; none for null or if it is no list, which is reported.
    pub fn items<'n, 't>(&mut self, path: &Path<'_>, node: Option<&'n Node<'t>>) -> &'n [Node<'t>] {
        let Some(node) = node else { return &[] };
        match &node.value {
            Value::Seq(items) => items,
            Value::Null => &[],
            _ => {
                self.wrong_type(path, node, "a list");
                &[]
            }
        }
    }

    /// A string; null is the empty string, as in Go. Anything else is reported.
    pub fn string<'n>(&mut self, path: &Path<'_>, node: Option<&'n Node<'_>>) -> Option<&'n str> {
        let node = node?;
        match &node.value {
            Value::Str(text) => Some(text),
            Value::Null => None,
            _ => {
                self.wrong_type(path, node, "a string");
                None
            }
        }
    }

    /// A string where Go has the empty one for an absent or null field. None for another type,
    /// which is reported: what the empty string would lack is then not worth a second finding.
    pub fn text<'n>(&mut self, path: &Path<'_>, node: Option<&'n Node<'_>>) -> Option<&'n str> {
        match node {
            None | Some(Node { value: Value::Null, .. }) => Some(""),
            Some(node) => self.string(path, Some(node)),
        }
    }

    /// A boolean; null is false.
    pub fn boolean(&mut self, path: &Path<'_>, node: Option<&Node<'_>>) -> bool {
        match node.map(|node| (&node.value, node)) {
            Some((Value::Bool(value), _)) => *value,
            None | Some((Value::Null, _)) => false,
            Some((_, node)) => {
                self.wrong_type(path, node, "a boolean");
                false
            }
        }
    }

    /// A whole number of 32 bits, if present.
    pub fn integer(&mut self, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<i32> {
        let node = node?;
        match &node.value {
            Value::Null => None,
            Value::Number(number) => {
                let whole = whole(*number);
                if whole.is_none() && is_beyond(*number) {
                    let message = format!("`{path}` is too large for a whole number of 32 bits");
                    self.refuse(path, Diagnostic::new(Code::WrongType, message).at(node.span));
                } else if whole.is_none() {
                    self.wrong_type(path, node, "a whole number");
                }
                whole
            }
            _ => {
                self.wrong_type(path, node, "a whole number");
                None
            }
        }
    }

    /// Labels: keys and string values, sorted by key; null is the empty string.
    pub fn labels(
        &mut self,
        path: &Path<'_>,
        node: Option<&Node<'_>>,
    ) -> Vec<(Arc<str>, Arc<str>)> {
        let Some(node) = node else { return Vec::new() };
        let mut labels = Vec::new();
        for entry in self.entries(path, node) {
            if let Some(value) = self.label_value(&path.key(&entry.key), &entry.value) {
                labels.push((Arc::from(&*entry.key), Arc::from(value)));
            }
        }
        labels.sort_unstable();
        labels
    }

    /// A string where labels need one; null is the empty string.
    pub fn label_value<'n>(&mut self, path: &Path<'_>, node: &'n Node<'_>) -> Option<&'n str> {
        let found = match &node.value {
            Value::Str(text) => return Some(text),
            Value::Null => return Some(""),
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            other => other.describe(),
        };
        let message = format!("`{path}` takes a string, but this is {found}");
        let finding = Diagnostic::new(Code::NonStringLabel, message).at(node.span);
        let mut finding = finding.with_help("put the value in quotes");
        if matches!(node.value, Value::Bool(_) | Value::Number(_)) {
            finding = finding.with_fix(Fix::other(node.span, Edit::Quote));
        }
        self.refuse(path, finding);
        None
    }
}

fn unknown_help(known: &[&str]) -> String {
    match known {
        ["matchLabels", "matchExpressions"] => "put labels under `matchLabels`".into(),
        _ => format!("known fields: {}", known.join(", ")),
    }
}

/// A number that is whole and fits 32 bits.
pub fn whole(number: f64) -> Option<i32> {
    let fits =
        number.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    fits.then_some(number as i32)
}

/// Whether a number is larger than any of 32 bits.
pub fn is_beyond(number: f64) -> bool {
    number > f64::from(i32::MAX)
}

/// The fields of one mapping.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'n, 't> {
    entries: &'n [Entry<'t>],
    /// Where the mapping stands.
    pub span: Span,
}

impl<'n, 't> Fields<'n, 't> {
    /// A field's value; none if it is absent or null, which Go does not tell apart.
    pub fn get(&self, name: &str) -> Option<&'n Node<'t>> {
        self.entry(name).map(|entry| &entry.value).filter(|node| node.value != Value::Null)
    }

    /// A field's key and value, null included.
    pub fn entry(&self, name: &str) -> Option<&'n Entry<'t>> {
        self.entries.iter().find(|entry| entry.key == name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::SourceFile;

    /// The field of the only finding, and what to do about it.
    #[track_caller]
    fn said_of(kind: &str, spec: &str) -> (String, String) {
        let (version, kind) = kind.rsplit_once('/').unwrap_or(("v1", kind));
        let version = version.trim_end_matches('/');
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n");
        let file = SourceFile::new("a.yaml", text.as_bytes());
        let findings = file.parts.into_iter().flat_map(|part| part.document.findings.clone());
        let [finding] = &findings.collect::<Vec<_>>()[..] else { panic!("{text}") };
        (finding.path.clone().unwrap(), finding.help.clone().unwrap())
    }

    #[test]
    fn keys_that_belong_elsewhere_are_sent_there_by_what_has_them() {
        let template = "template: {metadata: {labels: {a: b}}, spec: {}}";
        let deployment =
            format!("{{selector: {{matchLabels: {{a: b}}}}, labels: {{}}, {template}}}");
        let controller = format!("{{matchLabels: {{}}, {template}}}");
        for (kind, spec, path, help) in [
            ("apps/v1/Deployment", &*deployment, "spec.labels", "`template.metadata`"),
            (
                "ReplicationController",
                &*controller,
                "spec.matchLabels",
                "`selector`, which has labels and no `matchLabels`",
            ),
            (
                "batch/v1/CronJob",
                "{parallelism: 1, jobTemplate: {spec: {template: {spec: {}}}}}",
                "spec.parallelism",
                "`jobTemplate.spec`",
            ),
            ("Pod", "{labels: {a: b}}", "spec.labels", "`metadata`"),
            (
                "Pod",
                "{containers: [{hostNetwork: true}]}",
                "spec.containers[0].hostNetwork",
                "the pod's `spec`",
            ),
            ("Service", "{targetPort: 1, ports: [{port: 1}]}", "spec.targetPort", "`ports`"),
            ("Node", "{labels: {a: b}}", "spec.labels", "`metadata`"),
        ] {
            let help = format!("it belongs in {help}");
            assert_eq!(said_of(kind, spec), (path.to_owned(), help), "{kind}");
        }
    }
}

//! L21: two different objects of the same kind, namespace and name; and L51, where whole files or
//! folders are variants of each other.

use std::cell::RefMut;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::text::Texts;
use super::{Context, Finding, about};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Object;
use crate::session::{Repeated, Session};
use crate::tree::{Entry, Node, Value};

/// Files of one folder that share more objects than this are variants, even if policies are among
/// these.
const MISTAKES: usize = 3;

/// One finding for each object that replaces a different one, and one for each two files or folders
/// that were not named and are variants. An object that says the same again is none: everybody who
/// applies both gets what each says.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let mut same = Sameness { texts: context.texts() };
    let mut pairs: BTreeMap<(usize, usize), Vec<&Repeated>> = BTreeMap::new();
    for repeated in session.repeated() {
        let first = session.origin(&repeated.first);
        if !same.holds(repeated, first) {
            let first = first.map_or(repeated.file, |(file, _)| file);
            pairs.entry((first, repeated.file)).or_default().push(repeated);
        }
    }
    let (mut found, mut variants) = (Vec::new(), BTreeMap::<_, Vec<&Repeated>>::new());
    for ((first, file), repeated) in pairs {
        match variant(session, (first, file), &repeated) {
            Some(names) => variants.entry(names).or_default().extend(repeated),
            None => found.extend(repeated.into_iter().map(|repeated| alone(session, repeated))),
        }
    }
    let variants = variants.iter();
    found.extend(variants.filter_map(|((first, _), repeated)| together(session, first, repeated)));
    found
}

/// What two files are that hold variants of the same objects, if they do: two folders that nobody
/// would apply together, or two files: people keep a workload or a Service in several forms side by
/// side, while a policy of the same name in another file is a copy whose name was forgotten.
fn variant(
    session: &Session,
    (first, file): (usize, usize),
    repeated: &[&Repeated],
) -> Option<(String, String)> {
    let (first, file) = (session.files().get(first)?, session.files().get(file)?);
    let has_policies = repeated.iter().any(|repeated| repeated.object.is_policy());
    let folder = |name: &str| name.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
    let (folders, files) = ((folder(&first.name), folder(&file.name)), first.name != file.name);
    if !(first.is_found && file.is_found) {
        return None;
    }
    if folders.0 != folders.1 {
        return Some(folders);
    }
    (files && (!has_policies || repeated.len() > MISTAKES))
        .then(|| (first.name.to_string(), file.name.to_string()))
}

fn alone(session: &Session, Repeated { file, part, object, first }: &Repeated) -> Finding {
    let (kind, namespace, name) = session.identity(object);
    let place = match namespace.is_empty() {
        true => String::new(),
        false => format!(" in namespace `{namespace}`"),
    };
    let at = place_of(session, first).map_or_else(String::new, |at| format!(", at {at}"));
    let message = format!("a second {kind} `{name}`{place}: it replaces the first{at}");
    let finding = Diagnostic::new(Code::DuplicateName, message).with_help("rename one of the two");
    let (_, finding) = about(session, object, "metadata.name", finding);
    (Some((*file, *part)), finding)
}

fn together(session: &Session, first: &str, repeated: &[&Repeated]) -> Option<Finding> {
    let example = repeated.first()?;
    let (kind, _, name) = session.identity(&example.object);
    let message = match repeated.len() {
        1 => format!("{kind} `{name}` replaces a different one in {first}"),
        count => {
            format!("{kind} `{name}` and {} more replace different ones in {first}", count - 1)
        }
    };
    let help = "if these are variants of the same, ask about one of them at a time";
    let finding = Diagnostic::new(Code::Variants, message).with_help(help);
    let (_, finding) = about(session, &example.object, "metadata.name", finding);
    Some((Some((example.file, example.part)), finding))
}

/// `FILE:LINE` of an object.
fn place_of(session: &Session, object: &Arc<Object>) -> Option<String> {
    let (file, part) = session.origin(object)?;
    let source = session.files().get(file)?;
    let start = source.parts.get(part)?.range.start + object.span.start as usize;
    let line = source.lines().position(&source.text, start).line;
    Some(format!("{}:{line}", source.name))
}

/// Whether objects say the same. Their texts are read again: objects are read without what does not
/// decide, and few are there twice.
struct Sameness<'c, 's> {
    texts: RefMut<'c, Texts<'s>>,
}

impl Sameness<'_, '_> {
    fn holds(&mut self, again: &Repeated, first: Option<(usize, usize)>) -> bool {
        let Some(first) = first else { return false };
        let again_at = (again.file, again.part);
        self.texts.read(first);
        self.texts.read(again_at);
        let (first, again) =
            (self.texts.node(first, &again.first), self.texts.node(again_at, &again.object));
        let same = |(first, again): (&Node<'_>, &Node<'_>)| {
            are_equal(&without_namespace(first), &without_namespace(again))
        };
        first.zip(again).is_some_and(same)
    }
}

/// Objects of the same identity are in the same namespace, whether or not they name it.
fn without_namespace<'t>(object: &Node<'t>) -> Node<'t> {
    let mut object = object.clone();
    if let Value::Map(entries) = &mut object.value {
        let metadata = entries.iter_mut().find(|entry| entry.key == "metadata");
        if let Some(Value::Map(fields)) = metadata.map(|entry| &mut entry.value.value) {
            fields.retain(|field| field.key != "namespace");
        }
    }
    object
}

/// Whether two trees are the same but for where they stand and the order of their keys.
fn are_equal(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (&a.value, &b.value) {
        (Value::Seq(a), Value::Seq(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_equal(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let same =
                |(a, b): (&Entry<'_>, &Entry<'_>)| a.key == b.key && are_equal(&a.value, &b.value);
            a.len() == b.len() && by_key(a).into_iter().zip(by_key(b)).all(same)
        }
        (a, b) => a == b,
    }
}

fn by_key<'n, 't>(entries: &'n [Entry<'t>]) -> Vec<&'n Entry<'t>> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    entries
}

//! Keys that stand twice, and `<<`, which brings those of other mappings.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Fault;
use super::node::{Entry, Node, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// What one `<<` brings into a mapping.
pub struct Merge<'t> {
    /// How many of the mapping's own entries stand above it.
    above: usize,
    /// Where its value stands.
    span: Span,
    /// What it brings, each key once.
    entries: Vec<Entry<'t>>,
}

impl<'t> Merge<'t> {
    /// The merge of `<<: *base` or `<<: [*a, *b]`, of which the first wins, below some entries.
    ///
    /// # Errors
    /// If the value is neither; an alias of a list is neither, too.
    pub fn new(above: usize, node: Node<'t>, is_alias: bool) -> Result<Self, Fault> {
        let (span, mut entries) = (node.span, Vec::new());
        match node.value {
            Value::Seq(items) if !is_alias => {
                items.into_iter().try_for_each(|item| gather(&mut entries, item))?;
            }
            value => gather(&mut entries, Node { value, span })?,
        }
        let mut seen = FxHashSet::default();
        entries.retain(|entry| seen.insert(entry.key.clone()));
        Ok(Self { above, span, entries })
    }
}

fn gather<'t>(entries: &mut Vec<Entry<'t>>, node: Node<'t>) -> Result<(), Fault> {
    let Value::Map(own) = node.value else {
        let message = "`<<` takes a mapping or a list of mappings";
        return Err(Box::new(Diagnostic::new(Code::Syntax, message).at(node.span)));
    };
    entries.extend(own);
    Ok(())
}

/// A mapping's entries with what is merged into it. As the API server reads it, a merge overrides
/// all such keys above it, of another merge or the mapping's own; only keys below a merge override
/// what it brings.
///
/// # Cost
/// Linear in all entries.
pub fn merged<'t>(
    own: Vec<Entry<'t>>,
    merges: Vec<Merge<'t>>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Entry<'t>> {
    if merges.is_empty() {
        return last_of_each_key(own, findings);
    }
    let mut whole = Whole::default();
    let mut own = own.into_iter();
    let mut taken = 0;
    for merge in merges {
        own.by_ref().take(merge.above - taken).for_each(|entry| whole.own(entry, findings));
        taken = merge.above;
        merge.entries.into_iter().for_each(|entry| whole.brought(entry, merge.span, findings));
    }
    own.for_each(|entry| whole.own(entry, findings));
    whole.entries.into_iter().flatten().collect()
}

/// A mapping as far as it has been put together.
#[derive(Default)]
struct Whole<'t> {
    /// In the order of the text; what was overridden is gone.
    entries: Vec<Option<Entry<'t>>>,
    /// Where each key is, and whether it is the mapping's own.
    places: FxHashMap<Cow<'t, str>, (usize, Origin)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Own,
    Brought,
}

impl<'t> Whole<'t> {
    fn own(&mut self, entry: Entry<'t>, findings: &mut Vec<Diagnostic>) {
        let finding = repeated(&entry);
        if self.put(entry, Origin::Own) == Some(Origin::Own) {
            list(findings, finding);
        }
    }

    fn brought(&mut self, entry: Entry<'t>, span: Span, findings: &mut Vec<Diagnostic>) {
        let message = format!("key `{}` is overridden by the `<<` below it", entry.key);
        if self.put(entry, Origin::Brought) == Some(Origin::Own) {
            let finding = Diagnostic::new(Code::DuplicateKey, message).at(span);
            list(findings, finding.with_help("put `<<` first, then the keys that differ"));
        }
    }

    /// Puts an entry in place of one of the same key, and says where that one was from.
    fn put(&mut self, entry: Entry<'t>, origin: Origin) -> Option<Origin> {
        let before = self.places.insert(entry.key.clone(), (self.entries.len(), origin));
        let overridden = before.and_then(|(at, _)| self.entries.get_mut(at));
        overridden.into_iter().for_each(|entry| *entry = None);
        self.entries.push(Some(entry));
        before.map(|(_, origin)| origin)
    }
}

fn repeated(entry: &Entry<'_>) -> Diagnostic {
    let message = format!("duplicate key `{}`; the last value wins", entry.key);
    Diagnostic::new(Code::DuplicateKey, message)
        .at(entry.key_span)
        .with_help("remove one of the two")
}

/// Adds a finding or, once there are that many, that there are more: a text may have millions.
fn list(findings: &mut Vec<Diagnostic>, finding: Diagnostic) {
    const MOST: usize = 1_000;
    match findings.len() {
        ..MOST => findings.push(finding),
        MOST => {
            let message = "more duplicate keys follow, which are not listed";
            findings.push(Diagnostic { message: message.into(), ..finding });
        }
        _ => {}
    }
}

/// Drops all but the last entry of each key and reports those dropped.
pub fn last_of_each_key<'t>(
    mut entries: Vec<Entry<'t>>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Entry<'t>> {
    // Small mappings are compared pairwise, which costs no memory.
    const FEW: usize = 12;
    let repeats = if entries.len() <= FEW {
        let mut rest = entries.as_slice();
        std::iter::from_fn(|| {
            let (first, others) = rest.split_first()?;
            rest = others;
            Some(others.iter().any(|other| other.key == first.key))
        })
        .any(|repeated| repeated)
    } else {
        let mut seen = FxHashSet::default();
        !entries.iter().all(|entry| seen.insert(&*entry.key))
    };
    if !repeats {
        return entries;
    }
    let mut seen: FxHashSet<Cow<'t, str>> = FxHashSet::default();
    for entry in &entries {
        if !seen.insert(entry.key.clone()) {
            list(findings, repeated(entry));
        }
    }
    entries.reverse();
    seen.clear();
    entries.retain(|entry| seen.insert(entry.key.clone()));
    entries.reverse();
    entries
}

//! Changes of texts that do away with findings: as places for whoever shows a finding, and applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ignored::Ignored;
use super::place;
use super::types::FixReport;
use crate::diagnostic::{Code, Diagnostic, Replacement, Severity};
use crate::manifest::SourceFile;
use crate::session::Session;
use crate::source::Span;

/// A file in which findings were done away with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedFile {
    /// Its name.
    pub name: Arc<str>,
    /// Its text before.
    pub before: Arc<str>,
    /// Its text after.
    pub after: String,
    /// How many findings are gone.
    pub fixed: usize,
    /// How many of them change what is decided.
    pub changing: usize,
}

/// What would be changed in a file.
struct Change {
    /// The code of the finding that it does away with.
    code: Code,
    replacement: Replacement,
    changes_meaning: bool,
}

impl Session {
    /// The files of which findings can be done away with, changed so. Each change is read again: one
    /// after which its finding is still there, another one has come, or something could not be read,
    /// is left out.
    ///
    /// # Cost
    /// That of a check, and of reading each such file again; for each change, if they cannot be made
    /// together.
    pub fn fix(&self) -> Vec<FixedFile> {
        let mut changes: Vec<Vec<Change>> = self.files().iter().map(|_| Vec::new()).collect();
        let ignored = Ignored::new(self);
        for (origin, finding) in self.findings() {
            if ignored.has(origin, &finding) {
                continue;
            }
            let Some(((file, part), change)) = origin.zip(finding.fix.as_deref()) else { continue };
            let Some((start, text)) = document(self, (file, part)) else { continue };
            let Some(Replacement { range, text }) = change.replacement(text) else { continue };
            let range = start + range.start..start + range.end;
            let replacement = Replacement { range, text };
            let all = changes.get_mut(file);
            all.into_iter().for_each(|all| {
                let changes_meaning = change.changes_meaning;
                all.push(Change {
                    code: finding.code,
                    replacement: replacement.clone(),
                    changes_meaning,
                });
            });
        }
        let files = self.files().iter().zip(changes);
        files.filter_map(|(file, changes)| fixed(file, changes)).collect()
    }
}

fn document(session: &Session, (file, part): (usize, usize)) -> Option<(usize, &str)> {
    let source = session.files().get(file)?;
    let range = source.parts.get(part)?.range.clone();
    Some((range.start, source.text.get(range)?))
}

fn fixed(file: &SourceFile, mut changes: Vec<Change>) -> Option<FixedFile> {
    changes.sort_by_key(|one| one.replacement.range.start);
    // Of two at one place, such as in an object that is there by two anchors, one is enough.
    changes.dedup_by(|after, before| {
        after.replacement.range.start < before.replacement.range.end
            || after.replacement.range == before.replacement.range
    });
    let (mut kept, mut after) = (Vec::new(), applied(&file.text, &changes));
    let worth = Worth::of(file);
    if worth.may_become(&file.name, &after, &changes) {
        kept.extend(changes);
    } else {
        for change in changes {
            kept.push(change);
            if !worth.may_become(&file.name, &applied(&file.text, &kept), &kept) {
                kept.pop();
            }
        }
        after = applied(&file.text, &kept);
    }
    let changing = kept.iter().filter(|one| one.changes_meaning).count();
    (!kept.is_empty()).then(|| FixedFile {
        name: file.name.clone(),
        before: file.text.clone(),
        after,
        fixed: kept.len(),
        changing,
    })
}

/// The text with changes, which are in order and apart from each other.
fn applied(text: &str, changes: &[Change]) -> String {
    let (mut after, mut at) = (String::with_capacity(text.len()), 0);
    for Change { replacement: Replacement { range, text: new }, .. } in changes {
        after.push_str(text.get(at..range.start).unwrap_or_default());
        after.push_str(new);
        at = range.end;
    }
    after + text.get(at..).unwrap_or_default()
}

/// How much of a file is understood.
#[derive(Clone, Debug)]
struct Worth {
    objects: usize,
    /// How many findings of its documents there are, by code.
    findings: BTreeMap<Code, usize>,
}

impl Worth {
    fn of(file: &SourceFile) -> Self {
        let parts = || file.parts.iter().map(|part| &part.document);
        let mut findings: BTreeMap<Code, usize> = BTreeMap::new();
        for finding in parts().flat_map(|document| &document.findings) {
            *findings.entry(finding.code).or_default() += 1;
        }
        Self { objects: parts().map(|document| document.objects.len()).sum(), findings }
    }

    fn count(&self, code: Code) -> usize {
        self.findings.get(&code).copied().unwrap_or_default()
    }

    /// Whether a text in its place is understood as well, at least: what changes are for is gone,
    /// and nothing else has come.
    fn may_become(&self, name: &str, text: &str, changes: &[Change]) -> bool {
        let after = Self::of(&SourceFile::new(name, text.as_bytes()));
        let codes = self.findings.keys().chain(after.findings.keys());
        let mends = changes.iter().any(|change| change.code.severity() == Severity::Error);
        after.objects >= self.objects && { codes }.all(|code| {
            let gone = changes.iter().filter(|change| change.code == *code).count();
            // What an error has hidden may come to light.
            (mends && code.severity() < Severity::Error)
                || after.count(*code) <= self.count(*code).saturating_sub(gone)
        })
    }
}

/// A finding's change, where it can be made.
pub(super) fn report(
    session: &Session,
    origin: Option<(usize, usize)>,
    finding: &Diagnostic,
) -> Option<FixReport> {
    let (origin, fix) = origin.zip(finding.fix.as_deref())?;
    let (_, text) = document(session, origin)?;
    let Replacement { range, text } = fix.replacement(text)?;
    let number = |n: usize| u32::try_from(n).ok();
    let span = Span { start: number(range.start)?, end: number(range.end)? };
    let location = place::location(session, origin, span)?;
    Some(FixReport { location, text, changes_meaning: fix.changes_meaning })
}

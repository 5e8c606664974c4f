//! Words at the ends of lines: whom selectors mean now.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::pods::{Counted, Workloads, workloads};
use super::{Lens, LensKind};
use crate::lint::{Named, Role, Texts, named_pods};
use crate::manifest::Object;
use crate::policy::SetId;
use crate::report::location;
use crate::session::Session;

impl Session {
    /// Whom the selectors of policies mean that stand at some lines of a file, counted from 1; by
    /// line.
    ///
    /// # Cost
    /// Linear in the endpoints and in the policies; that of reading those documents again that are
    /// at the lines.
    pub fn lenses(&self, file: &str, lines: RangeInclusive<u32>) -> Vec<Lens> {
        let Some(index) = self.files().iter().position(|one| *one.name == *file) else {
            return Vec::new();
        };
        let wanted = Wanted { session: self, file: index, lines };
        let counts = Workloads::new(self.model());
        let mut known: FxHashMap<SetId, Counted> = FxHashMap::default();
        let mut texts = Texts::new(self);
        let here = named_pods(self.policies()).filter(|one| wanted.has(&one.policy.object));
        let lenses = here.filter_map(|named| {
            let line = wanted.line(&mut texts, &named)?;
            let counted = *known.entry(named.id).or_insert_with(|| counts.count(named.set));
            Some(lens(line, named.role, counted))
        });
        let mut lenses: Vec<Lens> = lenses.collect();
        lenses.sort_by_key(|lens| lens.line);
        lenses.dedup_by_key(|lens| lens.line);
        lenses
    }
}

/// Where policies say which pods they select.
pub(super) const SUBJECTS: [&str; 3] = ["spec.podSelector", "spec.subject", "spec.selector"];

/// Lines of a file.
struct Wanted<'s> {
    session: &'s Session,
    file: usize,
    lines: RangeInclusive<u32>,
}

impl Wanted<'_> {
    /// Whether an object is at the lines, in part at least.
    fn has(&self, object: &Arc<Object>) -> bool {
        let Some(origin) = self.session.origin(object).filter(|(file, _)| *file == self.file)
        else {
            return false;
        };
        location(self.session, origin, object.span).is_some_and(|place| {
            place.line <= *self.lines.end() && *self.lines.start() <= place.end_line
        })
    }

    /// The line at which a selector begins, if it is one of the lines.
    fn line(&self, texts: &mut Texts<'_>, named: &Named<'_>) -> Option<u32> {
        let paths = match named.role {
            Role::Subject => SUBJECTS.map(str::to_owned).into(),
            Role::Peer(place) => vec![place.path()],
        };
        let span = texts.start(&named.policy.object, &paths)?;
        let line = location(self.session, self.session.origin(&named.policy.object)?, span)?.line;
        self.lines.contains(&line).then_some(line)
    }
}

fn lens(line: u32, role: Role, counted: Counted) -> Lens {
    let kind = match role {
        Role::Subject => LensKind::Selected,
        Role::Peer(_) => LensKind::Named,
    };
    let Counted { certain, unknown, namespaces } = counted;
    Lens { line, kind, workloads: certain, unknown, namespaces, text: text(kind, counted) }
}

fn text(kind: LensKind, Counted { certain, unknown, namespaces }: Counted) -> String {
    let verb = match kind {
        LensKind::Selected => "selects",
        LensKind::Named => "matches",
    };
    let places =
        if namespaces > 1 { format!(" in {namespaces} namespaces") } else { String::new() };
    match (certain, unknown) {
        (0, 0) => format!("{verb} nothing"),
        (certain, 0) => format!("{verb} {}{places}", workloads(certain)),
        (0, unknown) => format!("{verb} {}{places} perhaps", workloads(unknown)),
        (certain, unknown) => {
            format!("{verb} {}{places}, and {unknown} more perhaps", workloads(certain))
        }
    }
}

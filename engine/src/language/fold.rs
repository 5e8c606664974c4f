//! Documents as one line each.

use super::Fold;
use crate::report::object_ref;
use crate::session::Session;

impl Session {
    /// The documents of a file that have more than one line, in order.
    pub fn folds(&self, file: &str) -> Vec<Fold> {
        let Some(source) = self.files().iter().find(|one| *one.name == *file) else {
            return Vec::new();
        };
        let line = |offset: usize| source.lines().position(&source.text, offset).line;
        let folds = source.parts.iter().filter_map(|part| {
            let text = source.text.get(part.range.clone())?;
            let begin = text.find(|c: char| !c.is_whitespace())?;
            let (first, last) =
                (line(part.range.start + begin), line(part.range.start + text.trim_end().len()));
            let names = part.document.objects.iter().map(|object| object_ref(self, object));
            let names: Vec<String> = names.take(3).map(|object| object.to_string()).collect();
            let more = part.document.objects.len().saturating_sub(names.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            (last > first).then(|| Fold {
                line: first,
                end_line: last,
                title: format!("{}{more}", names.join(", ")),
            })
        });
        folds.collect()
    }
}

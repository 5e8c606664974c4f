//! What differs between the pinned state and the one that is there.

use portcullis_engine::report::text::{DiffMark, cause_text};
use portcullis_engine::report::{DiffCause, DiffChange, DiffReport, DiffSide};
use portcullis_engine::{ListFilter, Session};

use super::message::{ChangeRow, Changes};

/// So many rows are shown at once.
const ROWS: usize = 300;
/// So many rules for each.
const CAUSES: usize = 3;

/// What a new state allows that an old one does not, and the other way round.
pub fn between(old: &Session, new: &Session) -> Changes {
    let report = old.diff(new, &ListFilter::default());
    let rows = report.changes.iter().take(ROWS).map(|change| row(&report, change));
    let more = report.changes.len().saturating_sub(ROWS);
    Changes {
        opened: report.summary.opened,
        closed: report.summary.closed,
        uncertain: report.summary.uncertain,
        added: report.summary.added,
        removed: report.summary.removed,
        rows: rows.collect(),
        more: u32::try_from(more).unwrap_or(u32::MAX),
    }
}

fn row(report: &DiffReport, change: &DiffChange) -> ChangeRow {
    let causes = change.causes.iter().filter_map(|at| report.causes.get(*at as usize));
    let causes = causes.take(CAUSES).map(|cause| {
        let is_new = cause.side == DiffSide::New;
        let sign = if is_new { '+' } else { '−' };
        let location = cause.location.clone().filter(|_| is_new);
        // The page shows the place as a link.
        let told = match location {
            Some(_) => cause_text(&DiffCause { location: None, ..cause.clone() }),
            None => cause_text(cause),
        };
        (format!("{sign} {told}"), location)
    });
    ChangeRow {
        mark: DiffMark::of(change),
        from: change.from.to_string(),
        to: change.to.to_string(),
        ports: change.ports.to_string(),
        family: change.family,
        causes: causes.collect(),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_engine::{Change, Options, SourceFile};

    use super::*;

    fn session(from: &str) -> Session {
        let pod = |name: &str| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: a, labels: {{app: {name}}}}}, spec: {{containers: []}}}}\n---\n"
            )
        };
        let policy = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: a}}\nspec:\n  podSelector: {{matchLabels: {{app: db}}}}\n  ingress: [{{from: [{{podSelector: {{matchLabels: {{app: {from}}}}}}}]}}]\n"
        );
        let text = ["web", "api", "db"].map(pod).concat() + &policy;
        let file = SourceFile::new("all.yaml", text.as_bytes());
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    #[test]
    fn what_opens_and_closes_has_its_lines() {
        let (old, new) = (session("web"), session("api"));
        assert_eq!(between(&old, &old), Changes::default());
        let changes = between(&old, &new);
        assert_eq!((changes.opened, changes.closed, changes.rows.len()), (1, 1, 2));
        let [opened, closed] = [DiffMark::Opened, DiffMark::Closed]
            .map(|mark| changes.rows.iter().find(|row| row.mark == mark).unwrap());
        assert_eq!((&*opened.from, &*opened.to), ("a/api[Pod]", "a/db[Pod]"));
        assert!(opened.causes[0].0.starts_with("+ a/p ingress[0]"), "{opened:?}");
        // A line that is not there any more leads nowhere.
        assert!(opened.causes[0].1.is_some() && closed.causes[0].1.is_none());
    }
}
